"""What a convolution computes: a window slides over a picture; what it sees is multiplied and summed.

    python examples/01_sliding_window.py

draws the window at work, what flipping the kernel means, and two input channels, for docs/convolution.md.
"""

from __future__ import annotations

import numpy as np
from drawing import arrow, colours, grey, image, main, numbers, title
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fieldmark import conv
from fieldmark.figures.page import frame, page, write
from fieldmark.figures.style import LABEL, MARGIN
from fieldmark.palette import MUTED, VERMILLION

TIMES, SLIDES = "\N{MULTIPLICATION SIGN}", "\N{ASTERISK OPERATOR}"
PICTURE = np.arange(9).reshape(3, 3)
KERNEL = np.array([[0, 1], [2, 3]])

LETTER = np.array(["####.", "#....", "###..", "#....", "#...."])
DOTS = ((4, 4), (6, 17), (16, 9))


def window() -> Figure:
    """Every position of a 2x2 kernel on a 3x3 picture, and the sum it gives."""
    result = conv.correlate2d(PICTURE, KERNEL)
    figure, sheet = page(7.75, 2.75)
    title(sheet, MARGIN, 0.35, "A 2x2 kernel slides over a 3x3 picture", "each place: four products, one sum")
    side, top = 0.34, 0.85
    numbers(sheet, KERNEL, MARGIN, top + side / 2, side, fill=colours(KERNEL, largest=6))
    write(sheet, MARGIN + side, top + 3 * side + 0.25, "kernel", color=MUTED, across="center")
    for place, (row, column) in enumerate(np.ndindex(2, 2)):
        left = MARGIN + 1.1 + place * 1.22
        seen = np.zeros((3, 3), bool)
        seen[row : row + 2, column : column + 2] = True
        numbers(sheet, PICTURE, left, top, side, marked=seen)
        frame(sheet, (left + column * side, top + row * side, 2 * side, 2 * side), VERMILLION, dashed=True)
        products = list(zip(PICTURE[seen], KERNEL.reshape(-1), strict=True))
        for line, pair in enumerate((products[:2], products[2:])):
            text = " + ".join(f"{x}{TIMES}{w}" for x, w in pair) + (" +" if line == 0 else "")
            write(sheet, left + 1.5 * side, top + 3 * side + 0.25 + 0.17 * line, text, across="center")
        total = f"= {result[row, column]:g}"
        write(sheet, left + 1.5 * side, top + 3 * side + 0.63, total, size=LABEL, bold=True, across="center")
    left = MARGIN + 1.1 + 4 * 1.22 + 0.1
    arrow(sheet, (left - 0.2, top + 1.5 * side), (left + 0.1, top + 1.5 * side))
    numbers(sheet, result, left + 0.2, top + side / 2, side)
    write(sheet, left + 0.2 + side, top + 3 * side + 0.25, "result", color=MUTED, across="center")
    return figure


def flip() -> Figure:
    """A kernel shaped like an F on three dots: correlation stamps it turned, convolution upright."""
    letter = np.array([[float(mark == "#") for mark in row] for row in LETTER])
    dots = np.zeros((21, 21))
    for row, column in DOTS:
        dots[row, column] = 1
    figure, sheet = page(7.75, 2.75)
    panels = (
        ("picture", "three white dots", dots),
        ("kernel", "shaped like an F", letter),
        ("correlate2d", "as written: stamps it turned", conv.correlate2d(dots, letter, padding="same")),
        ("conv2d", "flipped first: stamps it upright", conv.conv2d(dots, letter, padding="same")),
    )
    left = MARGIN
    for name, note, values in panels:
        wide = 1.78 * len(values) / 21 if name != "kernel" else 0.6
        title(sheet, left, 0.35, name, note)
        image(sheet, grey(values, white=1), left, 0.7 + (1.78 - wide) / 2, wide)
        left += max(wide, 1.0) + 0.22
    return figure


def channels() -> Figure:
    """Two input channels, each with its own kernel; what they give is added up."""
    x = np.stack([PICTURE, PICTURE + 1])
    w = np.stack([KERNEL, KERNEL + 1])
    each = [conv.correlate2d(x[c], w[c]) for c in range(2)]
    figure, sheet = page(7.4, 3.35)
    title(sheet, MARGIN, 0.35, "Two channels in, one out", "a kernel per channel; their results are added up")
    side = 0.36
    for c in range(2):
        top = 0.8 + c * 1.25
        middle = top + 1.5 * side
        write(sheet, MARGIN, middle, f"channel {c}", color=MUTED, down="center")
        numbers(sheet, x[c], MARGIN + 0.75, top, side)
        sign(sheet, MARGIN + 2.05, middle, SLIDES)
        numbers(sheet, w[c], MARGIN + 2.25, middle - side, side, fill=colours(w[c], largest=8))
        sign(sheet, MARGIN + 3.2, middle, "=")
        numbers(sheet, each[c], MARGIN + 3.45, middle - side, side)
        arrow(sheet, (MARGIN + 4.3, middle), (MARGIN + 5.15, 1.97))
    sign(sheet, MARGIN + 4.75, 1.97, "+")
    numbers(sheet, conv.correlate2d(x, w[None])[0], MARGIN + 5.3, 1.97 - 0.5, 0.5)
    return figure


def sign(sheet: Axes, x: float, y: float, text: str) -> None:
    """A sign between two tables."""
    write(sheet, x, y, text, size=14, color=MUTED, across="center", down="center")


if __name__ == "__main__":
    main({"convolution-window": window, "convolution-flip": flip, "convolution-channels": channels})
