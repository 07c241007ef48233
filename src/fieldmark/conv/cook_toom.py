"""The matrices of Winograd's minimal filters, from interpolation points, in exact fractions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import prod
from typing import TypeAlias

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
