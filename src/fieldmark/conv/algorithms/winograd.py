"""Winograd's minimal filters: kernels of 3 taps with up to 2.25 or 4 times fewer multiplications in 2-D.

Pictures are cut into tiles that overlap, and every tile is transformed. Then one matrix product over the
channels for each position in a tile takes the place of the convolution, and its result is transformed back.
`cook_toom.py` makes the matrices. All this goes in chunks that stay in the caches, channels last.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from fieldmark.conv.algorithms.cook_toom import (
    Combination,
    Matrix,
    Transforms,
    analyse,
    combination,
    cook_toom,
    kronecker,
    synthesise,
)
from fieldmark.conv.algorithms.native import by_torch
from fieldmark.conv.geometry import spell
from fieldmark.conv.problem import Algorithm, Problem, exact_types, transposed
from fieldmark.errors import UserError

# Transformed tiles and their products take 2 to 4 times the room of the pictures. On a processor that should
# be cache: 4 to 8 MB were fastest, 64 MB up to twice slower. Many channels need more, as each chunk reads all
# the transformed kernels. A GPU wants few launches.
_CHUNK_BYTES, _MOST_CHUNK_BYTES = {"cpu": 6 << 20}, 32 << 20
_CHUNK_BYTES_ELSEWHERE = 256 << 20


# Memory of more than 32 MB comes anew from the system for every call, page by page, which costs more than its
# use: 512 x 512 kernels of float64 took 46 ms to transform and multiply at once, 14 ms in blocks.
_BLOCK_BYTES = 8 << 20


@dataclass(frozen=True, eq=False)
class _Stages:
    """F(m, r) with two of its matrices laid out as passes over whole tensors."""

    transforms: Transforms
    input: Combination
    output: Combination


def _stages(transforms: Transforms) -> _Stages:
    return _Stages(transforms, combination(transforms.input), combination(transforms.output))


# The points of Lavin & Gray 2015; infinity is the last one of each.
F2 = _stages(cook_toom(2, 3, (0, 1, -1)))
F4 = _stages(cook_toom(4, 3, (0, 1, -1, 2, -2)))
_ABSOLUTE = {2: _stages(F2.transforms.absolute()), 4: _stages(F4.transforms.absolute())}


def correlate(x: Tensor, w: Tensor, problem: Problem) -> Tensor:
    """F(2x2, 3x3) of Lavin & Gray 2015 (arXiv 1509.09308): per axis 2 outputs by 4 multiplications, not 6.

    x (N, C_in, *size), w (C_out, C_in/groups, 3, ...) -> (N, C_out, *output), of the same dtype;
    differentiable any number of times, the kernel's gradient by PyTorch. On two axes a tile d of the padded
    input becomes

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
    largest = _forward(*magnitudes, replace(problem, dtype=torch.float64), _ABSOLUTE[tile])
    return largest * (rounding / (1 - rounding))


def work(problem: Problem, stages: _Stages) -> dict[str, float]:
    """Multiply-adds of the matrix products and their number, bytes moved by the transforms, calls of PyTorch.

    >>> work(Problem(1, 8, 8, (6, 6), (3, 3)), F4)["winograd_multiply"]  # one tile, 36 positions
    2304.0
    """
    step, size, axes = stages.transforms.step, stages.transforms.positions, problem.axes
    rounds, parts = len(_chunks(problem, stages.transforms)), len(_blocks(problem, size**axes))
    tiles = problem.batch * math.prod(_tiles_per_axis(problem, step))
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


class _Correlation(torch.autograd.Function):
    """The gradient of x is a correlation again, by the same filters; that of the kernel is PyTorch's."""

    @staticmethod
    def forward(x: Tensor, w: Tensor, problem: Problem, stages: _Stages) -> Tensor:
        return _forward(x.resolve_conj(), w.resolve_conj(), problem, stages)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Problem, _Stages], output: Tensor) -> None:
        x, w, ctx.problem, ctx.stages = inputs
        ctx.save_for_backward(x, w)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        (x, w), problem = ctx.saved_tensors, ctx.problem
        wants_x, wants_w = ctx.needs_input_grad[:2]
        if torch.is_grad_enabled():  # a second derivative will be asked for
            return *by_torch(slope, x, w, problem, (wants_x, wants_w)), None, None
        to_x = _input_gradient(slope, w, problem, ctx.stages) if wants_x else None
        to_w = by_torch(slope, x, w, problem, (False, True))[1] if wants_w else None
        return to_x, to_w, None, None


