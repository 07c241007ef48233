"""Convolution tile by tile: each tile's result reaches over its edges, and what overlaps is added up."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from fieldmark.conv.algorithms.fourier import differentiable
from fieldmark.conv.algorithms.spectral import disjoint, inverse, kernel_spectrum, multiply, padded_spectrum
from fieldmark.conv.algorithms.tiling import Tiling, tiled, work
from fieldmark.conv.prices import fresh
from fieldmark.conv.problem import Algorithm, Problem, exact_types


def correlate(x: Tensor, w: Tensor, problem: Problem) -> Tensor:
    """Overlap-add (Oppenheim & Schafer, Discrete-Time Signal Processing, section 8.7).

    x (N, C_in, *size), w (C_out, C_in/groups, *kernel) -> (N, C_out, *output), of the same dtype.
    Differentiable. The tiles of x do not overlap; a convolution makes each longer by reach - 1 on every axis.
    The error bound is that of `fourier.correlate_saved`, times the number of tiles that meet in an output.

    >>> picture, kernel = torch.arange(9.0).reshape(1, 1, 3, 3), torch.arange(4.0).reshape(1, 1, 2, 2)
    >>> correlate(picture, kernel, Problem(1, 1, 1, (3, 3), (2, 2))).round().tolist()
    [[[[19.0, 25.0], [37.0, 43.0]]]]
    """
    return differentiable(x, w, problem, cut, _add)


def cut(problem: Problem) -> Tiling:
    """Transforms of the length that overlap-save would take, over tiles of x and not of the result.

    >>> tiling = cut(Problem(1, 1, 1, (100,), (9,), (1,), ((0, 0),), (1,)))
    >>> tiling.length[0] - tiling.step[0]  # so much longer a tile becomes by 9 taps
    8
    """
    length = tiled(problem).length
    step = tuple(points - reach + 1 for points, reach in zip(length, problem.reach, strict=True))
    tiles = tuple(max(1, -(-n // s)) for n, s in zip(problem.size, step, strict=True))
    return Tiling(tiles, step, length)


def _add(x: Tensor, w: Tensor, problem: Problem, tiling: Tiling) -> Tensor:
    groups, axes = problem.groups, problem.axes
    x = x.reshape(problem.batch, groups, problem.in_channels // groups, *problem.size)
    turned = torch.unflatten(w.flip(tuple(range(2, 2 + axes))), 0, (groups, -1))
    kernel = kernel_spectrum(turned.conj(), problem, tiling).conj().resolve_conj()  # the plain transform
    tiles = padded_spectrum(disjoint(x, slice(0, tiling.tiles[0]), tiling), tiling.length).flatten(3, -2)
    found = inverse(multiply(tiles, kernel, problem), tiling.length, [slice(None)] * axes, x.is_complex())
    full = torch.unflatten(found, 3, tiling.tiles)  # (n, G, C_out/G, *tiles, *length)
    for axis in range(axes):
        full = fold(full, 3 + axis, 3 + axes, tiling.step[axis])
    # full[t] sums x[t - k] w_turned[k]: the first output wanted is t = reach - 1 - before.
    border: list[int] = []
    for reach, (before, _), out, have in reversed(
        list(zip(problem.reach, problem.padding, problem.unstrided, full.shape[3:], strict=True))
    ):
        start = reach - 1 - before
        border += [-start, start + out - have]
    taken: Any = (..., *[slice(None, None, s) for s in problem.stride])
    return F.pad(full, border)[taken].reshape(problem.batch, problem.out_channels, *problem.output)


def fold(tiles: Tensor, axis: int, inner: int, step: int) -> Tensor:
    """Tiles (..., count at `axis`, ..., length at `inner`, ...) laid every `step` along `axis`, and added up.

    >>> fold(torch.ones(2, 3), 0, 1, 2)
    tensor([1., 1., 2., 1., 1.])
    """
    tiles = tiles.movedim(inner, axis + 1)
    count, length = tiles.shape[axis], tiles.shape[axis + 1]
    layers = -(-length // step)
    shape = list(tiles.shape)
    shape[axis : axis + 2] = [(count - 1 + layers) * step]
    total = tiles.new_zeros(shape)
    for layer in range(layers):
        part = tiles.narrow(axis + 1, layer * step, min(step, length - layer * step))
        room = torch.unflatten(total.narrow(axis, layer * step, count * step), axis, (count, step))
        room.narrow(axis + 1, 0, part.shape[axis + 1]).add_(part)
    return total.narrow(axis, 0, (count - 1) * step + length)


def _work(problem: Problem) -> dict[str, float]:
    tiling = cut(problem)
    found = work(problem, tiling, at_once=False)
    results = 2.0 * problem.batch * problem.out_channels * math.prod(problem.size) * problem.dtype.itemsize
    return {
        **found,
        "fresh_bytes": found["fresh_bytes"] + 2 * fresh(found["spectrum_bytes"]) + fresh(results),
        "fold_bytes": results,
    }


OVERLAP_ADD = Algorithm(
    "overlap_add", "Fourier transforms of tiles, what overlaps added up", correlate, exact_types, _work
)
