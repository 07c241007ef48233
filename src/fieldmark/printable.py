"""Names of files and classes are data, and may hold anything; what is printed of them holds one line."""

from __future__ import annotations

from collections.abc import Callable

LONGEST = 100
"""Characters of a name that a message shows."""

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


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


def without_middle(text: str, fits: Callable[[str], bool]) -> str:
    """The text with an ellipsis in place of its middle, as many letters kept as `fits` allows.

    Args:
        text: One line that does not fit as it is.
        fits: Whether a text is narrow enough. What holds of one text must hold of a shorter one.

    Returns:
        The longest such text, "" where not even one letter fits beside the ellipsis.

    >>> without_middle("features.stage1", lambda text: len(text) <= 9).replace(ELLIPSIS, "~")
    'feat~age1'
    """

    def shown(kept: int) -> str:
        head = (kept + 1) // 2
        return text[:head] + ELLIPSIS + text[len(text) - (kept - head) :]

    kept, too_long = 0, len(text)
    while too_long - kept > 1:
        middle = (kept + too_long) // 2
        if fits(shown(middle)):
            kept = middle
        else:
            too_long = middle
    return shown(kept) if kept else ""