def _correlate(x: Tensor, w: Tensor, problem: Problem, stages: _Stages) -> Tensor:
    y: Tensor = _Correlation.apply(x, w, problem, stages)  # type: ignore[no-untyped-call]
    return y


def _input_gradient(slope: Tensor, w: Tensor, problem: Problem, stages: _Stages) -> Tensor:
    if 0 in problem.size:  # all padding: a gradient of no elements
        return slope.new_zeros(problem.batch, problem.in_channels, *problem.size)
    return _correlate(*transposed(slope, w, problem), stages)


def _longest(matrix: Matrix) -> int:
    return max(sum(entry != 0 for entry in row) for row in matrix)


def _forward(x: Tensor, w: Tensor, problem: Problem, stages: _Stages) -> Tensor:
    """x (N, C_in, *size), w (C_out, C_in/groups, *kernel) -> (N, C_out, *output)."""
    transforms, axes = stages.transforms, problem.axes
    step, size, counts = transforms.step, transforms.positions, _tiles_per_axis(problem, transforms.step)
    work = _chunks(problem, transforms)
    matrix = _kernel_matrix(stages, axes, x.dtype, x.device)
    blocks = ((each, _transformed(w[each.outputs], matrix)) for each in _blocks(problem, len(matrix)))
    kernels = list(blocks) if len(work) > 1 else blocks
    y = _result(x, problem)
    # Zeros for the padded pictures of a chunk, with the channels last and whole tiles.
    padded = [step * count + transforms.taps - 1 for count in counts]
    most = work[0].pictures.stop if work else 0  # the first chunk has as many pictures as any
    room = x.new_zeros(most, *padded, problem.in_channels)
    bands: list[Tensor] = []
    for chunk in work:
        if not chunk.top:
            pixels = _load(x[chunk.pictures], room, [before for before, _ in problem.padding])
        band = pixels[:, step * chunk.top : step * chunk.bottom + transforms.taps - 1]
        tiles = analyse(band, stages.input, size, step, chunk.counts)  # (t, ..., t, n, *counts, C_in)
        products = _multiply(tiles.view(len(matrix), -1, problem.in_channels), kernels, problem)
        products = products.view(*tiles.shape[:-1], problem.out_channels)
        bands.append(synthesise(products, stages.output, axes))
        if chunk.bottom == counts[0]:
            _store(bands[0] if len(bands) == 1 else torch.cat(bands, 1), y[chunk.pictures])
            bands = []
    return y


@dataclass(frozen=True)
class _Chunk:
    """What is computed at once: some pictures, or from one picture the rows of tiles from `top` to `bottom`.

    counts: tiles per axis, rows first.
    """

    pictures: slice
    top: int
    counts: tuple[int, ...]

    @property
    def bottom(self) -> int:
        return self.top + self.counts[0]


