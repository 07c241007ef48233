"""The matrices of Winograd's filters: those of the paper, and the identity in exact fractions."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.conv.algorithms.cook_toom import Matrix, cook_toom, kronecker
from fieldmark.errors import UserError

NUMBERS = st.fractions(min_value=-9, max_value=9, max_denominator=7)


def matrix(text: str) -> Matrix:
    return tuple(tuple(Fraction(entry) for entry in row.split()) for row in text.split("/ "))


def times(left: Matrix, right: list[Fraction]) -> list[Fraction]:
    return [sum((a * b for a, b in zip(row, right, strict=True)), Fraction(0)) for row in left]


def test_the_matrices_of_f4_are_those_of_the_paper() -> None:
    transforms = cook_toom(4, 3, (0, 1, -1, 2, -2))
    # Lavin & Gray 2015, section 4.3.
    assert transforms.input == matrix(
        "4 0 -5 0 1 0/ 0 -4 -4 1 1 0/ 0 4 -4 -1 1 0/ 0 -2 -1 2 1 0/ 0 2 -1 -2 1 0/ 0 4 0 -5 0 1"
    )
    assert transforms.kernel == matrix(
        "1/4 0 0/ -1/6 -1/6 -1/6/ -1/6 1/6 -1/6/ 1/24 1/12 1/6/ 1/24 -1/12 1/6/ 0 0 1"
    )
    assert transforms.output == matrix("1 1 1 1 1 0/ 0 1 -1 2 -2 0/ 0 1 1 4 4 0/ 0 1 -1 8 -8 1")


def test_the_matrices_of_f2_are_those_of_the_paper_but_for_two_pairs_of_signs() -> None:
    transforms = cook_toom(2, 3, (0, 1, -1))
    # Lavin & Gray 2015, section 4.1. There the first row of `input` and of `kernel` has the other sign, and
    # so have the last row of `input` and the last column of `output`: the products stay the same.
    assert transforms.input == matrix("-1 0 1 0/ 0 1 1 0/ 0 -1 1 0/ 0 -1 0 1")
    assert transforms.kernel == matrix("-1 0 0/ 1/2 1/2 1/2/ 1/2 -1/2 1/2/ 0 0 1")
    assert transforms.output == matrix("1 1 1 0/ 0 1 -1 1")


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_it_filters_exactly(data: st.DataObject) -> None:
    outputs, taps = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 5))
    needed = outputs + taps - 2
    points = data.draw(st.lists(NUMBERS, min_size=needed, max_size=needed, unique=True))
    x = data.draw(st.lists(NUMBERS, min_size=needed + 1, max_size=needed + 1))
    w = data.draw(st.lists(NUMBERS, min_size=taps, max_size=taps))
    transforms = cook_toom(outputs, taps, points)
    products = map(prod, zip(times(transforms.kernel, w), times(transforms.input, x), strict=True))
    expected = [sum(w[k] * x[i + k] for k in range(taps)) for i in range(outputs)]
    assert times(transforms.output, list(products)) == expected
    assert (transforms.step, transforms.taps, transforms.positions) == (outputs, taps, needed + 1)


@pytest.mark.parametrize("points", [(0, 1), (0, 1, -1, 2), (0, 1, 1)])
def test_wrong_points_are_refused(points: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match=r"F\(2, 3\) from the points 0, 1.*3 different"):
        cook_toom(2, 3, points)


def test_kronecker_is_the_matrix_on_every_axis() -> None:
    kernel = cook_toom(4, 3, (0, 1, -1, 2, -2)).kernel
    whole = kronecker(kernel, 3)
    rows, columns = list(product(range(6), repeat=3)), list(product(range(3), repeat=3))
    assert (len(whole), len(whole[0])) == (216, 27)
    for (i, row), (j, column) in product(enumerate(rows), enumerate(columns)):
        exact = kernel[row[0]][column[0]] * kernel[row[1]][column[1]] * kernel[row[2]][column[2]]
        assert whole[i][j] == float(exact)


def test_absolute_turns_every_sign() -> None:
    transforms = cook_toom(4, 3, (0, 1, -1, 2, -2)).absolute()
    for part in (transforms.input, transforms.kernel, transforms.output):
        assert all(entry >= 0 for row in part for entry in row)
    assert transforms.output[3] == (0, 1, 1, 8, 8, 1)
