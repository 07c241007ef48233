"""Names that users chose, made fit to draw: every glyph exists, and nothing is wider than its place."""

from __future__ import annotations

import functools
import math
import unicodedata
from collections import Counter
from collections.abc import Sequence

from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.ft2font import LoadFlags

from fieldmark.printable import ELLIPSIS, without_middle

FAMILY = "DejaVu Sans"  # comes with matplotlib, so that figures look the same everywhere
# DejaVu has no Chinese, Japanese or Korean glyphs; these fonts of the common systems do.
EAST_ASIAN = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
    "PingFang SC",
    "Hiragino Sans GB",
    "Apple SD Gothic Neo",
    "Arial Unicode MS",
)
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
POINTS_PER_INCH = 72


@functools.cache
def families() -> tuple[str, ...]:
    """The font families that text is drawn with, the first that has the glyph wins."""
    installed = {entry.name for entry in fontManager.ttflist}
    return (FAMILY, *(name for name in EAST_ASIAN if name in installed))


def font(size: float, *, bold: bool = False) -> FontProperties:
    """The one typeface of all figures. Every property is set, none is left to rcParams.

    Args:
        size: In points.
        bold: Whether the letters are bold.

    Returns:
        The font, as matplotlib's texts take it.
    """
    weight = "bold" if bold else "normal"
    return FontProperties(
        family=list(families()), style="normal", variant="normal", weight=weight, stretch="normal", size=size
    )


@functools.cache
def _advance(character: str, bold: bool) -> float | None:
    """How far the pen moves over `character`, in units of the type size; None if no font can draw it."""
    if not character.isprintable():
        return None
    for family in families():
        face = get_font(findfont(FontProperties(family=family, weight="bold" if bold else "normal")))
        if face.get_char_index(ord(character)) != 0:
            face.set_size(100, POINTS_PER_INCH)
            glyph = face.load_char(ord(character), flags=LoadFlags.NO_HINTING)
            return float(glyph.linearHoriAdvance) / 65536 / 100
    return None


def drawable(text: str) -> str:
    """`text` with every character that no font can draw, line breaks too, shown as a replacement character.

    >>> drawable("robin") == "robin", drawable("a" + chr(10) + "b") == "a" + REPLACEMENT + "b"
    (True, True)
    """
    composed = unicodedata.normalize("NFC", text)
    return "".join(letter if _advance(letter, False) is not None else REPLACEMENT for letter in composed)


def width(text: str, size: float, *, bold: bool = False) -> float:
    """The width of one line, kerning aside.

    Args:
        text: One line.
        size: In points.
        bold: Whether the letters are bold.

    Returns:
        Inches.

    >>> 0.3 < width("albatross", 8) < 0.6
    True
    """
    ems = sum(_advance(letter, bold) or 1.0 for letter in text)
    return ems * size / POINTS_PER_INCH


def shorten(text: str, size: float, room: float, *, bold: bool = False) -> str:
    """`text`, drawable, with its middle left out where it is too wide.

    Args:
        text: One line.
        size: In points.
        room: The most inches that it may take.
        bold: Whether the letters are bold.

    Returns:
        What fits, at least an ellipsis.

    >>> shorten("black_footed_albatross_juvenile", 8, 1.0).encode("ascii", "replace")
    b'black_fo?uvenile'
    """
    whole = drawable(text)

    def fits(line: str) -> bool:
        return width(line, size, bold=bold) <= room

    return whole if fits(whole) else without_middle(whole, fits) or ELLIPSIS


def short_names(names: Sequence[str], size: float, room: float, *, bold: bool = False) -> list[str]:
    """Names shortened to the room there is; those that read alike, or blank, get their position in front.

    Args:
        names: One line each.
        size: In points.
        room: The most inches that a name may take.
        bold: Whether the letters are bold.

    Returns:
        As many names, all different.

    >>> short_names(["cat", "dog"], 8, 1.0)
    ['cat', 'dog']
    >>> [name[:3] for name in short_names([chr(10), chr(9)], 8, 1.0)]
    ['0: ', '1: ']
    """
    short = [shorten(name, size, room, bold=bold) for name in names]
    times = Counter(short)
    for position, name in enumerate(names):
        if times[short[position]] > 1 or not name.strip():
            number = f"{position}: "
            rest = room - width(number, size, bold=bold)
            short[position] = number + shorten(name, size, rest, bold=bold)
    return short


def count(number: int) -> str:
    """A count for people.

    >>> count(12500)
    '12,500'
    """
    return f"{number:,}"


def pictures(number: int) -> str:
    """How many pictures.

    >>> pictures(1), pictures(1000)
    ('1 picture', '1,000 pictures')
    """
    return "1 picture" if number == 1 else f"{count(number)} pictures"


def percent(share: float, digits: int = 1) -> str:
    """A share as a percentage that never rounds up to all or down to none.

    Args:
        share: 0 to 1, or NaN.
        digits: After the decimal point.

    Returns:
        The percentage with its sign, "-" for NaN.

    >>> percent(0.9912), percent(0.99999), percent(1.0), percent(0.00001), percent(float("nan"))
    ('99.1 %', '>99.9 %', '100 %', '<0.1 %', '-')
    """
    if math.isnan(share):
        return "-"
    if share in (0.0, 1.0):
        return f"{share:.0%}".replace("%", " %")
    step = 10.0**-digits
    shown = round(100 * share, digits)
    if shown >= 100:
        return f">{100 - step:.{digits}f} %"
    if shown <= 0:
        return f"<{step:.{digits}f} %"
    return f"{shown:.{digits}f} %"
