"""A convolution is a matrix full of zeros and repetitions, and its kernel can be learned from examples.

    python examples/05_matrix_and_learning.py

draws two such matrices, and the Prewitt kernel as gradient descent finds it from digits and their edges.
"""

from __future__ import annotations

import numpy as np
import torch
from drawing import colours, grey, image, main, numbers, title
from matplotlib.figure import Figure

from fieldmark import conv
from fieldmark.conv import kernels
from fieldmark.data.sources.sample import sample
from fieldmark.figures.charts import axis_label, chart, ticks
from fieldmark.figures.page import page, write
from fieldmark.figures.style import MARGIN, blend
from fieldmark.palette import BLUE, MUTED

STEPS = 400
SHOWN = (0, 1, 10, 50, 400)


def matrix() -> Figure:
    """The matrix of a kernel of 3 on 8 elements, and of a 3x3 kernel on 6x6 pixels."""
    figure, sheet = page(7.75, 3.2)
    row = conv.as_matrix([1, 2, 3], 8).to_dense().numpy()
    title(sheet, MARGIN, 0.35, "[1, 2, 3] on 8 elements", "6 outputs x 8 inputs; white is 0")
    numbers(sheet, row, MARGIN, 0.75, 0.27, fill=blend(BLUE, row / 4), size=8, form="g")
    table = conv.as_matrix(np.arange(1, 10).reshape(3, 3), (6, 6)).to_dense().numpy()
    left = MARGIN + 8 * 0.27 + 0.45
    title(sheet, left, 0.35, "3x3 on 6x6 pixels", "16 outputs x 36 inputs: blocks of such bands")
    image(sheet, blend(BLUE, table / 9), left, 0.75, 7.75 - MARGIN - left)
    used = f"{np.count_nonzero(table)} of {table.size} numbers are not 0, with only 9 different values"
    write(sheet, left, 2.9, used, color=MUTED)
    return figure


def learn() -> tuple[list[np.ndarray], list[float]]:
    """The kernel before the first step and after each, and the loss."""
    digits = sample()["train"].images[:64].double() / 255
    edges = conv.correlate2d(digits, kernels.prewitt_x(), algorithm="torch")
    kernel = torch.zeros(3, 3, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.SGD([kernel], lr=0.5, momentum=0.9, nesterov=True)
    found, losses = [kernel.detach().numpy().copy()], []
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss = (conv.correlate2d(digits, kernel, algorithm="torch") - edges).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
        found.append(kernel.detach().numpy().copy())
    return found, losses


def learned() -> Figure:
    """From zeros to the Prewitt kernel."""
    found, losses = learn()
    digit = sample()["train"].images[0, 0].numpy()
    figure, sheet = page(7.75, 4.3)
    edges = conv.correlate2d(digit, kernels.prewitt_x())
    title(sheet, MARGIN, 0.35, "64 such pairs", "a digit, and its prewitt_x")
    image(sheet, grey(digit), MARGIN, 0.65, 1.2)
    image(sheet, colours(edges), MARGIN + 1.35, 0.65, 1.2)
    axes = chart(sheet, MARGIN + 3.55, 0.35, 3.3, 1.4)
    axes.plot(range(1, STEPS + 1), losses, color=BLUE, linewidth=1.5)
    axes.set_yscale("log")
    axes.minorticks_off()
    ticks(axes, "y", [1.0, 1e-8, 1e-16, 1e-24], ["1", "1e-8", "1e-16", "1e-24"])
    ticks(axes, "x", [0, 100, 200, 300, 400], ["0", "100", "200", "300", "400"])
    axis_label(axes, "x", "step")
    axis_label(axes, "y", "mean squared error")
    for place, step in enumerate(SHOWN):
        left = MARGIN + place * 1.43
        kernel = found[step] + 0.0
        error = np.abs(kernel - kernels.prewitt_x()).max()
        title(sheet, left, 2.6, f"step {step}", f"off by {error:.2g} at most")
        fill = colours(kernel, largest=1.5)
        numbers(
            sheet, np.where(abs(kernel) < 5e-3, 0.0, kernel), left, 2.95, 0.38, fill=fill, size=8, form=".2f"
        )
    return figure


if __name__ == "__main__":
    main({"convolution-matrix": matrix, "convolution-learned": learned})
