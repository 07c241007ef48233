"""Winograd's minimal filters: kernels of 3 taps with up to 2.25 or 4 times fewer multiplications in 2-D."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from fieldmark.conv.cook_toom import Matrix, cook_toom
from fieldmark.conv.geometry import spell
from fieldmark.conv.gradients import transposed
from fieldmark.conv.problem import Algorithm, Problem, exact_types
from fieldmark.conv.winograd_products import blocks
from fieldmark.conv.winograd_stages import Stages, chunks, forward, kernel_gradient, stages, tiles_per_axis
from fieldmark.errors import UserError

# The points of Lavin & Gray 2015; infinity is the last one of each.
F2 = stages(cook_toom(2, 3, (0, 1, -1)))
F4 = stages(cook_toom(4, 3, (0, 1, -1, 2, -2)))
_ABSOLUTE = {2: stages(F2.transforms.absolute()), 4: stages(F4.transforms.absolute())}


def correlate(x: Tensor, w: Tensor, problem: Problem) -> Tensor:
    """F(2x2, 3x3) of Lavin & Gray 2015 (arXiv 1509.09308): per axis 2 outputs by 4 multiplications, not 6.

    x (N, C_in, *size), w (C_out, C_in/groups, 3, ...) -> (N, C_out, *output), of the same dtype;
    differentiable any number of times. On two axes a tile d of the padded input becomes

        y = A^T [sum_c (G w_c G^T) * (B^T d_c B)] A

    where the sum over the channels c is one matrix product (tiles x C_in) @ (C_in x C_out) for each position
    in the tile. `error_bound` says how far rounding may carry it. An infinity or NaN in x reaches all outputs
    of its tiles, not only those whose window holds it.

    >>> picture, kernel = torch.arange(9.0).reshape(1, 1, 3, 3), torch.ones(1, 1, 3, 3)
    >>> correlate(picture, kernel, Problem(1, 1, 1, (3, 3), (3, 3)))
    tensor([[[[36.]]]])
    """
    return _correlate(x, w, problem, F2)


def correlate4(x: Tensor, w: Tensor, problem: Problem) -> Tensor:
    """F(4x4, 3x3): 4 outputs from 6 multiplications, not 12, and less exact. Else as `correlate`.

    >>> signal, kernel = torch.arange(6.0).reshape(1, 1, 6), torch.ones(1, 1, 3)
    >>> correlate4(signal, kernel, Problem(1, 1, 1, (6,), (3,), (1,), ((0, 0),), (1,)))
    tensor([[[ 3.,  6.,  9., 12.]]])
    """
    return _correlate(x, w, problem, F4)


def unsupported(problem: Problem) -> str | None:
    """Why Winograd's filters cannot, or None: 3 taps on every axis, stride 1, no dilation, whole numbers.

    >>> unsupported(Problem(1, 1, 1, (8, 8), (5, 5)))
    'its kernel has 3 taps on every axis, this one is 5x5'
    """
    if any(taps != 3 for taps in problem.kernel):
        return f"its kernel has 3 taps on every axis, this one is {spell(problem.kernel)}"
    if any(stride != 1 for stride in problem.stride):
        return f"it computes every output, and the stride is {spell(problem.stride)}"
    if any(dilation != 1 for dilation in problem.dilation):
        return f"its kernel has no gaps, and the dilation is {spell(problem.dilation)}"
    return exact_types(problem)


def error_bound(x: Tensor, w: Tensor, problem: Problem, tile: int = 4) -> Tensor:
    """How far rounding may carry each output: float64 (N, C_out, *output).

        |y_computed - y| <= gamma_K * |A^T| [sum_c (|G| |w_c| |G^T|) * (|B^T| |x_c| |B|)] |A|
        gamma_K = K u / (1 - K u),   K = C_in/groups + (3^axes + 2) + axes * (b + a + 2)

    element by element, with u half the machine epsilon of the dtype. K counts the sum over the channels, then
    the transform of the kernel (a matrix product with rounded entries), then those of input and output, whose
    rows have up to b and a entries, all whole numbers (2 and 3 for tile 2, 4 and 5 for tile 4). It is lemma
    3.1 of Higham 2002 (Accuracy and Stability of Numerical Algorithms) along each chain of operations;
    Barabasz et al. 2018 (arXiv 1803.10986) give the like in norms. For complex numbers the sum over the
    channels counts three times, as sqrt(2) gamma_2n < gamma_3n; the transforms are real and treat both parts
    alike. Overflow and underflow are left out. tile: 2 for `winograd`, 4 for `winograd4`.

    Raises UserError for another tile, and for what `unsupported` names.

    >>> x, w, problem = torch.ones(1, 1, 4, 4), torch.ones(1, 1, 3, 3), Problem(1, 1, 1, (4, 4), (3, 3))
    >>> bounds = [error_bound(x, w, problem, tile).max() for tile in (2, 4)]
    >>> [round(float(bound / (9 * torch.finfo(torch.float32).eps))) for bound in bounds]  # the outputs are 9
    [92, 416]
    """
    reason = unsupported(problem)
    if reason is not None or tile not in _ABSOLUTE:
        raise UserError(f"no bound of Winograd's filters: {reason or f'tile is 2 or 4, not {tile}'}.")
    transforms = _ABSOLUTE[tile].transforms
    rows = _longest(transforms.input) + _longest(transforms.output) + 2
    products = problem.in_channels // problem.groups * (3 if problem.dtype.is_complex else 1)
    chain = products + 3**problem.axes + 2 + problem.axes * rows
    rounding = chain * torch.finfo(problem.dtype).eps / 2
    magnitudes = x.detach().abs().double(), w.detach().abs().double()
    largest = forward(*magnitudes, replace(problem, dtype=torch.float64), _ABSOLUTE[tile])
    return largest * (rounding / (1 - rounding))


def work(problem: Problem, stages: Stages) -> dict[str, float]:
    """Multiply-adds of the matrix products and their number, bytes moved by the transforms, calls of PyTorch.

    >>> work(Problem(1, 8, 8, (6, 6), (3, 3)), F4)["winograd_multiply"]  # one tile, 36 positions
    2304.0
    """
    step, size, axes = stages.transforms.step, stages.transforms.positions, problem.axes
    rounds, parts = len(chunks(problem, stages.transforms)), len(blocks(problem, size**axes))
    tiles = problem.batch * math.prod(tiles_per_axis(problem, step))
    pairs = problem.in_channels * problem.out_channels // problem.groups
    # A pass along an axis reads two numbers and writes one per tile, channel and place on the other axes:
    # `size` places on an axis that is transformed, `step` on one that is not.
    places = sum(size**done * step ** (axes - 1 - done) for done in range(axes))
    passes = stages.input.passes * problem.in_channels + stages.output.passes * problem.out_channels
    copies = 4 * tiles * step**axes * (problem.in_channels + problem.out_channels)
    moved = 3 * places * tiles * passes + copies + (3**axes + size**axes) * pairs
    calls = axes * (stages.input.passes + stages.output.passes) + parts + 8
    return {
        "winograd_multiply": float(size**axes * tiles * pairs),
        "winograd_bytes": float(moved * problem.dtype.itemsize),
        "calls": float(8 + parts + 2 * problem.batch + rounds * calls),
        "gemms": float(rounds * parts * size**axes),
    }


def _correlate(x: Tensor, w: Tensor, problem: Problem, stages: Stages) -> Tensor:
    y: Tensor = _Correlation.apply(x, w, problem, stages)  # type: ignore[no-untyped-call]
    return y


class _Correlation(torch.autograd.Function):
    """y = x correlated with w. Its gradients are a correlation again, and `_KernelGradient`."""

    @staticmethod
    def forward(x: Tensor, w: Tensor, problem: Problem, stages: Stages) -> Tensor:
        return forward(x.resolve_conj(), w.resolve_conj(), problem, stages)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Problem, Stages], output: Tensor) -> None:
        x, w, ctx.problem, ctx.stages = inputs
        ctx.save_for_backward(x, w)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        x, w = ctx.saved_tensors
        to_x, to_w = ctx.needs_input_grad[:2]
        return (
            _input_gradient(slope, w, ctx.problem, ctx.stages) if to_x else None,
            _kernel_gradient(x.conj(), slope, ctx.problem, ctx.stages) if to_w else None,
            None,
            None,
        )


class _KernelGradient(torch.autograd.Function):
    """sum over n, i of slope[n, o, i] * x[n, c, i + k - before], which is linear in both too."""

    @staticmethod
    def forward(x: Tensor, slope: Tensor, problem: Problem, stages: Stages) -> Tensor:
        return kernel_gradient(x.resolve_conj(), slope.resolve_conj(), problem, stages)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Problem, Stages], output: Tensor) -> None:
        x, slope, ctx.problem, ctx.stages = inputs
        ctx.save_for_backward(x, slope)

    @staticmethod
    def backward(ctx: Any, slope_of_w: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        x, slope = ctx.saved_tensors
        to_x, to_slope = ctx.needs_input_grad[:2]
        return (
            _input_gradient(slope.conj(), slope_of_w.conj(), ctx.problem, ctx.stages) if to_x else None,
            _correlate(x.conj(), slope_of_w, ctx.problem, ctx.stages) if to_slope else None,
            None,
            None,
        )


def _kernel_gradient(x: Tensor, slope: Tensor, problem: Problem, stages: Stages) -> Tensor:
    w: Tensor = _KernelGradient.apply(x, slope, problem, stages)  # type: ignore[no-untyped-call]
    return w


def _input_gradient(slope: Tensor, w: Tensor, problem: Problem, stages: Stages) -> Tensor:
    if 0 in problem.size:  # all padding: a gradient of no elements
        return slope.new_zeros(problem.batch, problem.in_channels, *problem.size)
    return _correlate(*transposed(slope, w, problem), stages)


def _longest(matrix: Matrix) -> int:
    return max(sum(entry != 0 for entry in row) for row in matrix)


WINOGRAD = Algorithm("winograd", "Winograd F(2x2, 3x3)", correlate, unsupported, partial(work, stages=F2))
WINOGRAD4 = Algorithm("winograd4", "Winograd F(4x4, 3x3)", correlate4, unsupported, partial(work, stages=F4))
