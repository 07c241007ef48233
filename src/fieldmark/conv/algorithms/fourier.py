"""Convolution by the fast Fourier transform: of the whole picture, or of tiles that overlap or add up."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from fieldmark.conv.algorithms.native import by_torch
from fieldmark.conv.algorithms.spectral import (
    correlate_tiles,
    disjoint,
    inverse,
    kernel_gradient,
    kernel_spectrum,
    multiply,
    padded_spectrum,
)
from fieldmark.conv.algorithms.tiling import Tiling, tile_work, tiled, whole
from fieldmark.conv.prices import fresh
from fieldmark.conv.problem import Algorithm, Problem, exact_types, transposed

Run: TypeAlias = Callable[[Tensor, Tensor, Problem, Tiling], Tensor]

BOUND = 8.0
"""The c of the error bound c * eps * log2(n) * ||x||_2 * ||w||_2."""


def correlate_whole(x: Tensor, w: Tensor, problem: Problem) -> Tensor:
    """One transform of the whole picture, a product, one transform back (Cooley & Tukey 1965; Stockham 1966).

    x (N, C_in, *size), w (C_out, C_in/groups, *kernel) -> (N, C_out, *output), of the same dtype.
    Differentiable. Every output is within BOUND * eps * max(1, log2(n)) * ||x||_2 * ||w||_2 of the truth,
    with n points in a transform and the norms over the channels that enter it (Higham 2002, section 24.1):
    the error follows the largest numbers, so that outputs much smaller than their neighbours lose digits. One
    infinity or NaN in x reaches every output of its transform.

    >>> picture, kernel = torch.arange(9.0).reshape(1, 1, 3, 3), torch.arange(4.0).reshape(1, 1, 2, 2)
    >>> correlate_whole(picture, kernel, Problem(1, 1, 1, (3, 3), (2, 2))).round().tolist()
    [[[[19.0, 25.0], [37.0, 43.0]]]]
    """
    return differentiable(x, w, problem, whole)


def correlate_saved(x: Tensor, w: Tensor, problem: Problem) -> Tensor:
    """Overlap-save: transforms of overlapping tiles.

    The part of their circular correlation that wraps around is thrown away. Otherwise as `correlate_whole`,
    with n the points of a tile. The cut is `tiling.tiled`.

    >>> picture, kernel = torch.arange(9.0).reshape(1, 1, 3, 3), torch.arange(4.0).reshape(1, 1, 2, 2)
    >>> correlate_saved(picture, kernel, Problem(1, 1, 1, (3, 3), (2, 2))).round().tolist()
    [[[[19.0, 25.0], [37.0, 43.0]]]]
    """
    return differentiable(x, w, problem, tiled)


def differentiable(
    x: Tensor, w: Tensor, problem: Problem, cut: Callable[[Problem], Tiling], run: Run = correlate_tiles
) -> Tensor:
    """run(x, w, problem, cut(problem)), with gradients through Fourier transforms where they are needed."""
    if torch.is_grad_enabled() and (x.requires_grad or w.requires_grad):
        y: Tensor = _Fourier.apply(x, w, problem, cut, run)  # type: ignore[no-untyped-call]
        return y
    return run(x, w, problem, cut(problem))


class _Fourier(torch.autograd.Function):
    """Both gradients are correlations again, and go through the same kind of transforms."""

    @staticmethod
    def forward(x: Tensor, w: Tensor, problem: Problem, cut: Callable[[Problem], Tiling], run: Run) -> Tensor:
        return run(x, w, problem, cut(problem))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, w, ctx.problem, cut, _ = inputs
        ctx.save_for_backward(x, w)
        ctx.cut = whole if cut is whole else tiled  # overlap_add cuts x, where the gradients' tiles cut y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        (x, w), problem, cut = ctx.saved_tensors, ctx.problem, ctx.cut
        to_x = to_w = None
        if torch.is_grad_enabled():  # a second derivative will be asked for
            to_x, to_w = by_torch(gradient, x, w, problem, ctx.needs_input_grad[:2])
        else:
            if ctx.needs_input_grad[0]:
                spread, turned, back = transposed(gradient, w, problem)
                to_x = correlate_tiles(spread, turned, back, cut(back))
            if ctx.needs_input_grad[1]:
                to_w = kernel_gradient(x, gradient, problem, cut(problem))
        return to_x, to_w, None, None, None


def correlate_added(x: Tensor, w: Tensor, problem: Problem) -> Tensor:
    """Overlap-add (Oppenheim & Schafer, Discrete-Time Signal Processing, section 8.7).

    x (N, C_in, *size), w (C_out, C_in/groups, *kernel) -> (N, C_out, *output), of the same dtype.
    Differentiable. The tiles of x do not overlap; a convolution makes each longer by reach - 1 on every axis.
    The error bound is that of `correlate_saved`, times the number of tiles that meet in an output.

    >>> picture, kernel = torch.arange(9.0).reshape(1, 1, 3, 3), torch.arange(4.0).reshape(1, 1, 2, 2)
    >>> correlate_added(picture, kernel, Problem(1, 1, 1, (3, 3), (2, 2))).round().tolist()
    [[[[19.0, 25.0], [37.0, 43.0]]]]
    """
    return differentiable(x, w, problem, cut_of_input, _add)


def cut_of_input(problem: Problem) -> Tiling:
    """Transforms of the length that overlap-save would take, over tiles of x and not of the result.

    >>> tiling = cut_of_input(Problem(1, 1, 1, (100,), (9,), (1,), ((0, 0),), (1,)))
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


def _added_work(problem: Problem) -> dict[str, float]:
    tiling = cut_of_input(problem)
    found = tile_work(problem, tiling, at_once=False)
    results = 2.0 * problem.batch * problem.out_channels * math.prod(problem.size) * problem.dtype.itemsize
    return {
        **found,
        "fresh_bytes": found["fresh_bytes"] + 2 * fresh(found["spectrum_bytes"]) + fresh(results),
        "fold_bytes": results,
    }


FFT = Algorithm(
    "fft",
    "Fourier transform of the whole picture",
    correlate_whole,
    exact_types,
    lambda problem: tile_work(problem, whole(problem)),
)
OVERLAP_SAVE = Algorithm(
    "overlap_save",
    "Fourier transforms of overlapping tiles",
    correlate_saved,
    exact_types,
    lambda problem: tile_work(problem, tiled(problem)),
)
OVERLAP_ADD = Algorithm(
    "overlap_add",
    "Fourier transforms of tiles, what overlaps added up",
    correlate_added,
    exact_types,
    _added_work,
)
