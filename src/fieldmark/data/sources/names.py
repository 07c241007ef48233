"""Rules for names that all sources share: natural order, split names, what is never a class or a picture."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator

from fieldmark.printable import shortened

TABLE_EXTENSIONS = (".csv", ".tsv", ".parquet")

SPLIT_NAMES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
"""The plain names of splits, which go without saying."""

SPLIT_WORDS = {
    **SPLIT_NAMES,
    **dict.fromkeys(("training", "trn"), "train"),
    **dict.fromkeys(("dev", "devel", "development", "eval", "evaluation"), "val"),
    **dict.fromkeys(("testing", "tst", "holdout"), "test"),
}
_ABOUT = "sets?|data|images?|imgs?|pictures?|pics|photos?|samples?|splits?|files?"
_SPLIT = re.compile(
    rf"(?:(?:{_ABOUT})[\W_]*)*({'|'.join(SPLIT_WORDS)})(?:[\W_]*(?:{_ABOUT}|(?:19|20)[0-9][0-9]))*"
)


def split_of(name: str) -> str | None:
    """The split that a folder or a cell of this name stands for; None for any other name.

    The usual words, with or without set, data, images, photos ... or a year beside them; capitals do not
    matter.

    >>> [split_of(name) for name in ("Training", "val_images", "test2017", "dev-set", "trainer")]
    ['train', 'val', 'test', 'val', None]
    """
    found = _SPLIT.fullmatch(name.strip().lower())
    return SPLIT_WORDS[found[1]] if found else None


JUNK = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini", "$RECYCLE.BIN", "@eaDir"})
"""What operating systems leave behind; hidden names (.DS_Store, .ipynb_checkpoints, ._photo.jpg) besides."""


def natural_key(name: str) -> tuple[list[str | int], str]:
    """The sort key under which numbers go by value and capitals beside small letters.

    Two names that differ only in capitals or in leading zeros go by code point.

    >>> sorted(["10", "b2", "2", "B10", "a"], key=natural_key)
    ['2', '10', 'a', 'b2', 'B10']
    """
    # split() with a group gives text at even places and digits at odd ones, so like meets like.
    parts = re.split("([0-9]+)", name.casefold())
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], name


def natural_order(names: Iterable[str]) -> tuple[str, ...]:
    """The different names, sorted by `natural_key`.

    >>> natural_order(["cat 10", "cat 2", "cat 10"])
    ('cat 2', 'cat 10')
    """
    return tuple(sorted(set(names), key=natural_key))


def is_junk(name: str) -> bool:
    """Whether a file or folder of this name is skipped without a word.

    >>> [is_junk(name) for name in (".DS_Store", "__MACOSX", "cat")]
    [True, True, False]
    """
    return name.startswith(".") or name in JUNK


def composed(name: str) -> str:
    """The name as Unicode composes it (NFC), so that one word is one class however a disk spells it.

    >>> composed("cafe\u0301") == "caf\u00e9"
    True
    """
    return unicodedata.normalize("NFC", name)


def alike(classes: Iterable[str]) -> Iterator[str]:
    """A sentence for each group of classes whose names differ in capitals and spaces only.

    >>> list(alike(["cat", "dog", "Cat"]))
    ["'cat' and 'Cat' are different classes; if they are one, give them one name."]
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for name in classes:
        groups["".join(name.casefold().split())].append(name)
    for names in groups.values():
        if len(names) > 1:
            quoted = " and ".join(f"'{shortened(name, 40)}'" for name in names)
            yield f"{quoted} are different classes; if they are one, give them one name."


def listed(names: Iterable[object], most: int = 5) -> str:
    """The first names with commas, long ones shortened, and how many there are beyond.

    >>> listed("abc", most=2)
    'a, b and 1 more'
    """
    each = [shortened(name, 60) for name in names]
    more = f" and {len(each) - most} more" if len(each) > most else ""
    return ", ".join(each[:most]) + more
