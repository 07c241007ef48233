"""What a cut into tiles costs, and the cut that costs least."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from fieldmark.conv.costs import fresh, seconds
from fieldmark.conv.problem import Problem
from fieldmark.conv.tiling import TINY, Tiling, candidates, in_one_go, portions, uses_matrices


@lru_cache(maxsize=4096)
def tiled(problem: Problem) -> Tiling:
    """The cut into tiles that costs least.

    >>> tiling = tiled(Problem(1, 1, 1, (1000,), (9,), (1,), ((4, 4),), (1,)))
    >>> tiling.tiles[0] * tiling.step[0] >= 1000
    True
    """
    return min(candidates(problem), key=lambda tiling: seconds(work(problem, tiling), problem))


def work(problem: Problem, tiling: Tiling, at_once: bool = True) -> dict[str, float]:
    """Units of work of a cut: butterflies of the transforms, products per frequency, bytes moved, calls.

    A transform of n points along an axis has n log2(n) butterflies here, whatever its radix. Rows that hold
    nothing, or that nobody wants, are not transformed (`spectral.padded_spectrum`, `spectral.inverse`).

    >>> problem = Problem(1, 1, 1, (8,), (1,), (1,), ((0, 0),), (1,))
    >>> work(problem, Tiling((1,), (8,), (8,)))["tiny_butterflies"]
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
