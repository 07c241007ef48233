"""The multiplications of Winograd's convolution: a matrix product for each position in the tile."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from fieldmark.conv.problem import Problem

# Memory of more than 32 MB comes anew from the system for every call, page by page, which costs more than its
# use: 512 x 512 kernels of float64 took 46 ms to transform and multiply at once, 14 ms in blocks.
_BLOCK_BYTES = 8 << 20


@dataclass(frozen=True)
class Block:
    """Output channels that are computed at once, and the input channels that they see."""

    inputs: slice
    outputs: slice


def blocks(problem: Problem, positions: int) -> list[Block]:
    """All output channels, group by group, in blocks whose transformed kernels take about 8 MB.

    Groups of one input channel need no matrix product, so they are one block.

    >>> blocks(Problem(1, 4, 6, (5, 5), (3, 3), groups=2), 16)
    [Block(inputs=slice(0, 2, None), outputs=slice(0, 3, None)),
     Block(inputs=slice(2, 4, None), outputs=slice(3, 6, None))]
    """
    if problem.in_channels == problem.groups:
        return [Block(slice(0, problem.in_channels), slice(0, problem.out_channels))]
    inputs, outputs = problem.in_channels // problem.groups, problem.out_channels // problem.groups
    width = even(outputs, _BLOCK_BYTES // (positions * inputs * problem.dtype.itemsize))
    return [
        Block(slice(first, first + inputs), slice(start, min(start + width, end)))
        for group, first in enumerate(range(0, problem.in_channels, inputs))
        for end in [(group + 1) * outputs]
        for start in range(group * outputs, end, width)
    ]


def transform(w: Tensor, matrix: Tensor) -> Tensor:
    """Kernels w (C_out, C_in/groups, *kernel) by matrix (positions, taps) -> (positions, C_out, C_in/groups).

    >>> transform(torch.tensor([[[1.0, 2.0]]]), torch.tensor([[1.0, 1.0], [1.0, -1.0]])).flatten()
    tensor([ 3., -1.])
    """
    kernels = w.new_empty(len(matrix), *w.shape[:2])
    # With out=, torch.autocast leaves the dtype as it is; so it does in all that follows.
    torch.mm(matrix, w.reshape(-1, matrix.shape[1]).t(), out=kernels.flatten(1))
    return kernels


def multiply(tiles: Tensor, kernels: Iterable[tuple[Block, Tensor]], problem: Problem) -> Tensor:
    """For each position and block (tiles x C_in/groups) @ (C_in/groups x C_out).

    tiles (positions, n, C_in), kernels (positions, C_out of the block, C_in/groups) -> (positions, n, C_out)

    >>> problem = Problem(1, 2, 1, (3,), (3,), (1,), ((0, 0),), (1,))
    >>> multiply(torch.ones(1, 3, 2), [(blocks(problem, 1)[0], torch.ones(1, 1, 2))], problem).flatten()
    tensor([2., 2., 2.])
    """
    products = tiles.new_empty(*tiles.shape[:2], problem.out_channels)
    for block, kernel in kernels:
        if problem.in_channels == problem.groups:
            each = kernel.view(len(kernel), 1, problem.groups, -1)
            torch.mul(tiles.unsqueeze(3), each, out=products.view(*tiles.shape, -1))
        else:
            torch.bmm(tiles[:, :, block.inputs], kernel.mT, out=products[:, :, block.outputs])
    return products


def add_products(total: Tensor | None, slopes: Tensor, tiles: Tensor, block: Block, groups: int) -> Tensor:
    """total + (C_out x tiles) @ (tiles x C_in/groups) for each position: the gradient of a block's kernels.

    slopes (positions, n, all C_out), tiles (positions, n, all C_in) -> (positions, C_out, C_in/groups)

    >>> add_products(None, torch.ones(1, 3, 1), torch.ones(1, 3, 2), Block(slice(0, 2), slice(0, 1)), 1)
    tensor([[[3., 3.]]])
    """
    if tiles.shape[2] == groups:
        products = (slopes.view(*tiles.shape, -1) * tiles.unsqueeze(3)).sum(1).view(len(tiles), -1, 1)
        return products if total is None else total.add_(products)
    left, right = slopes[:, :, block.outputs].mT, tiles[:, :, block.inputs]
    if total is None:
        return torch.bmm(left, right, out=left.new_empty(len(left), left.shape[1], right.shape[2]))
    return total.baddbmm_(left, right)


def transform_back(total: Tensor, matrix: Tensor, kernel: tuple[int, ...]) -> Tensor:
    """The transpose of `transform`: (positions, C_out, C_in/groups) -> (C_out, C_in/groups, *kernel).

    >>> transform_back(torch.tensor([[[3.0]], [[-1.0]]]), torch.tensor([[1.0, 1.0], [1.0, -1.0]]), (2,))
    tensor([[[2., 4.]]])
    """
    # Rows of 9 numbers are slow for a matrix product: 5.5 ms for 256 x 256 kernels, where this takes 3.5.
    taps = total.new_empty(matrix.shape[1], total[0].numel())
    torch.mm(matrix.t(), total.flatten(1), out=taps)
    return taps.t().reshape(*total.shape[1:], *kernel)


def even(total: int, most: int) -> int:
    """The size of about equal parts of `total`, none larger than `most`, or 1.

    >>> even(10, 4), even(10, 0), even(0, 4)
    (4, 1, 1)
    """
    parts = -(-total // max(most, 1))
    return -(-total // max(parts, 1)) or 1
