"""Winograd's convolution: transform tiles, multiply, transform back, in chunks that stay in cache."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from fieldmark.conv.cook_toom import Transforms, kronecker
from fieldmark.conv.problem import Problem
from fieldmark.conv.winograd_layout import empty_like, load, store
from fieldmark.conv.winograd_products import add_products, blocks, even, multiply, transform, transform_back
from fieldmark.conv.winograd_tiles import Combination, analyse, combination, synthesise

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

    >>> from fieldmark.conv.cook_toom import cook_toom
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

    >>> from fieldmark.conv.cook_toom import cook_toom
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

    >>> from fieldmark.conv.cook_toom import cook_toom
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

    >>> from fieldmark.conv.cook_toom import cook_toom
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
