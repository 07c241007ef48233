"""The boxes themselves: slabs, bars and signs in the colour of their kind, with a tooltip for each."""

from __future__ import annotations

from collections.abc import Sequence

from fieldmark.diagram.graph import Kind, Node, kind_of, layers_in
from fieldmark.diagram.labels import shape_text
from fieldmark.diagram.sizes import Box, Solid, line_height
from fieldmark.diagram.svg import element, escaped, number, text
from fieldmark.inspection.findings import Inspection, Layer
from fieldmark.palette import BLUE, GREEN, INK, MUTED, ORANGE, PAPER, PURPLE, SKY, VERMILLION

COLOURS = {
    Kind.PICTURE: INK,
    Kind.CONVOLUTION: BLUE,
    Kind.POOLING: VERMILLION,
    Kind.LINEAR: GREEN,
    Kind.CONCATENATION: ORANGE,
    Kind.ADDITION: PURPLE,
    Kind.PRODUCT: PURPLE,
    Kind.NORMALISATION: SKY,
    Kind.ACTIVATION: SKY,
    Kind.OTHER: MUTED,
}


def mixed(colour: str, other: str, share: float) -> str:
    """A colour with some of another in it.

    Args:
        colour: "#RRGGBB".
        other: "#RRGGBB".
        share: Of the other one, 0 to 1.

    Returns:
        "#RRGGBB".

    >>> mixed("#000000", "#FFFFFF", 0.5)
    '#808080'
    """
    channels = (
        round(int(colour[i : i + 2], 16) * (1 - share) + int(other[i : i + 2], 16) * share) for i in (1, 3, 5)
    )
    return "#" + "".join(f"{channel:02X}" for channel in channels)


def front(kind: Kind) -> str:
    """The colour of a slab's front."""
    return mixed(COLOURS[kind], PAPER, 0.92 if kind is Kind.PICTURE else 0.42)


def top(kind: Kind) -> str:
    """The colour of a slab's upper face."""
    return mixed(COLOURS[kind], PAPER, 0.96 if kind is Kind.PICTURE else 0.68)


def side(kind: Kind) -> str:
    """The colour of a slab's right face."""
    return mixed(COLOURS[kind], PAPER, 0.85 if kind is Kind.PICTURE else 0.22)


def edge(kind: Kind) -> str:
    """The colour of a slab's outline."""
    return mixed(COLOURS[kind], INK, 0.45)


def pale(kind: Kind) -> str:
    """The colour of the band that stands for normalisation."""
    return mixed(COLOURS[kind], PAPER, 0.86)


def dark(kind: Kind) -> str:
    """The colour of the band that stands for an activation."""
    return mixed(COLOURS[kind], INK, 0.4)


_BAND = 0.14  # of a slab's width
_LEAST_SEAM = 0.5
_SIGNS = {"sub": "-", "isub": "-", "mul": "\N{MULTIPLICATION SIGN}", "imul": "\N{MULTIPLICATION SIGN}"}


def box_svg(
    node: Node, box: Box, left: float, axis: float, parts: Sequence[float], inspection: Inspection, index: int
) -> str:
    """One box with its label and tooltip.

    Args:
        node: What the box stands for.
        box: How large it is.
        left: Where its front begins.
        axis: The height of its middle on the page.
        parts: The channels of the maps that a concatenation holds, in order.
        inspection: What the layers are looked up in.
        index: What lines call the box.

    Returns:
        SVG.
    """
    layers = inspection.layers
    solid = box.solid
    drawn = [element("title", escaped(tooltip(node, inspection)))]
    if solid.round:
        drawn += _round(node, solid, left, axis, layers)
    else:
        drawn += _slab(node, solid, left, axis, parts, layers)
    middle = left + (solid.wide + solid.right) / 2
    y = axis + solid.reach + 3
    for place, line in enumerate(box.label):
        colour = INK if place == 0 else MUTED
        baseline = y + (place + 0.8) * line_height(box.font)
        drawn.append(text(middle, baseline, line, box.font, colour, anchor="middle"))
    name = layers[node.main].name if node.main is not None else "picture"
    return element("g", *drawn, class_=f"layer {node.kind.value}", data_name=name, data_box=str(index))


