"""Into how many tiles a picture is cut for the Fourier transform, and how long the transforms are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from fieldmark.conv.prices import edition, fresh, seconds
from fieldmark.conv.problem import Problem

CHUNK = 2**19
"""Numbers transformed at a time: small enough for the caches, large enough to keep the cores busy."""

FEW = 16
"""Up to so many pairs of channels are summed one by one; a matrix product per frequency is slower there."""

TINY = 2**13
"""Points of all transforms together up to which a second core is not worth waking."""

AT_ONCE = 2**17
"""Points of all transforms together up to which PyTorch's calls cost more than the arithmetic they save."""

LONGEST = 512
"""Tiles with longer transforms than this do not pay: their working set leaves the caches."""


@dataclass(frozen=True)
class Tiling:
    """Per axis: how many tiles, how many outputs (at stride 1) of each, and the length of its transform."""

    tiles: tuple[int, ...]
    step: tuple[int, ...]
    length: tuple[int, ...]


@lru_cache(maxsize=4096)
def whole(problem: Problem) -> Tiling:
    """One tile: the transform of the whole picture.

    A circle of max(n + max(before, after), reach) is enough: what wraps around meets the zeros of the
    padding.

    >>> whole(Problem(1, 1, 1, (100,), (9,), (1,), ((4, 4),), (1,))).length
    (108,)
    """
    outputs = problem.unstrided
    needed = [
        max(n + max(pads), reach, out)
        for n, pads, reach, out in zip(problem.size, problem.padding, problem.reach, outputs, strict=True)
    ]
    return Tiling((1,) * problem.axes, outputs, tuple(map(fast_length, needed)))


def candidates(problem: Problem) -> Iterator[Tiling]:
    """Every sensible cut: per axis from one tile down to transforms of four times the kernel's reach."""
    per_axis = [
        list(_axis(n, reach, stride))
        for n, reach, stride in zip(problem.unstrided, problem.reach, problem.stride, strict=True)
    ]
    for cut in product(*per_axis):
        yield Tiling(*map(tuple, zip(*cut, strict=True)))


def chunks(problem: Problem, tiling: Tiling) -> Iterator[tuple[slice, list[tuple[slice, slice]]]]:
    """The work in portions of about CHUNK numbers: groups, and for them pictures and rows of tiles.

    Where the kernels' own spectra are larger than that, a portion is as large as they are, so that they are
    not read again and again for little work.
    """
    groups, pictures, rows = _portion(problem, tiling)
    pieces = [
        (slice(n, n + pictures), slice(top, min(top + rows, tiling.tiles[0])))
        for n in range(0, problem.batch, pictures)
        for top in range(0, tiling.tiles[0], rows)
    ]
    for first in range(0, problem.groups, groups):
        yield slice(first, first + groups), pieces


