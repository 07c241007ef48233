"""How many outputs there are, and what lies beyond the edge: padding, boundary, stride, dilation.

    python examples/02_padding_and_stride.py

draws how often padding lets each element be used, four kinds of boundary, and where windows land.
"""

from __future__ import annotations

import numpy as np
import torch
from drawing import dot, grey, image, main, numbers, title
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scene import scene

from fieldmark import conv
from fieldmark.conv.boundaries import extend
from fieldmark.figures.page import frame, page, write
from fieldmark.figures.style import DPI, MARGIN, blend
from fieldmark.palette import BLUE, LIGHT_BLUE, MUTED, PAPER, RULE, VERMILLION

SIZE, TAPS = 5, 3


def padding() -> Figure:
    """Five elements under a kernel of three: the windows, and how many of them hold each element."""
    figure, sheet = page(7.75, 3.15)
    side = 0.24
    left = MARGIN
    for mode in ("valid", "same", "full"):
        before, after = conv.padding_for(mode, TAPS)
        outputs = conv.output_size(SIZE, TAPS, padding=mode)
        title(sheet, left, 0.35, mode, f"{before} + {after} zeros added, {outputs} outputs")
        start = left + (2 - before) * side
        for output in range(outputs):
            top = 0.85 + output * 0.19
            cells(sheet, start, top, output, before, after, side)
        used = conv.as_matrix(np.ones(TAPS), SIZE, padding=mode).to_dense().sum(0)  # windows that hold each
        top = 0.85 + 7 * 0.19 + 0.2
        fill = blend(BLUE, 0.25 * used[None].numpy())
        numbers(sheet, used[None].numpy(), left + 2 * side, top, side, fill=fill)
        write(sheet, left + 4.5 * side, top + side + 0.2, "outputs per element", color=MUTED, across="center")
        left += 2.45
    return figure


def cells(sheet: Axes, left: float, top: float, output: int, before: int, after: int, side: float) -> None:
    """One row: the elements, the zeros around them in outline, and the window of one output shaded."""
    for place in range(before + SIZE + after):
        inside, seen = before <= place < before + SIZE, output <= place < output + TAPS
        colour = LIGHT_BLUE if seen and inside else "#DCEBF5" if seen else "#E4E6E8" if inside else PAPER
        sheet.add_patch(
            Rectangle(
                (left + place * side, top),
                side,
                0.13,
                facecolor=colour,
                edgecolor=MUTED if inside else RULE,
                linewidth=0.6,
            )
        )


def boundaries() -> Figure:
    """A picture made longer on all sides in the four ways; the frame is the picture."""
    picture = torch.from_numpy(scene(248, 372).astype(float))
    border = 60
    figure, sheet = page(7.75, 6.05)
    for place, (name, note) in enumerate(
        (
            ("zeros", "black, and a dark rim after a blur"),
            ("reflect", "3 2 | 1 2 3 | 2 1: a mirror at the edge"),
            ("replicate", "1 1 | 1 2 3 | 3 3: the edge goes on"),
            ("circular", "2 3 | 1 2 3 | 1 2: the picture again"),
        )
    ):
        left, top = MARGIN + (place % 2) * 3.6, 0.4 + (place // 2) * 2.85
        extended = extend(picture, [(border, border)] * 2, name).numpy()
        title(sheet, left, top, name)
        write(sheet, left + 0.95, top, note, color=MUTED)
        x, y, wide, high = image(sheet, grey(extended), left, top + 0.12)
        inner = (x + border / DPI, y + border / DPI, wide - 2 * border / DPI, high - 2 * border / DPI)
        frame(sheet, inner, VERMILLION, dashed=True)
    return figure


def steps() -> Figure:
    """A 3x3 kernel on 9x9 elements: one window, and the centres of all of them."""
    figure, sheet = page(7.75, 2.75)
    side = 1.62 / 9
    for place, (stride, dilation) in enumerate(((1, 1), (2, 1), (3, 1), (1, 2))):
        left, top = MARGIN + place * 1.8, 0.75
        outputs = conv.output_size(9, 3, stride=stride, dilation=dilation)
        name = f"stride {stride}" if dilation == 1 else f"dilation {dilation}"
        title(sheet, left, 0.35, name, f"{outputs}x{outputs} outputs from 9x9")
        for row, column in np.ndindex(9, 9):
            seen = max(row, column) <= 2 * dilation and row % dilation == column % dilation == 0
            x, y = left + column * side, top + row * side
            colour = LIGHT_BLUE if seen else PAPER
            sheet.add_patch(Rectangle((x, y), side, side, facecolor=colour, edgecolor=RULE, linewidth=0.6))
        reach = (2 * dilation + 1) * side
        frame(sheet, (left, top, reach, reach), VERMILLION, dashed=True)
        for row, column in np.ndindex(outputs, outputs):
            x, y = ((i * stride + dilation + 0.5) * side for i in (column, row))
            dot(sheet, left + x, top + y)
    return figure


if __name__ == "__main__":
    main({"convolution-padding": padding, "convolution-boundaries": boundaries, "convolution-steps": steps})
