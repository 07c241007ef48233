"""Every window written out as a column, so that the whole convolution is one matrix product."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from fieldmark.conv.boundaries import extend
from fieldmark.conv.prices import fresh
from fieldmark.conv.problem import Algorithm, Problem, exact_types

THIN = 4
"""Terms of a sum up to which a matrix product only moves memory, and the library is slow at it."""


def correlate(x: Tensor, w: Tensor, problem: Problem) -> Tensor:
    """The kernels as rows times the windows as columns (Chellapilla, Puri & Simard 2006).

    x (N, C_in, *size), w (C_out, C_in/groups, *kernel) -> (N, C_out, *output), of the same dtype.
    Differentiable. The columns take as many times the memory of x as the kernel has taps.

    >>> picture, kernel = torch.arange(9.0).reshape(1, 1, 3, 3), torch.arange(4.0).reshape(1, 1, 2, 2)
    >>> columns(picture, Problem(1, 1, 1, (3, 3), (2, 2)))[0, 0]
    tensor([[0., 1., 3., 4.],
            [1., 2., 4., 5.],
            [3., 4., 6., 7.],
            [4., 5., 7., 8.]])
    >>> correlate(picture, kernel, Problem(1, 1, 1, (3, 3), (2, 2))).tolist()
    [[[[19.0, 25.0], [37.0, 43.0]]]]
    """
    rows = w.reshape(problem.groups, problem.out_channels // problem.groups, -1)  # (G, O, taps)
    y = torch.matmul(rows, columns(x, problem))  # (N, G, O, P)
    return y.reshape(problem.batch, problem.out_channels, *problem.output)


def columns(x: Tensor, problem: Problem) -> Tensor:
    """The windows of x: (N, groups, taps, outputs), where taps = C_in/groups * the taps of the kernel."""
    axes = problem.axes
    seen = windows(x, problem)
    order = (0, 1, *range(2 + axes, 2 + 2 * axes), *range(2, 2 + axes))
    taps = math.prod(problem.kernel) * problem.in_channels // problem.groups
    return seen.permute(order).reshape(problem.batch, problem.groups, taps, math.prod(problem.output))


def windows(x: Tensor, problem: Problem) -> Tensor:
    """A view of the padded x: (N, C_in, *output, *kernel), the window that each output looks at."""
    seen = extend(x, problem.padding, "zeros")
    for axis, (reach, stride) in enumerate(zip(problem.reach, problem.stride, strict=True), start=2):
        seen = seen.unfold(axis, reach, stride)
    every: Any = (..., *[slice(None, None, step) for step in problem.dilation])
    return seen[every]


def work(problem: Problem) -> dict[str, float]:
    """Columns to write, and a product that reads them and writes the result.

    A kernel of one pixel needs no columns: the picture is its own.

    >>> work(Problem(1, 2, 3, (4, 4), (1, 1)))["column_bytes"]
    0.0
    """
    taps = math.prod(problem.kernel) * problem.in_channels
    outputs = problem.batch * math.prod(problem.output)
    columns = float(outputs * taps * problem.dtype.itemsize)
    written = 0.0 if is_own_column(problem) else columns
    result = float(outputs * problem.out_channels * problem.dtype.itemsize)
    return {
        "calls": 8,
        "column_bytes": written,
        "product_bytes": columns,
        result_unit(taps // problem.groups, problem.out_channels // problem.groups): result,
        "fresh_bytes": fresh(written, result),
        "matrix_multiply": float(problem.multiplications),
        "group_matrices": float(problem.batch * problem.groups),
    }


def result_unit(length: int, rows: int) -> str:
    """What the bytes of a product's result are counted as, by the length of its sums and its rows.

    >>> result_unit(2, 64), result_unit(64, 64)
    ('thin_bytes', 'result_bytes')
    """
    return "thin_bytes" if length <= THIN and rows >= 4 * THIN else "result_bytes"


def is_own_column(problem: Problem) -> bool:
    """Whether every output meets one pixel, its own: a kernel of one tap, no stride, no padding.

    >>> is_own_column(Problem(1, 2, 3, (4, 4), (1, 1))), is_own_column(Problem(1, 2, 3, (4, 4), (2, 2)))
    (True, False)
    """
    return math.prod(problem.kernel) == 1 and problem.output == problem.size and max(problem.stride) == 1


IM2COL = Algorithm("im2col", "windows as columns, one matrix product", correlate, exact_types, work)