def portions(problem: Problem, tiling: Tiling) -> int:
    """How many portions `chunks` makes.

    >>> portions(Problem(7, 1, 1, (8,), (1,), (1,), ((0, 0),), (1,)), Tiling((1,), (8,), (2**18,)))
    7
    """
    whole = problem.groups, problem.batch, tiling.tiles[0]
    return math.prod(-(-n // part) for n, part in zip(whole, _portion(problem, tiling), strict=True))


def _portion(problem: Problem, tiling: Tiling) -> tuple[int, int, int]:
    """Groups, pictures and rows of tiles."""
    width = (problem.in_channels + problem.out_channels) // problem.groups
    points = math.prod(tiling.length)
    row = width * points * math.prod(tiling.tiles[1:])
    kernels = problem.in_channels // problem.groups * problem.out_channels // problem.groups * points
    groups = max(1, min(problem.groups, CHUNK // max(row, kernels)))
    budget = max(CHUNK, groups * kernels)
    rows = max(1, min(tiling.tiles[0], budget // (groups * row)))
    pictures = max(1, budget // (groups * row * rows)) if rows == tiling.tiles[0] else 1
    return groups, pictures, rows


@lru_cache(maxsize=4096)
def in_one_go(problem: Problem, tiling: Tiling) -> bool:
    """Whether the whole is so small that the fewest calls are the fastest way."""
    small = problem.batch * problem.groups * math.prod(tiling.length) <= AT_ONCE
    alone = problem.in_channels == problem.out_channels == problem.groups
    return small and alone and math.prod(tiling.tiles) == 1


def uses_matrices(problem: Problem) -> bool:
    """Whether channels are summed by a matrix product per frequency, and not one by one."""
    width, height = problem.in_channels // problem.groups, problem.out_channels // problem.groups
    return width > 1 and width * height > FEW


def _axis(outputs: int, reach: int, stride: int) -> Iterator[tuple[int, int, int]]:
    """(tiles, step, length) along an axis, each length once; a step is a whole multiple of the stride."""
    seen = set()
    whole, least = outputs + reach - 1, reach + stride - 1
    wanted = {max(least, math.ceil(whole * 0.75**shrunk)) for shrunk in range(32)} | {whole}
    for length in sorted(map(fast_length, wanted), reverse=True):
        room = length - reach + 1
        tiles = 1 if room >= outputs else math.ceil(outputs / (room // stride * stride))
        step = math.ceil(outputs / tiles / stride) * stride  # tiles of one size
        shortest = fast_length(min(step, outputs) + reach - 1)
        if shortest not in seen and (tiles == 1 or shortest <= max(LONGEST, 4 * reach)):
            seen.add(shortest)
            yield tiles, step, shortest


@lru_cache(maxsize=4096)
def fast_length(least: int) -> int:
    """The smallest even length of at least `least` that has no prime factor above 5.

    >>> fast_length(527), fast_length(1), fast_length(97)
    (540, 2, 100)
    """
    best = 2
    while best < least:
        best *= 2
    five = 1
    while five < best:
        odd = five
        while odd < best:
            twos = max(0, (least - 1) // (2 * odd)).bit_length()
            best = min(best, 2 * odd << twos)
            odd *= 3
        five *= 5
    return best


def tiled(problem: Problem) -> Tiling:
    """The cut into tiles that costs least.

    >>> tiling = tiled(Problem(1, 1, 1, (1000,), (9,), (1,), ((4, 4),), (1,)))
    >>> tiling.tiles[0] * tiling.step[0] >= 1000
    True
    """
    return _tiled(problem, edition())


@lru_cache(maxsize=4096)
def _tiled(problem: Problem, prices: int) -> Tiling:
    return min(candidates(problem), key=lambda tiling: seconds(tile_work(problem, tiling), problem))


def tile_work(problem: Problem, tiling: Tiling, at_once: bool = True) -> dict[str, float]:
    """Units of work of a cut: butterflies of the transforms, products per frequency, bytes moved, calls.

    A transform of n points along an axis has n log2(n) butterflies here, whatever its radix. Rows that hold
    nothing, or that nobody wants, are not transformed (`spectral.padded_spectrum`, `spectral.inverse`).

    >>> problem = Problem(1, 1, 1, (8,), (1,), (1,), ((0, 0),), (1,))
    >>> tile_work(problem, Tiling((1,), (8,), (8,)))["tiny_butterflies"]
    72.0
    """
    length, groups = tiling.length, problem.groups
    width, height = problem.in_channels // groups, problem.out_channels // groups
    points = math.prod(length)
    frequencies = points if problem.dtype.is_complex else points // length[-1] * (length[-1] // 2 + 1)
    tiles = problem.batch * math.prod(tiling.tiles)
    kernels = groups * width * height
    parts = portions(problem, tiling)
    maps = tiles * groups * (width + height)
    size = 2 * problem.dtype.itemsize // (2 if problem.dtype.is_complex else 1)
    if at_once and in_one_go(problem, tiling):
        small = points * math.log2(points) * 3 * problem.batch * groups
        name = "tiny" if problem.device == "cpu" and problem.batch * groups * points <= TINY else "small"
        return {f"{name}_calls": 12.0, f"{name}_butterflies": small}
    portion = frequencies * size * maps / max(parts, 1)
    result = {
        "calls": 16.0 + 22.0 * parts,
        "butterflies": points * math.log2(points) * tiles * groups * width
        + kernels * _passes(length, problem.reach),
        "inverse_butterflies": tiles * groups * height * _passes(length, tiling.step),
        "spectrum_bytes": float(frequencies * size * maps),
        "kernel_bytes": float(frequencies * size * kernels),
        "fresh_bytes": 2 * parts * fresh(portion),
        "large_bytes": fresh(
            frequencies * size * kernels,
            problem.batch * problem.out_channels * math.prod(problem.output) * problem.dtype.itemsize,
        ),
    }
    products = float(frequencies * tiles * kernels)
    if not uses_matrices(problem):
        return {**result, "products": products}
    matrices = float(frequencies * groups * parts)
    return {
        **result,
        "matrix_products": products,
        "matrix_bytes": float(frequencies * size * (maps + kernels)),
        "matrices": matrices,
    }


def _passes(length: Sequence[int], part: Sequence[int]) -> float:
    """Butterflies of a transform of which only `part` of each axis holds something, or is wanted."""
    total, rows = 0.0, math.prod(part[:-1])
    total += rows * length[-1] * math.log2(length[-1])
    for axis in range(len(length) - 2, -1, -1):
        rows = math.prod(part[:axis]) * math.prod(length[axis + 1 :])
        total += rows * length[axis] * math.log2(length[axis])
    return total
