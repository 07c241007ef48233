"""The words around a drawing: title and totals, brackets for the stages, the key to colours and scale."""

from __future__ import annotations

from collections.abc import Sequence

from fieldmark.diagram.graph import DenseRun, Kind, Node, kind_of
from fieldmark.diagram.labels import is_map, shape_text
from fieldmark.diagram.routes import NEXT, all_drawn
from fieldmark.diagram.sizes import Scale
from fieldmark.diagram.solids import COLOURS, dark, edge, front, pale
from fieldmark.diagram.svg import element, fit_words, number, text, text_width
from fieldmark.inspection.findings import Inspection
from fieldmark.palette import INK, MUTED

_TITLE, _FACT, _NOTE = 20.0, 13.0, 11.0
_LINE = 16.0
_TALLEST_RULER = 32.0
_APART = 18.0


def heading_svg(inspection: Inspection, note: str, margin: float, wide: float) -> tuple[str, float]:
    """The title, the totals, and how to read the drawing.

    Args:
        inspection: What is drawn.
        note: How to read it.
        margin: At the left and right of the page.
        wide: Width of the page.

    Returns:
        SVG, and the height at which the room below begins.
    """
    room = wide - 2 * margin
    facts = (
        f"picture {shape_text(inspection.input_shape)}",
        f"{inspection.parameters:,} parameters",
        f"{large(inspection.flops)}FLOPs per picture",
        f"{inspection.depth:,} layers deep",
    )
    drawn = [
        text(margin, 38, fit_words(inspection.model, _TITLE, room, bold=True), _TITLE, INK, bold=True),
        text(margin, 60, fit_words(" \N{MIDDLE DOT} ".join(facts), _FACT, room), _FACT, MUTED),
    ]
    y = 62.0
    for line in _wrapped(note, room):
        y += _LINE
        drawn.append(text(margin, y, line, _NOTE, MUTED))
    return element("g", *drawn, class_="heading"), y + 14


def _wrapped(words: str, room: float) -> list[str]:
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if text_width(longer, _NOTE) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def large(count: int) -> str:
    """A count with three digits and a prefix, ready for its unit.

    >>> large(3_628_146_688), large(999), large(833_280)
    ('3.63 G', '999 ', '833 k')
    """
    for power, prefix in ((12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if count >= 10**power:
            value = count / 10**power
            return f"{value:.{max(0, 3 - len(str(int(value))))}f} {prefix}"
    return f"{count} "


def legend_svg(
    nodes: Sequence[Node],
    dense: Sequence[DenseRun],
    inspection: Inspection,
    scale: Scale,
    margin: float,
    wide: float,
    y: float,
) -> tuple[str, float]:
    """The key to colours, bands, arcs and scale, as far as the drawing has them.

    Args:
        nodes: The boxes.
        dense: The dense blocks.
        inspection: What is drawn.
        scale: Of the drawing.
        margin: At the left and right of the page.
        wide: Width of the page.
        y: The height that it begins at.

    Returns:
        SVG in as many lines as it takes, and the height at which the page ends.
    """
    present = {node.kind for node in nodes}
    layers = inspection.layers
    bands = {kind_of(layers[i].type) for node in nodes for i in (*node.before, *node.after)}
    items = [(_swatch(kind), 14.0, kind.value) for kind in COLOURS if kind in present]
    items += [
        (_banded(kind), 14.0, f"with {kind.value}")
        for kind in (Kind.NORMALISATION, Kind.ACTIVATION)
        if kind in bands
    ]
    if dense:
        some = "" if all(all_drawn(run) for run in dense) else f" (of long blocks the next {NEXT} are drawn)"
        items.append((_arc(), 22.0, f"on to every later concatenation of the block{some}"))
    drawn = []
    x = margin
    for sign, width, words in items:
        needed = width + 6 + text_width(words, _NOTE)
        if x > margin and x + needed > wide - margin:
            x, y = margin, y + _LINE + 4
        drawn.append(_at(x, y, sign) + text(x + width + 6, y + 10, words, _NOTE, INK))
        x += needed + _APART
    y += 24
    x = margin
    for ruler, width in _rulers(nodes, scale):
        if x > margin and x + width > wide - margin:
            x, y = margin, y + 26
        drawn.append(_at(x, y, ruler))
        x += width + _APART
    return element("g", *drawn, class_="legend"), y + 48


def _at(x: float, y: float, drawn: str) -> str:
    return element("g", drawn, transform=f"translate({number(x)} {number(y)})")


def _swatch(kind: Kind) -> str:
    look: dict[str, str | float] = {"fill": front(kind), "stroke": edge(kind), "stroke_width": 0.8}
    if kind in (Kind.ADDITION, Kind.PRODUCT):
        arm = "M3.5 6h7M7 2.5v7" if kind is Kind.ADDITION else "M4.5 3.5l5 5M4.5 8.5l5-5"
        return element("circle", cx=7, cy=6, r=6, **look) + element("path", d=arm, stroke=INK)
    return element("rect", width=14, height=12, **look)


def _banded(kind: Kind) -> str:
    base = Kind.CONVOLUTION
    shade = pale(base) if kind is Kind.NORMALISATION else dark(base)
    box = element("rect", width=14, height=12, fill=front(base), stroke=edge(base), stroke_width=0.8)
    return box + element("rect", x=9, width=5, height=12, fill=shade)


def _arc() -> str:
    return element("path", d="M1 11Q1 1 11 1Q21 1 21 11", fill="none", stroke=COLOURS[Kind.CONVOLUTION])


def _rulers(nodes: Sequence[Node], scale: Scale) -> list[tuple[str, float]]:
    """The scale: how high some pixels are, and how wide some channels; each with the room it takes."""
    made = []
    if any(is_map(node.shape) for node in nodes):
        side = 1
        while 2 * side * scale.pixel <= _TALLEST_RULER:
            side *= 2
        length = side * scale.pixel
        words = f"{side} {'pixel' if side == 1 else 'pixels'}: height and depth of maps are linear"
        upright = element("g", _ruler(length), transform=f"translate(6 {number(16 - length / 2)}) rotate(90)")
        made.append((upright + text(14, 20, words, _NOTE, MUTED), 14 + text_width(words, _NOTE)))
    how = "linear in" if scale.linear else "the square root of"
    words = f"width of maps, length of vectors: {how} the count"
    made.append((text(0, 20, words, _NOTE, MUTED), text_width(words, _NOTE)))
    for count in (4, 16, 64, 256, 1024, 4096):
        length = scale.across(count)
        if 8 <= length <= 120:
            label = f"{count:,}"
            ruler = element("g", _ruler(length), transform="translate(0 13)")
            made.append(
                (ruler + text(length + 6, 20, label, _NOTE, MUTED), length + 6 + text_width(label, _NOTE))
            )
    return made


def _ruler(length: float) -> str:
    """A line to the right with a tick at both ends."""
    end = number(length)
    return element("path", d=f"M0 0v6M0 3H{end}M{end} 0v6", stroke=MUTED, fill="none")
