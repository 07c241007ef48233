"""Convolution by the fast Fourier transform, of the whole picture or tile by tile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor

from fieldmark.conv.algorithms.gradients import by_torch, transposed
from fieldmark.conv.algorithms.spectral import correlate_tiles, kernel_gradient
from fieldmark.conv.algorithms.tiling import Tiling, tiled, whole, work
from fieldmark.conv.problem import Algorithm, Problem, exact_types

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


FFT = Algorithm(
    "fft",
    "Fourier transform of the whole picture",
    correlate_whole,
    exact_types,
    lambda problem: work(problem, whole(problem)),
)
OVERLAP_SAVE = Algorithm(
    "overlap_save",
    "Fourier transforms of overlapping tiles",
    correlate_saved,
    exact_types,
    lambda problem: work(problem, tiled(problem)),
)
