"""Passes over whole tensors against the matrix products that they stand for."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fieldmark.conv.algorithms.cook_toom import Matrix, analyse, combination, cook_toom, synthesise

F2, F4 = cook_toom(2, 3, (0, 1, -1)), cook_toom(4, 3, (0, 1, -1, 2, -2))
TRANSPOSED = tuple(zip(*F4.output, strict=True))


def dense(matrix: Matrix) -> Tensor:
    return torch.tensor([[float(entry) for entry in row] for row in matrix], dtype=torch.float64)


def whole(*shape: int) -> Tensor:
    return torch.randint(-99, 99, shape, generator=torch.Generator().manual_seed(0)).double()


@st.composite
def matrices(draw: st.DrawFn) -> Matrix:
    columns = draw(st.integers(1, 5))
    row = st.lists(st.sampled_from((-4, -2, -1, 0, 1, 2, 4)), min_size=columns, max_size=columns).filter(any)
    rows = [list(map(Fraction, entries)) for entries in draw(st.lists(row, min_size=1, max_size=4))]
    for entries in list(rows):
        if draw(st.booleans()):  # a mirror image beside it, as a pair of points has
            rows.insert(rows.index(entries) + 1, [e * (-1) ** k for k, e in enumerate(entries)])
    return tuple(map(tuple, rows))


@settings(deadline=None, max_examples=200)
@given(matrices(), st.booleans())
def test_a_combination_is_its_matrix(matrix: Matrix, turned: bool) -> None:
    if turned:
        matrix = tuple(zip(*matrix, strict=True))
        matrix = tuple(row for row in matrix if any(row))
    parts, passes = whole(len(matrix[0]), 7), combination(matrix)
    before, out = parts.clone(), torch.full((len(matrix), 7), torch.nan, dtype=torch.float64)
    passes(parts.unbind(0), out.unbind(0))
    assert torch.equal(out, dense(matrix) @ parts)  # exact: whole numbers times powers of two
    assert torch.equal(parts, before)
    assert passes.height == len(matrix)


@pytest.mark.parametrize(
    ("matrix", "passes"), [(F2.input, 4), (F2.output, 4), (F4.input, 12), (F4.output, 10), (TRANSPOSED, 10)]
)
def test_pairs_of_points_save_passes(matrix: Matrix, passes: int) -> None:
    assert combination(matrix).passes == passes


@pytest.mark.parametrize("transforms", [F2, F4])
def test_analyse_is_the_matrix_on_each_axis_of_each_tile(transforms) -> None:  # type: ignore[no-untyped-def]
    m, t = transforms.step, transforms.positions
    pixels = whole(2, 3 * m + 2, 2 * m + 2, 5)
    tiles = pixels.unfold(1, t, m).unfold(2, t, m)  # (n, 3, 2, C, t, t)
    matrix = dense(transforms.input)
    expected = torch.einsum("pi,qj,nhwcij->pqnhwc", matrix, matrix, tiles)
    assert torch.equal(analyse(pixels, combination(transforms.input), t, m, (3, 2)), expected)


@pytest.mark.parametrize("transforms", [F2, F4])
def test_synthesise_is_the_matrix_on_each_axis_of_each_tile(transforms) -> None:  # type: ignore[no-untyped-def]
    m, t = transforms.step, transforms.positions
    tiles, matrix = whole(t, t, 2, 3, 2, 5), dense(transforms.output)
    expected = torch.einsum("ap,bq,pqnhwc->nhawbc", matrix, matrix, tiles).reshape(2, 3 * m, 2 * m, 5)
    assert torch.equal(synthesise(tiles, combination(transforms.output), 2), expected)
