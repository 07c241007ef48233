"""The matrices of Winograd's minimal filters, from interpolation points, in exact fractions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import prod
from typing import TypeAlias

import torch
from torch import Tensor

from fieldmark.errors import UserError

Matrix: TypeAlias = tuple[tuple[Fraction, ...], ...]


@dataclass(frozen=True)
class Transforms:
    """The three matrices of F(m, r): m outputs of a kernel of r taps by t = m + r - 1 multiplications.

    y = output @ ((kernel @ w) * (input @ x)) with x of t numbers, w of r and y of m. Lavin & Gray 2015 (arXiv
    1509.09308, section 4.1) write A^T for `output` (m, t), G for `kernel` (t, r), B^T for `input` (t, t).
    """

    input: Matrix
    kernel: Matrix
    output: Matrix

    @property
    def step(self) -> int:
        """m, the outputs of a tile, by which the tiles are apart."""
        return len(self.output)

    @property
    def taps(self) -> int:
        """r, the length of the kernel."""
        return len(self.kernel[0])

    @property
    def positions(self) -> int:
        """t, the inputs of a tile, and its multiplications."""
        return len(self.input)

    def absolute(self) -> Transforms:
        """The absolute values of all entries, which the error bound is made of."""
        parts = (self.input, self.kernel, self.output)
        return Transforms(*(tuple(tuple(map(abs, row)) for row in part) for part in parts))


def cook_toom(outputs: int, taps: int, points: Sequence[int | Fraction]) -> Transforms:
    """F(outputs, taps) from outputs + taps - 2 different points, and infinity, which goes without saying.

    A product of polynomials is found from its values at the points, by Lagrange's interpolation; a filter is
    the transpose of that (Blahut 2010, Fast Algorithms for Signal Processing, chapter 5). With the points a_k
    and N_k = prod_{l != k} (a_k - a_l): output[i][k] = a_k^i, kernel[k][j] = a_k^j / N_k, and input[k] holds
    the coefficients of prod_{l != k} (x - a_l), lowest first. At infinity, which comes last: output has a 1
    in its last row, kernel a 1 for the last tap, and input prod_l (x - a_l). Raises UserError for a wrong
    number of points, and for one given twice.

    >>> cook_toom(2, 3, (0, 1, -1)).output == ((1, 1, 1, 0), (0, 1, -1, 1))
    True
    """
    finite = [Fraction(point) for point in points]
    needed = outputs + taps - 2
    if len(finite) != needed or len(set(finite)) != needed:
        given = ", ".join(map(str, points))
        raise UserError(f"F({outputs}, {taps}) from the points {given}: {needed} different ones are needed.")
    others = [[b for b in finite if b != a] for a in finite]
    values = [
        tuple(a**j / prod(a - b for b in roots) for j in range(taps))
        for a, roots in zip(finite, others, strict=True)
    ]
    return Transforms(
        input=tuple(_polynomial(roots, needed + 1) for roots in [*others, finite]),
        kernel=(*values, _last(taps)),
        output=tuple((*(a**i for a in finite), last) for i, last in enumerate(_last(outputs))),
    )


def kronecker(matrix: Matrix, times: int) -> list[list[float]]:
    """`matrix` for `times` axes at once, each entry rounded once.

    >>> kronecker(((Fraction(1, 2), Fraction(1)),), 2)
    [[0.25, 0.5, 0.5, 1.0]]
    """
    return [[float(prod(entries)) for entries in product(*rows)] for rows in product(matrix, repeat=times)]


def _polynomial(roots: Sequence[Fraction], size: int) -> tuple[Fraction, ...]:
    """The coefficients of prod (x - root), lowest first, filled with zeros to `size`."""
    coefficients = [Fraction(1)]
    for root in roots:
        raised, scaled = [Fraction(0), *coefficients], [*(-root * c for c in coefficients), Fraction(0)]
        coefficients = [a + b for a, b in zip(raised, scaled, strict=True)]
    return (*coefficients, *[Fraction(0)] * (size - len(coefficients)))


def _last(length: int) -> tuple[Fraction, ...]:
    return (*[Fraction(0)] * (length - 1), Fraction(1))


Terms: TypeAlias = tuple[tuple[int, float], ...]
"""(which part, its coefficient) of a sum; a coefficient of 1 comes first where there is one."""


@dataclass(frozen=True)
class Combination:
    """A small matrix, laid out as sums of whole tensors: few passes over memory where it is symmetric.

    The points of a Winograd transform come in pairs a, -a. So two neighbouring rows are often an even part
    plus and minus an odd part (`rows`: even, odd, the factor of odd), and two neighbouring columns are only
    needed as their sum and difference (`columns`: the first of each such two). The input of F(4, 3) takes 12
    passes instead of 16.
    """

    columns: tuple[int, ...]
    rows: tuple[tuple[Terms, Terms, float], ...]

    @property
    def height(self) -> int:
        """The number of rows of the matrix."""
        return sum(2 if odd else 1 for _, odd, _ in self.rows)

    @property
    def passes(self) -> int:
        """How many sums, or products with a number, of whole parts it takes."""
        return 2 * len(self.columns) + sum(
            _passes(even) + _passes(odd) + 2 if odd else max(_passes(even), 1) for even, odd, _ in self.rows
        )

    def __call__(self, parts: Sequence[Tensor], out: Sequence[Tensor]) -> None:
        """out[i] = sum_j matrix[i][j] * parts[j], written into the tensors of `out`."""
        parts = list(parts)
        for k in self.columns:
            parts[k], parts[k + 1] = parts[k] + parts[k + 1], parts[k] - parts[k + 1]
        targets = iter(out)
        for even, odd, factor in self.rows:
            target = next(targets)
            if odd:
                mirrored = next(targets)
                first, second = _sum(even, parts, None), _sum(odd, parts, mirrored)
                torch.add(first, second, alpha=factor, out=target)
                torch.sub(first, second, alpha=factor, out=mirrored)
            elif (total := _sum(even, parts, target)) is not target:
                target.copy_(total)


def combination(matrix: Matrix) -> Combination:
    """The passes that multiply by `matrix`.

    >>> one = Fraction(1)
    >>> combination(((one, one), (one, -one)))
    Combination(columns=(0,), rows=((((0, 1.0),), (), 1.0), (((1, 1.0),), (), 1.0)))
    """
    columns = [list(column) for column in zip(*matrix, strict=True)]
    joined = _pairs(columns)
    for k in joined:
        columns[k], columns[k + 1] = _halves(columns[k], columns[k + 1])
    rows = [list(row) for row in zip(*columns, strict=True)]
    mirrored, steps = _pairs(rows), []
    for k, row in enumerate(rows):
        if k in mirrored:
            even, odd = _halves(row, rows[k + 1])
            factor = min((entry for entry in odd if entry), key=abs)
            steps.append((_terms(even), _terms([entry / factor for entry in odd]), float(factor)))
        elif k - 1 not in mirrored:
            steps.append((_terms(row), (), 1.0))
    return Combination(tuple(joined), tuple(steps))


def analyse(pixels: Tensor, matrix: Combination, taps: int, step: int, counts: Sequence[int]) -> Tensor:
    """Cut into tiles of `taps` numbers per axis, `step` apart, and transform each along every axis.

    pixels (n, *size, C) with size = step * (count - 1) + taps per axis; counts: tiles per axis.
    -> (t, ..., t, n, *counts, C), one t per axis, where t is the number of rows of the matrix.

    >>> one = Fraction(1)
    >>> analyse(torch.arange(4.0).view(1, 4, 1), combination(((one, one),)), 2, 1, [3]).flatten()
    tensor([1., 3., 5.])
    """
    axes = len(counts)
    for count in reversed(counts):
        # The axis at hand is always number `axes`: each one done before has left a position in front of it.
        windows = [slice(tap, tap + step * (count - 1) + 1, step) for tap in range(taps)]
        parts = [pixels[(slice(None),) * axes + (window,)] for window in windows]
        out = pixels.new_empty((matrix.height, *parts[0].shape))
        matrix(parts, out.unbind(0))
        pixels = out
    return pixels


def synthesise(tiles: Tensor, matrix: Combination, axes: int) -> Tensor:
    """Transform each tile along every axis, and lay the results side by side.

    tiles (t, ..., t, n, *counts, C) -> (n, *[m * count for count in counts], C) with a matrix of m rows.

    >>> one = Fraction(1)
    >>> synthesise(torch.arange(3.0).view(1, 1, 3, 1), combination(((one,), (-one,))), 1).flatten()
    tensor([ 0., -0.,  1., -1.,  2., -2.])
    """
    for _ in range(axes):
        before, after = tiles.shape[1 : axes + 2], tiles.shape[axes + 2 :]
        out = tiles.new_empty((*before, matrix.height, *after))
        matrix(tiles.unbind(0), out.unbind(axes + 1))
        tiles = out.flatten(axes, axes + 1)
    return tiles


def _pairs(vectors: Sequence[Sequence[Fraction]]) -> list[int]:
    """The first of each two neighbours that are sum and difference of vectors with no place in common."""
    found: list[int] = []
    for k in range(len(vectors) - 1):
        even, odd = _halves(vectors[k], vectors[k + 1])
        apart = not any(a and b for a, b in zip(even, odd, strict=True))
        if apart and any(even) and any(odd) and k - 1 not in found:
            found.append(k)
    return found


def _halves(first: Sequence[Fraction], second: Sequence[Fraction]) -> tuple[list[Fraction], list[Fraction]]:
    both = list(zip(first, second, strict=True))
    return [(a + b) / 2 for a, b in both], [(a - b) / 2 for a, b in both]


def _terms(row: Sequence[Fraction]) -> Terms:
    found = [(part, float(entry)) for part, entry in enumerate(row) if entry]
    return tuple(sorted(found, key=lambda term: term[1] != 1))


def _passes(terms: Terms) -> int:
    return sum(coefficient != 1 for _, coefficient in terms[:1]) + len(terms[1:])


def _sum(terms: Terms, parts: Sequence[Tensor], out: Tensor | None) -> Tensor:
    """The sum, in `out` if there is one; of one part with coefficient 1 that part itself, without a pass."""
    (first, scale), *rest = terms
    if not rest:
        return parts[first] if scale == 1 else torch.mul(parts[first], scale, out=out)
    if scale == 1:
        (second, factor), *rest = rest
        total = torch.add(parts[first], parts[second], alpha=factor, out=out)
    else:
        total = torch.mul(parts[first], scale, out=out)
    for part, factor in rest:
        total.add_(parts[part], alpha=factor)
    return total
