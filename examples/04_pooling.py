"""What pooling does, and how far a chain of layers sees.

    python examples/04_pooling.py

draws two pictures that max-pooling makes the same, and the receptive field of conv3-pool2-conv3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from drawing import arrow, grey, main, numbers, title
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle

from fieldmark import conv
from fieldmark.figures.page import frame, page, write
from fieldmark.figures.style import MARGIN
from fieldmark.palette import BLUE, LIGHT_BLUE, MUTED, PAPER, RULE, VERMILLION

X1 = """10 255 125 0 170 100 / 70 255 105 25 25 70 / 255 0 150 0 10 10
      / 0 255 10 10 150 20 / 70 15 200 100 95 0 / 35 25 100 20 0 60"""
X2 = """100 100 100 50 100 50 / 95 255 100 125 125 170 / 80 40 10 10 125 150
      / 255 30 150 20 120 125 / 30 30 150 100 70 70 / 70 30 100 200 70 95"""
CHAIN = (("conv 3", 3, 1), ("pool 2", 2, 2), ("conv 3", 3, 1))


def table(text: str) -> np.ndarray:
    """Rows divided by slashes."""
    return np.array([[int(word) for word in row.split()] for row in text.split("/")])


def pooling() -> Figure:
    """Two pictures of 6x6 whose largest pixels in squares of 2x2 are the same."""
    figure, sheet = page(7.75, 3.35)
    side, top = 0.36, 0.85
    lefts = (MARGIN, 7.75 - MARGIN - 6 * side)
    middle, small = 7.75 / 2 - 1.5 * side, top + 1.5 * side
    for name, text, left in (("X1", X1, lefts[0]), ("X2", X2, lefts[1])):
        values = table(text)
        title(sheet, left, 0.35, name, "the largest of each 2x2 in a frame")
        numbers(sheet, values, left, top, side, fill=grey(values), size=8)
        pooled = conv.max_pool2d(values, 2)
        for row, column in np.ndindex(3, 3):
            block = values[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            down, across = np.unravel_index(block.argmax(), (2, 2))
            x, y = left + (2 * column + across) * side, top + (2 * row + down) * side
            frame(sheet, (x + 0.02, y + 0.02, side - 0.04, side - 0.04), VERMILLION, dashed=True)
    title(sheet, middle, 0.35, "max_pool2d(x, 2)", "the same for both")
    numbers(sheet, pooled, middle, small, side, fill=grey(pooled), size=8)
    y = small + 1.5 * side
    arrow(sheet, (lefts[0] + 6 * side + 0.1, y), (middle - 0.1, y))
    arrow(sheet, (lefts[1] - 0.1, y), (middle + 3 * side + 0.1, y))
    return figure


@dataclass(frozen=True)
class Layer:
    """Elements along an axis: how many, which of them count (first to last), and where they stand.

    start: the place of element 0, jump: from one element to the next, both in elements of the input.
    """

    name: str
    sees: int
    count: int
    first: int
    last: int
    start: float = 0
    jump: int = 1


def layers() -> list[Layer]:
    """The input, and what each layer of the chain makes of it."""
    found = [Layer("input", 1, 12, 2, 9)]
    for depth, (name, kernel, stride) in enumerate(CHAIN, start=1):
        below = found[-1]
        found.append(
            Layer(
                name,
                conv.receptive_field([layer[1:] for layer in CHAIN[:depth]]),
                conv.output_size(below.count, kernel, stride=stride),
                below.first // stride,
                (below.last - kernel + 1) // stride,
                below.start + (kernel - 1) / 2 * below.jump,  # an output stands over the middle of its window
                below.jump * stride,
            )
        )
    return found


def receptive_field() -> Figure:
    """Which inputs along an axis one output of conv3-pool2-conv3 sees."""
    figure, sheet = page(7.75, 3.2)
    found = layers()
    title(
        sheet, MARGIN, 0.35, f"One output sees {found[-1].sees} inputs", "one axis of conv 3, pool 2, conv 3"
    )
    side, left = 0.44, 2.0

    def edges(layer: Layer, place: int) -> tuple[float, float]:
        start = left + (layer.start + place * layer.jump) * side
        return start + 0.04, start + side - 0.04

    for depth, layer in enumerate(found):
        y = 2.65 - 0.6 * depth
        write(sheet, MARGIN, y + 0.1, layer.name, bold=True, down="center")
        write(sheet, MARGIN + 0.7, y + 0.1, f"sees {layer.sees}", color=MUTED, down="center")
        if depth:
            below = found[depth - 1]
            (a, _), (_, b), (_, c), (d, _) = (
                edges(below, below.first),
                edges(below, below.last),
                edges(layer, layer.last),
                edges(layer, layer.first),
            )
            corners = [(a, y + 0.6), (b, y + 0.6), (c, y + 0.2), (d, y + 0.2)]
            sheet.add_patch(Polygon(corners, facecolor=BLUE, alpha=0.12, linewidth=0))
        for place in range(layer.count):
            x, end = edges(layer, place)
            colour = LIGHT_BLUE if layer.first <= place <= layer.last else PAPER
            sheet.add_patch(Rectangle((x, y), end - x, 0.2, facecolor=colour, edgecolor=RULE, linewidth=0.8))
    return figure


if __name__ == "__main__":
    main({"convolution-pooling": pooling, "convolution-receptive-field": receptive_field})
