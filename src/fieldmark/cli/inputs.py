"""Which pictures `predict` was given: files, folders, globs, lists in tables, and `-` for names on stdin."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fieldmark.data.decode.formats import LONGEST, READERS, sniff
from fieldmark.data.sources import table
from fieldmark.data.sources.folders import walk
from fieldmark.data.sources.names import TABLE_EXTENSIONS, natural_key
from fieldmark.errors import UserError

STDIN = "-"
DECODED = {*READERS, "HEIF"}
"""The formats that `--any-extension` looks for."""


@dataclass
class Found:
    """What was named.

    files: in the order they were given, a folder's in natural order. others: how many files folders hold
    besides, by extension. reasons: why one of `files` gives no pictures, where it is a folder that cannot be
    listed or a table that cannot be read.
    """

    files: list[str] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, str] = field(default_factory=dict)


def find(
    words: Sequence[str],
    stdin: Iterable[str],
    *,
    any_extension: bool = False,
    file_column: str | None = None,
) -> Found:
    """The files that `words` stand for.

    A file named explicitly, by a glob or on stdin is in the list whatever it is, there or not; a folder
    gives the pictures in it and below; a CSV, TSV or Parquet table the files that it lists. A glob that
    matches nothing stands for itself, as in a shell. What cannot be listed or read is in the list itself.

    Args:
        words: as typed.
        stdin: lines with one name each (names, not picture bytes), read where a word is "-".
        any_extension: pictures in folders are known by their first bytes instead of their names.
        file_column: the column of tables with the files or the pictures.
    """
    found = Found()
    for word in words:
        for name in names(word, stdin):
            if _is(os.path.isdir, name):
                _add_folder(found, Path(name), any_extension)
            elif Path(name).suffix.lower() in TABLE_EXTENSIONS and _is(os.path.isfile, name):
                _add_table(found, name, file_column)
            else:
                found.files.append(name)
    return found


def _add_folder(found: Found, folder: Path, any_extension: bool) -> None:
    refused: dict[str, str] = {}
    wanted = _begins_a_picture if any_extension else None
    inside = [*walk(folder, others=found.others, wanted=wanted, refused=refused), *refused]
    found.files += [str(folder / one) for one in sorted(inside, key=path_key)]
    found.reasons.update({str(folder / one): reason for one, reason in refused.items()})


def _add_table(found: Found, name: str, file_column: str | None) -> None:
    try:
        found.files += table.files(Path(name), file_column)
    except UserError as error:
        found.files.append(name)
        found.reasons[name] = str(error)


def _begins_a_picture(entry: os.DirEntry[str]) -> bool:
    """Whether a file begins as pictures of a format that is decoded do."""
    try:
        if not entry.is_file():  # a pipe would be waited for
            return False
        with open(entry.path, "rb") as file:  # noqa: PTH123
            return sniff(file.read(LONGEST)) in DECODED
    except OSError:
        return False


def _is(kind: Callable[[str], bool], name: str) -> bool:
    """Whether there is such a file or folder; never an error, however odd the name."""
    try:
        return kind(name)
    except (OSError, ValueError):
        return False


def names(word: str, stdin: Iterable[str]) -> Iterator[str]:
    """The names of files or folders that one word stands for."""
    if word == STDIN:
        yield from (line for line in (line.rstrip("\r\n") for line in stdin) if line)
        return
    path = os.path.expanduser(word)  # noqa: PTH111 - Path's own raises for an unknown user
    wild = glob.has_magic(path) and "\0" not in path and not _is(os.path.lexists, path)
    matches = glob.glob(path, recursive=True) if wild else []  # noqa: PTH207  (Path.glob takes no absolute pattern)
    yield from sorted(matches, key=path_key) if matches else [path]


def path_key(path: str) -> list[Any]:
    """Natural order, folder by folder.

    >>> sorted(["b/10.jpg", "b/9.jpg", "a/11.jpg"], key=path_key)
    ['a/11.jpg', 'b/9.jpg', 'b/10.jpg']
    """
    return [natural_key(part) for part in Path(path).parts]