def tooltip(node: Node, inspection: Inspection) -> str:
    """Name, type and numbers of all layers in a box, one per line."""
    if node.main is None:
        return f"picture, {shape_text(node.shape)}"
    return "\n".join(_told(inspection.layers[index]) for index in layers_in(node))


def _told(layer: Layer) -> str:
    facts = [f"{layer.name} ({layer.type})", shape_text(layer.output_shape)]
    if layer.parameters:
        facts.append(f"{layer.parameters:,} parameters")
    if layer.flops:
        facts.append(f"{layer.flops:,} FLOPs")
    return ", ".join(facts)


def _round(node: Node, solid: Solid, left: float, axis: float, layers: Sequence[Layer]) -> list[str]:
    radius = solid.wide / 2
    x = left + radius
    ring = dark(node.kind) if node.after else edge(node.kind)
    assert node.main is not None
    sign = _SIGNS.get(layers[node.main].type.strip("_").lower(), "+")
    disc = element(
        "circle",
        cx=x,
        cy=axis,
        r=radius,
        fill=front(node.kind),
        stroke=ring,
        stroke_width=2.2 if node.after else 0.9,
    )
    arm = 3.6
    cross = f"M{number(x - arm)} {number(axis)}h{number(2 * arm)}"
    if sign == "+":
        cross += f"M{number(x)} {number(axis - arm)}v{number(2 * arm)}"
    elif sign != "-":
        arm = 2.7
        cross = (
            f"M{number(x - arm)} {number(axis - arm)}l{number(2 * arm)} {number(2 * arm)}"
            f"M{number(x - arm)} {number(axis + arm)}l{number(2 * arm)} {number(-2 * arm)}"
        )
    return [disc, element("path", d=cross, stroke=INK, stroke_width=1.3, fill="none")]


def _slab(
    node: Node, solid: Solid, left: float, axis: float, parts: Sequence[float], layers: Sequence[Layer]
) -> list[str]:
    kind = node.kind
    y = axis - (solid.high - solid.up) / 2
    wide, high, right, up = solid.wide, solid.high, solid.right, solid.up
    line: dict[str, str | float] = {"stroke": edge(kind), "stroke_width": 0.7, "stroke_linejoin": "round"}
    drawn = []
    if right > 0:
        over = f"M{number(left)} {number(y)}l{number(right)} {number(-up)}h{number(wide)}"
        drawn.append(element("path", d=f"{over}l{number(-right)} {number(up)}z", fill=top(kind), **line))
        beside = f"M{number(left + wide)} {number(y)}l{number(right)} {number(-up)}v{number(high)}"
        drawn.append(element("path", d=f"{beside}l{number(-right)} {number(up)}z", fill=side(kind), **line))
    drawn.append(
        element("rect", class_="front", x=left, y=y, width=wide, height=high, fill=front(kind), **line)
    )
    drawn += _bands(node, left, y, wide, high, layers)
    if len(parts) > 1:
        drawn.append(_seams(left, y, wide, high, parts))
    return drawn


def _seams(left: float, y: float, wide: float, high: float, parts: Sequence[float]) -> str:
    """Where one map of a concatenation ends and the next begins, as far as it can be seen."""
    whole = sum(parts)
    seams, x, seen = [], left, left
    for part in parts[:-1]:
        x += wide * part / whole
        if x - seen >= _LEAST_SEAM:
            seams.append(f"M{number(x)} {number(y)}v{number(high)}")
            seen = x
    return element("path", d="".join(seams), stroke=PAPER, stroke_width=0.8) if seams else ""


def _bands(node: Node, left: float, y: float, wide: float, high: float, layers: Sequence[Layer]) -> list[str]:
    """Stripes for normalisation and activation: before the layer at the left, after it at the right."""
    band = min(max(_BAND * wide, 1.4), 5.0, wide / 3)
    drawn = []
    for indices, start, step in ((node.before, left, band), (node.after[::-1], left + wide - band, -band)):
        shown = [kind_of(layers[index].type) for index in indices][:3]
        for place, kind in enumerate(shown):
            fill = pale(node.kind) if kind is Kind.NORMALISATION else dark(node.kind)
            drawn.append(element("rect", x=start + place * step, y=y, width=band, height=high, fill=fill))
    return drawn
