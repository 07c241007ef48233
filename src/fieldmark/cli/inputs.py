"""Which pictures `predict` was given: files, folders, globs, and `-` for names on stdin."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fieldmark.data.sources.folder import walk
from fieldmark.data.sources.naming import natural_key

STDIN = "-"


@dataclass
class Found:
    """files: in the order they were given, a folder's in natural order; others: what folders hold besides."""

    files: list[str] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)


def find(words: Sequence[str], stdin: Iterable[str]) -> Found:
    """The files that `words` stand for.

    A file named explicitly, by a glob or on stdin is in the list whatever it is, there or not; a folder
    gives the pictures in it and below by their extension. A glob that matches nothing stands
    for itself, as in a shell. stdin: lines with one name each (names, not picture bytes), read where a word
    is "-".
    Raises DataError for a folder that cannot be listed.
    """
    found = Found()
    for word in words:
        for name in names(word, stdin):
            path = Path(name)
            if path.is_dir():
                inside = sorted(walk(path, others=found.others), key=path_key)
                found.files += [str(path / one) for one in inside]
            else:
                found.files.append(name)
    return found


def names(word: str, stdin: Iterable[str]) -> Iterator[str]:
    """The names of files or folders that one word stands for."""
    if word == STDIN:
        yield from (line for line in (line.rstrip("\r\n") for line in stdin) if line)
        return
    path = str(Path(word).expanduser()) if word.startswith("~") else word
    wild = glob.has_magic(path) and not Path(path).exists()
    matches = glob.glob(path, recursive=True) if wild else []  # noqa: PTH207  (Path.glob takes no absolute pattern)
    yield from sorted(matches, key=path_key) if matches else [path]


def path_key(path: str) -> list[Any]:
    """Natural order, folder by folder.

    >>> sorted(["b/10.jpg", "b/9.jpg", "a/11.jpg"], key=path_key)
    ['a/11.jpg', 'b/9.jpg', 'b/10.jpg']
    """
    return [natural_key(part) for part in Path(path).parts]
