"""SVG written as text: elements, numbers, any text made safe, and how wide a line of it will be.

Pure ASCII comes out, so that a file's bytes do not depend on how it is saved.
"""

from __future__ import annotations

import functools
import re

from fieldmark.printable import without_middle

FONT = "DejaVu Sans, Verdana, Segoe UI, Arial, sans-serif"
"""The widest of the common typefaces first: what fits in it fits in the others too."""

# XML 1.0, production 2: all that a document may hold, also in disguise.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# Advance widths of DejaVu Sans in thousandths of the type size, rounded up.
_WIDTHS = {
    279: "'ijl",
    296: "IJ",
    319: " ,.",
    338: "/:;\\|",
    362: "f-",
    391: "()[]",
    412: "!rt",
    461: '"',
    501: "*_`",
    532: "?sz",
    558: "Lc",
    593: "Fkvxy",
    616: "PTYaeo",
    637: "ESbdghnpqu$0123456789{}",
    699: "ABCKRVXZ",
    753: "HNU",
    788: "&DGOQ",
    839: "#+<=>^w~",
    864: "M",
    1000: "%@Wm",
}
_ADVANCE = {letter: width / 1000 for width, letters in _WIDTHS.items() for letter in letters}
_WIDEST = 1.1  # of a letter that is not in the table; East Asian letters fill a square
_BOLD = 1.27


def number(value: float) -> str:
    """A coordinate, in hundredths of a unit.

    >>> number(2.0), number(1 / 3), number(-0.001)
    ('2', '0.33', '0')
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def escaped(text: str) -> str:
    """`text` as content or attribute of an element, in ASCII; what XML cannot hold becomes U+FFFD.

    >>> escaped('a<b> & "c"'), escaped(chr(0) + chr(233))
    ('a&lt;b&gt; &amp; &quot;c&quot;', '&#65533;&#233;')
    """
    legal = _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)
    safe = legal.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return safe.encode("ascii", "xmlcharrefreplace").decode()


def element(tag: str, *children: str, **attributes: str | float) -> str:
    """One element of SVG.

    Args:
        tag: Its name.
        *children: What it holds, SVG already.
        **attributes: Underscores in their names become hyphens, a last one is dropped. Numbers are
            coordinates, texts are made safe.

    Returns:
        SVG.

    >>> element("g", element("rect", width=2.5), class_="layer", stroke_width=1)
    '<g class="layer" stroke-width="1"><rect width="2.5"/></g>'
    """
    words = [tag]
    for name, value in attributes.items():
        shown = escaped(value) if isinstance(value, str) else number(value)
        words.append(f'{name.rstrip("_").replace("_", "-")}="{shown}"')
    opening = " ".join(words)
    return f"<{opening}>{''.join(children)}</{tag}>" if children else f"<{opening}/>"


def text(
    x: float, y: float, words: str, size: float, fill: str, *, anchor: str = "start", bold: bool = False
) -> str:
    """One line of text.

    Args:
        x: Where its `anchor` is.
        y: Where its baseline is.
        words: Any text; it is made safe.
        size: Type size.
        fill: "#RRGGBB".
        anchor: The part of the line that is at x: "start", "middle" or "end".
        bold: Whether the letters are bold.

    Returns:
        SVG.

    >>> text(1, 2, "3x3", 9, "#000")
    '<text x="1" y="2" font-size="9" fill="#000">3x3</text>'
    """
    extra: dict[str, str] = {} if anchor == "start" else {"text_anchor": anchor}
    if bold:
        extra["font_weight"] = "bold"
    return element("text", escaped(words), x=x, y=y, font_size=size, fill=fill, **extra)


@functools.lru_cache(maxsize=4096)
def text_width(words: str, size: float, *, bold: bool = False) -> float:
    """The most that a line of text takes at this type size, in the same unit.

    >>> round(text_width("conv 3x3", 10), 1)
    45.9
    """
    ems = sum(_ADVANCE.get(letter, _WIDEST) for letter in words)
    return ems * size * (_BOLD if bold else 1)


def fit_words(words: str, size: float, room: float, *, bold: bool = False) -> str:
    """One line of text, with its middle left out where it is too wide.

    Args:
        words: The line.
        size: Type size.
        room: The most that it may take, in the same unit.
        bold: Whether the letters are bold.

    Returns:
        What fits, "" where nothing does.

    >>> fit_words("features", 10, 100), fit_words("features.stage1", 10, 60).encode("ascii", "replace")
    ('features', b'feat?age1')
    """

    def fits(line: str) -> bool:
        return text_width(line, size, bold=bold) <= room

    return words if fits(words) else without_middle(words, fits)