def _chunks(problem: Problem, transforms: Transforms) -> list[_Chunk]:
    """Chunks of about 6 MB, or as large as the transformed kernels up to 32 MB; a picture's rows in a row."""
    counts = _tiles_per_axis(problem, transforms.step)
    tile = transforms.positions**problem.axes * problem.dtype.itemsize
    row = tile * math.prod(counts[1:]) * (problem.in_channels + problem.out_channels)
    kernels = tile * problem.in_channels * problem.out_channels // problem.groups
    most = max(_CHUNK_BYTES.get(problem.device, _CHUNK_BYTES_ELSEWHERE), min(kernels, _MOST_CHUNK_BYTES))
    rows = _even(counts[0], most // row)
    images = _even(problem.batch, most // (row * rows)) if rows == counts[0] else 1
    return [
        _Chunk(slice(first, min(first + images, problem.batch)), top, (min(rows, below), *counts[1:]))
        for first in range(0, problem.batch, images)
        for top, below in zip(range(0, counts[0], rows), range(counts[0], 0, -rows), strict=True)
    ]


def _tiles_per_axis(problem: Problem, step: int) -> tuple[int, ...]:
    """How many tiles of `step` outputs cover the result; the last of an axis may reach past its end."""
    return tuple(-(-n // step) for n in problem.output)


class _Block(NamedTuple):
    """Output channels that are computed at once, and the input channels that they see."""

    inputs: slice
    outputs: slice


def _blocks(problem: Problem, positions: int) -> list[_Block]:
    """All output channels, group by group, in blocks whose transformed kernels take about 8 MB.

    Groups of one input channel need no matrix product, so they are one block.
    """
    if problem.in_channels == problem.groups:
        return [_Block(slice(0, problem.in_channels), slice(0, problem.out_channels))]
    inputs, outputs = problem.in_channels // problem.groups, problem.out_channels // problem.groups
    width = _even(outputs, _BLOCK_BYTES // (positions * inputs * problem.dtype.itemsize))
    return [
        _Block(slice(first, first + inputs), slice(start, min(start + width, end)))
        for group, first in enumerate(range(0, problem.in_channels, inputs))
        for end in [(group + 1) * outputs]
        for start in range(group * outputs, end, width)
    ]


def _even(total: int, most: int) -> int:
    """The size of about equal parts of `total`, none larger than `most`, or 1."""
    parts = -(-total // max(most, 1))
    return -(-total // max(parts, 1)) or 1


@lru_cache
def _kernel_matrix(stages: _Stages, axes: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """(t^axes, r^axes). Kept, because making it from fractions takes longer than a small convolution."""
    return torch.tensor(kronecker(stages.transforms.kernel, axes), dtype=dtype, device=device)


def _transformed(w: Tensor, matrix: Tensor) -> Tensor:
    """Kernels (C_out, C_in/groups, *kernel) by (positions, taps) -> (positions, C_out, C_in/groups)."""
    kernels = w.new_empty(len(matrix), *w.shape[:2])
    # With out=, torch.autocast leaves the dtype as it is; so it does in all that follows.
    torch.mm(matrix, w.reshape(-1, matrix.shape[1]).t(), out=kernels.flatten(1))
    return kernels


def _multiply(tiles: Tensor, kernels: Iterable[tuple[_Block, Tensor]], problem: Problem) -> Tensor:
    """For each position and block (tiles x C_in/groups) @ (C_in/groups x C_out of the block).

    tiles (positions, n, C_in), kernels (positions, C_out of the block, C_in/groups) -> (positions, n, C_out)
    """
    products = tiles.new_empty(*tiles.shape[:2], problem.out_channels)
    for block, kernel in kernels:
        if problem.in_channels == problem.groups:
            each = kernel.view(len(kernel), 1, problem.groups, -1)
            torch.mul(tiles.unsqueeze(3), each, out=products.view(*tiles.shape, -1))
        else:
            torch.bmm(tiles[:, :, block.inputs], kernel.mT, out=products[:, :, block.outputs])
    return products


def _load(x: Tensor, room: Tensor, before: Sequence[int]) -> Tensor:
    """x (n, C, *size) copied into `room` (n or more, *larger, C), `before` from the start of each axis."""
    pixels = x.movedim(1, -1)
    if not pixels.is_contiguous():
        # PyTorch transposes a matrix 2 to 6 times faster than it permutes the axes of a batch.
        pixels = x.new_empty(pixels.shape)
        for picture, target in zip(x, pixels, strict=True):
            target.flatten(0, -2).copy_(picture.flatten(1).t())
    inside = [slice(start, start + n) for start, n in zip(before, x.shape[2:], strict=True)]
    room = room[: len(x)]
    room[(slice(None), *inside)] = pixels
    return room


def _result(x: Tensor, problem: Problem) -> Tensor:
    """Memory for (N, C_out, *output), with the channels last if those of x are."""
    if x.movedim(1, -1).is_contiguous() and not x.is_contiguous():
        return x.new_empty(len(x), *problem.output, problem.out_channels).movedim(-1, 1)
    return x.new_empty(len(x), problem.out_channels, *problem.output)


def _store(pixels: Tensor, y: Tensor) -> None:
    """pixels (n, *size, C), cropped at the end of each axis, copied into y (n, C, *smaller size)."""
    pixels = pixels[(slice(None), *(slice(n) for n in y.shape[2:]))]
    if not y.is_contiguous():
        y.movedim(1, -1).copy_(pixels)
        return
    for picture, target in zip(pixels, y, strict=True):
        target.flatten(1).copy_(picture.reshape(-1, len(target)).t())


WINOGRAD = Algorithm("winograd", "Winograd F(2x2, 3x3)", correlate, unsupported, partial(work, stages=F2))
WINOGRAD4 = Algorithm("winograd4", "Winograd F(4x4, 3x3)", correlate4, unsupported, partial(work, stages=F4))
