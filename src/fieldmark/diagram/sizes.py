"""How large everything is: one scale for the whole drawing, and the box that each layer gets by it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fieldmark.diagram.graph import Kind, Node
from fieldmark.diagram.labels import (
    channels_text,
    is_map,
    kernel_text,
    length_of,
    shape_text,
    sides_of,
    size_text,
    word_of,
)
from fieldmark.diagram.svg import fit_words, text_width
from fieldmark.inspection.findings import Inspection

ROUND = 7.0  # radius of an addition
BAR = 9.0  # thickness of a vector
_RISE = 0.6  # of the depth's way to the right
_LEAST_VISIBLE = 2.5  # the smallest width on a linear scale of channels


@dataclass(frozen=True)
class Style:
    """How generous a drawing is. All lengths are in units of the drawing.

    Attributes:
        font: Type size of labels.
        tallest: The most that a map's height takes.
        widest: The most that a map's width takes.
        longest: The most that a vector's length takes.
        magnified: The most units per pixel.
        depth: To the right, per unit of a map's width.
        gap: Between neighbours.
        label: The widest that a label is.
        words: Whether labels name the kind of layer also where the colour says the same.
        repeats: Whether labels give the sides also where they stay as they are.
        together: Whether channels and sides stand on one line.
    """

    font: float
    tallest: float
    widest: float
    longest: float
    magnified: float
    depth: float
    gap: float
    label: float
    words: bool
    repeats: bool
    together: bool


SPACIOUS = Style(12, 200, 76, 190, 7.0, 0.3, 24, 120, words=True, repeats=True, together=True)
MEDIUM = Style(10.5, 190, 48, 150, 4.5, 0.25, 13, 90, words=True, repeats=True, together=False)
SNUG = Style(10, 180, 42, 130, 4.0, 0.2, 10, 70, words=False, repeats=True, together=False)
COMPACT = Style(9, 170, 30, 110, 3.0, 0.18, 6, 60, words=False, repeats=False, together=False)


@dataclass(frozen=True)
class Scale:
    """How large pixels and channels are drawn.

    Attributes:
        pixel: Units per pixel of a map's side.
        channel: Units per channel, or per square root of the channels.
        linear: Whether it is per channel.
        depth: Units to the right per unit of a map's width.
    """

    pixel: float
    channel: float
    linear: bool
    depth: float

    def across(self, channels: float) -> float:
        """How wide so many channels are, and how long a vector of so many numbers."""
        return self.channel * (channels if self.linear else math.sqrt(channels))


@dataclass(frozen=True)
class Solid:
    """A slab seen from the left and above, or a round sign.

    Attributes:
        wide: Width of its front.
        high: Height of its front.
        right: How far its depth goes to the right.
        up: How far its depth goes up.
        round: Whether it is a sign.
    """

    wide: float
    high: float
    right: float = 0.0
    up: float = 0.0
    round: bool = False

    @property
    def reach(self) -> float:
        """From its middle to its top, and to its bottom."""
        return (self.high + self.up) / 2


@dataclass(frozen=True)
class Box:
    """A solid and its label.

    Attributes:
        solid: What is drawn.
        label: The lines below it.
        font: Their type size.
    """

    solid: Solid
    label: tuple[str, ...]
    font: float

    @property
    def width(self) -> float:
        """What the solid and its label take from left to right."""
        texts = max((text_width(line, self.font) for line in self.label), default=0.0)
        return max(texts, self.solid.wide + self.solid.right)

    @property
    def below(self) -> float:
        """What the solid and its label take from the solid's middle down."""
        return self.solid.reach + (len(self.label) * line_height(self.font) + 3 if self.label else 0)


def line_height(font: float) -> float:
    """From one line of a label to the next, at this type size."""
    return 1.25 * font


def scale_of(nodes: Sequence[Node], style: Style) -> Scale:
    """The scale at which the largest map, the most channels and the longest vector just fit the style.

    Sides are always linear. Channels are linear where the fewest can still be seen, else by the square root.

    Args:
        nodes: All boxes of the drawing.
        style: What they have to fit.

    Returns:
        One scale for the whole drawing.
    """
    maps = [sides_of(node) for node in nodes if is_map(node.shape)]
    tallest = max((high for _, high, _ in maps), default=1)
    broadest = max((wide for _, _, wide in maps), default=1)
    room = min(style.tallest / max(tallest, 1), 2 * style.tallest / max(broadest, 1))
    pixel = min(style.magnified, room)
    channels = [max(count, 1) for count, _, _ in maps] or [1]
    lengths = [max(length_of(node), 1) for node in nodes if is_bar(node)] or [1]
    linear = min(style.widest / max(channels), style.longest / max(lengths))
    if linear * min(channels + lengths) >= _LEAST_VISIBLE:
        return Scale(pixel, linear, True, style.depth)
    root = min(style.widest / math.sqrt(max(channels)), style.longest / math.sqrt(max(lengths)))
    return Scale(pixel, root, False, style.depth)


def is_round(node: Node) -> bool:
    """Additions and products: their map is as large as what comes in, so they are a sign on the way."""
    return node.kind in (Kind.ADDITION, Kind.PRODUCT)


def is_bar(node: Node) -> bool:
    """Vectors, and whatever else has no sides."""
    return not is_round(node) and not is_map(node.shape)


def boxes_of(nodes: Sequence[Node], inspection: Inspection, scale: Scale, style: Style) -> list[Box]:
    """The box of every node."""
    boxes = []
    for node in nodes:
        before = nodes[node.inputs[0]] if node.inputs else None
        lines = _label(node, before, inspection, style)
        fitted = (fit_words(line, style.font, style.label) for line in lines)
        boxes.append(Box(_solid(node, scale), tuple(line for line in fitted if line), style.font))
    return boxes


def _solid(node: Node, scale: Scale) -> Solid:
    if is_round(node):
        return Solid(2 * ROUND, 2 * ROUND, round=True)
    if is_bar(node):
        return Solid(BAR, scale.across(length_of(node)), BAR / 2, BAR / 2 * _RISE)
    channels, high, wide = sides_of(node)
    right = scale.depth * scale.pixel * wide
    return Solid(scale.across(channels), scale.pixel * high, right, _RISE * right)


def _label(node: Node, before: Node | None, inspection: Inspection, style: Style) -> list[str]:
    """The lines below a box; a compact style leaves out what the colour says, and sides that stay."""
    if is_round(node):
        return []
    layers = inspection.layers
    word, kernel = word_of(node, layers), kernel_text(node, inspection)
    if style.together:
        pointwise = [layers[i].type for i in (*node.before, *node.after)]
        return [f"{word} {kernel}".rstrip(), _whole_shape(node, inspection), *pointwise[-2:]]
    size = size_text(node)
    if not style.repeats and before is not None and size == size_text(before):
        size = ""
    if style.words:
        first = [f"{word} {kernel}".rstrip()]
    elif node.kind is Kind.CONVOLUTION and kernel:
        first = [kernel]
    elif node.kind is Kind.CONCATENATION:
        first = []
    else:
        first = [word, kernel]
    return [*first, channels_text(node), size]


def _whole_shape(node: Node, inspection: Inspection) -> str:
    """The output's shape; of a linear layer also how many numbers it takes."""
    if is_map(node.shape):
        return shape_text(node.shape)
    if node.kind is Kind.LINEAR and len(node.values) == 1 and len(node.shape) == 1:
        taken = inspection.layers[node.values[0]].output_shape if node.values[0] >= 0 else node.shape
        return f"{math.prod(taken):,} \N{RIGHTWARDS ARROW} {node.shape[0]:,}"
    return channels_text(node)
