"""Names of files and classes are data, and may hold anything; what is printed of them holds one line."""

from __future__ import annotations

LONGEST = 100
"""Characters of a name that a message shows."""


def shortened(text: object, most: int = LONGEST) -> str:
    """The text, its middle left out where it is longer than `most` characters: a cell may hold millions.

    >>> shortened("IMG_20260101_120000.jpg", most=15)
    'IMG_20...00.jpg'
    """
    whole = str(text)
    if len(whole) <= most:
        return whole
    end = (most - 3) // 2
    return f"{whole[: most - 3 - end]}...{whole[len(whole) - end :]}"


def printable(text: object) -> str:
    r"""The text on one line, control characters and undecodable bytes written as escapes.

    >>> printable("two\nlines")
    'two\\nlines'
    """
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "surrogatepass").decode()
        for letter in str(text)
    )
