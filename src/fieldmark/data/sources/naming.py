"""Rules for names that all sources share: natural order, split names, what is never a class or a picture."""

from __future__ import annotations

import re
from collections.abc import Iterable

SPLIT_NAMES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
"""What a folder or a table may call a split, in lower case; capitals do not matter."""

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


def listed(names: Iterable[object], most: int = 5) -> str:
    """The first names with commas, and how many there are beyond.

    >>> listed("abc", most=2)
    'a, b and 1 more'
    """
    each = [str(name) for name in names]
    more = f" and {len(each) - most} more" if len(each) > most else ""
    return ", ".join(each[:most]) + more
