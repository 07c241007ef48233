"""Names of files and classes are data, and may hold anything; what is printed of them holds one line."""

from __future__ import annotations


def printable(text: object) -> str:
    r"""The text on one line, control characters and undecodable bytes written as escapes.

    >>> printable("two\nlines")
    'two\\nlines'
    """
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "surrogatepass").decode()
        for letter in str(text)
    )
