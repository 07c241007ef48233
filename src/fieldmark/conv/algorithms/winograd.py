"""Winograd's minimal filters: kernels of 3 taps with up to 2.25 or 4 times fewer multiplications in 2-D."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

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
from fieldmark.conv.algorithms.gradients import transposed
from fieldmark.conv.geometry import spell
from fieldmark.conv.problem import Algorithm, Problem, exact_types
from fieldmark.errors import UserError


def load(x: Tensor, room: Tensor, before: Sequence[int]) -> Tensor:
    """x (n, C, *size) copied into `room` (n or more, *larger size, C), `before` from the start of each axis.

    -> the n pictures of the room; what lies around x stays as it was.

    >>> import torch
    >>> load(torch.ones(1, 2, 3), torch.zeros(4, 5, 2), [1])[0, :, 0]
    tensor([0., 1., 1., 1., 0.])
    """
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


def empty_like(x: Tensor, channels: int, size: Sequence[int]) -> Tensor:
    """Memory for (N, channels, *size), with the channels last if those of x (N, C, *other size) are.

    >>> import torch
    >>> empty_like(torch.ones(2, 5, 7, 3).movedim(-1, 1), 4, (6, 8)).stride()
    (192, 1, 32, 4)
    """
    if x.movedim(1, -1).is_contiguous() and not x.is_contiguous():
        return x.new_empty(len(x), *size, channels).movedim(-1, 1)
    return x.new_empty(len(x), channels, *size)


def store(pixels: Tensor, y: Tensor) -> None:
    """pixels (n, *size, C), cropped at the end of each axis, copied into y (n, C, *smaller size).

    >>> import torch
    >>> y = torch.empty(1, 2, 3)
    >>> store(torch.arange(8.0).view(1, 4, 2), y)
    >>> y
    tensor([[[0., 2., 4.],
             [1., 3., 5.]]])
    """
    pixels = pixels[(slice(None), *(slice(n) for n in y.shape[2:]))]
    if not y.is_contiguous():
        y.movedim(1, -1).copy_(pixels)
        return
    for picture, target in zip(pixels, y, strict=True):
        target.flatten(1).copy_(picture.reshape(-1, len(target)).t())


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


# Transformed tiles and their products take 2 to 4 times the room of the pictures. On a processor that should
# be cache: 4 to 8 MB were fastest, 64 MB up to twice slower. Many channels need more, as each chunk reads all
# the transformed kernels. A GPU wants few launches.
_CHUNK_BYTES, _MOST_CHUNK_BYTES = {"cpu": 6 << 20}, 32 << 20
_CHUNK_BYTES_ELSEWHERE = 256 << 20


@dataclass(frozen=True, eq=False)
class Stages:
    """F(m, r) with its matrices laid out as passes over whole tensors.

    slope: the transpose of `output`, from the gradient of a tile's outputs to the gradient of its products.
    """

    transforms: Transforms
    input: Combination
    output: Combination
    slope: Combination


@dataclass(frozen=True)
class Chunk:
    """What is computed at once: some pictures, or from one picture the rows of tiles from `top` to `bottom`.

    counts: tiles per axis, rows first.
    """

    pictures: slice
    top: int
    counts: tuple[int, ...]

    @property
    def bottom(self) -> int:
        """The row of tiles after the last one."""
        return self.top + self.counts[0]


def stages(transforms: Transforms) -> Stages:
    """The passes for these matrices.

    >>> from fieldmark.conv.algorithms.cook_toom import cook_toom
    >>> stages(cook_toom(4, 3, (0, 1, -1, 2, -2))).input.passes
    12
    """
    slope = tuple(zip(*transforms.output, strict=True))
    return Stages(transforms, *map(combination, (transforms.input, transforms.output, slope)))


def tiles_per_axis(problem: Problem, step: int) -> tuple[int, ...]:
    """How many tiles of `step` outputs cover the result; the last of an axis may reach past its end.

    >>> tiles_per_axis(Problem(1, 1, 1, (9, 6), (3, 3)), 4)
    (2, 1)
    """
    return tuple(-(-n // step) for n in problem.output)


def chunks(problem: Problem, transforms: Transforms) -> list[Chunk]:
    """Chunks of about 6 MB, or as large as the transformed kernels up to 32 MB; a picture's rows in a row.

    >>> from fieldmark.conv.algorithms.cook_toom import cook_toom
    >>> chunks(Problem(2, 1, 1, (9, 6), (3, 3)), cook_toom(4, 3, (0, 1, -1, 2, -2)))
    [Chunk(pictures=slice(0, 2, None), top=0, counts=(2, 1))]
    """
    counts = tiles_per_axis(problem, transforms.step)
    tile = transforms.positions**problem.axes * problem.dtype.itemsize
    row = tile * math.prod(counts[1:]) * (problem.in_channels + problem.out_channels)
    kernels = tile * problem.in_channels * problem.out_channels // problem.groups
    most = max(_CHUNK_BYTES.get(problem.device, _CHUNK_BYTES_ELSEWHERE), min(kernels, _MOST_CHUNK_BYTES))
    rows = even(counts[0], most // row)
    images = even(problem.batch, most // (row * rows)) if rows == counts[0] else 1
    return [
        Chunk(slice(first, min(first + images, problem.batch)), top, (min(rows, below), *counts[1:]))
        for first in range(0, problem.batch, images)
        for top, below in zip(range(0, counts[0], rows), range(counts[0], 0, -rows), strict=True)
    ]


def forward(x: Tensor, w: Tensor, problem: Problem, stages: Stages) -> Tensor:
    """x (N, C_in, *size), w (C_out, C_in/groups, *kernel) -> (N, C_out, *output).

    >>> from fieldmark.conv.algorithms.cook_toom import cook_toom
    >>> x, w, problem = torch.ones(1, 1, 5, 3), torch.ones(1, 1, 3, 3), Problem(1, 1, 1, (5, 3), (3, 3))
    >>> forward(x, w, problem, stages(cook_toom(2, 3, (0, 1, -1)))).flatten()
    tensor([9., 9., 9.])
    """
    work, last_row = chunks(problem, stages.transforms), tiles_per_axis(problem, stages.transforms.step)[0]
    matrix = _kernel_matrix(stages, problem.axes, x.dtype, x.device)
    kernels = ((block, transform(w[block.outputs], matrix)) for block in blocks(problem, len(matrix)))
    kept = list(kernels) if len(work) > 1 else kernels
    y, room, bands = empty_like(x, problem.out_channels, problem.output), _input_room(x, problem, stages), []
    for chunk in work:
        if not chunk.top:
            pixels = load(x[chunk.pictures], room, [before for before, _ in problem.padding])
        tiles = _input_tiles(pixels, chunk, stages)
        products = multiply(tiles.view(len(matrix), -1, problem.in_channels), kept, problem)
        products = products.view(*tiles.shape[:-1], problem.out_channels)
        bands.append(synthesise(products, stages.output, problem.axes))
        if chunk.bottom == last_row:
            store(bands[0] if len(bands) == 1 else torch.cat(bands, 1), y[chunk.pictures])
            bands = []
    return y


def kernel_gradient(x: Tensor, slope: Tensor, problem: Problem, stages: Stages) -> Tensor:
    """sum over n, i of slope[n, o, i] * x[n, c, i + k - before], by the transposed transforms.

    x (N, C_in, *size), slope (N, C_out, *output) -> (C_out, C_in/groups, *kernel)

    >>> from fieldmark.conv.algorithms.cook_toom import cook_toom
    >>> problem = Problem(1, 1, 1, (4,), (3,), (1,), ((0, 0),), (1,))
    >>> signal, slope = torch.arange(4.0).view(1, 1, 4), torch.ones(1, 1, 2)
    >>> kernel_gradient(signal, slope, problem, stages(cook_toom(2, 3, (0, 1, -1))))
    tensor([[[1., 3., 5.]]])
    """
    work, step = chunks(problem, stages.transforms), stages.transforms.step
    matrix = _kernel_matrix(stages, problem.axes, x.dtype, x.device)
    parts = blocks(problem, len(matrix))
    totals: list[Tensor | None] = [None] * len(parts)
    gradient = x.new_zeros(problem.out_channels, problem.in_channels // problem.groups, *problem.kernel)
    room, size = _input_room(x, problem, stages), [step * n for n in tiles_per_axis(problem, step)]
    slope_room = slope.new_zeros(_most_pictures(work), *size, problem.out_channels)
    for chunk in work:
        if not chunk.top:
            pixels = load(x[chunk.pictures], room, [before for before, _ in problem.padding])
            slopes = load(slope[chunk.pictures], slope_room, [0] * problem.axes)
        tiles = _input_tiles(pixels, chunk, stages).view(len(matrix), -1, problem.in_channels)
        band = slopes[:, step * chunk.top : step * chunk.bottom]
        sloping = analyse(band, stages.slope, step, step, chunk.counts)
        sloping = sloping.view(len(matrix), -1, problem.out_channels)
        for i, block in enumerate(parts):
            total = add_products(totals[i], sloping, tiles, block, problem.groups)
            totals[i] = total if chunk is not work[-1] else None
            if chunk is work[-1]:
                gradient[block.outputs] = transform_back(total, matrix, problem.kernel)
    return gradient


@lru_cache
def _kernel_matrix(stages: Stages, axes: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """(t^axes, r^axes). Kept, because making it from fractions takes longer than a small convolution."""
    return torch.tensor(kronecker(stages.transforms.kernel, axes), dtype=dtype, device=device)


def _most_pictures(work: list[Chunk]) -> int:
    return max((chunk.pictures.stop - chunk.pictures.start for chunk in work), default=0)


def _input_room(x: Tensor, problem: Problem, stages: Stages) -> Tensor:
    """Zeros for the padded pictures of a chunk, with the channels last and whole tiles."""
    step, overlap = stages.transforms.step, stages.transforms.taps - 1
    size = [step * n + overlap for n in tiles_per_axis(problem, step)]
    return x.new_zeros(_most_pictures(chunks(problem, stages.transforms)), *size, problem.in_channels)


def _input_tiles(pixels: Tensor, chunk: Chunk, stages: Stages) -> Tensor:
    step, overlap = stages.transforms.step, stages.transforms.taps - 1
    band = pixels[:, step * chunk.top : step * chunk.bottom + overlap]
    return analyse(band, stages.input, stages.transforms.positions, step, chunk.counts)


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
