"""The filter's weights: exact, and the triangle that they claim to be."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.data.pixels.interpolation import ONE, filter_columns, filter_rows, span, taps, weights

sizes = st.integers(1, 200)


def triangle(n_in: int, n_out: int, output: int) -> list[Fraction]:
    """The definition, in fractions."""
    scale = max(Fraction(1), Fraction(n_in, n_out))
    centre = Fraction(2 * output + 1, 2) * n_in / n_out
    raw = [max(Fraction(0), 1 - abs(Fraction(2 * k + 1, 2) - centre) / scale) for k in range(n_in)]
    return [value / sum(raw) for value in raw]


@given(sizes, sizes, st.data())
@settings(deadline=None, max_examples=60)
def test_weights_are_the_triangle_to_one_unit(n_in: int, n_out: int, data: st.DataObject) -> None:
    output = data.draw(st.integers(0, n_out - 1))
    exact = np.array([float(value) for value in triangle(n_in, n_out, output)])
    row = weights(n_in, n_out, output, 1)[0]
    assert np.abs(row - exact).max() <= 1 / ONE
    assert np.abs(row.cumsum() - exact.cumsum()).max() <= 0.5000001 / ONE


@given(sizes, sizes)
@settings(deadline=None, max_examples=60)
def test_rows_sum_to_one_in_whole_units_and_mirror(n_in: int, n_out: int) -> None:
    matrix = weights(n_in, n_out)
    units = matrix * ONE
    assert (units == units.round()).all()
    assert (units.sum(1) == ONE).all()
    assert units.min() >= 0
    assert (matrix == matrix[::-1, ::-1]).all()
    assert (matrix.astype(np.float32) == matrix).all()


@given(sizes)
@settings(deadline=None, max_examples=20)
def test_the_same_size_is_the_identity(size: int) -> None:
    assert (weights(size, size) == np.eye(size)).all()


@given(sizes, sizes, st.data())
@settings(deadline=None, max_examples=40)
def test_a_window_is_a_part_of_the_whole(n_in: int, n_out: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, n_out - 1))
    count = data.draw(st.integers(1, n_out - start))
    part = weights(n_in, n_out, start, count)
    low, high = span(n_in, n_out, start, count)
    assert (part == weights(n_in, n_out)[start : start + count]).all()
    assert part[:, :low].sum() == part[:, high:].sum() == 0


@pytest.mark.parametrize(("n_in", "n_out"), [(10**8, 224), (10**8, 3 * 10**10), (10**6, 1)])
def test_sizes_at_the_limit_do_not_overflow(n_in: int, n_out: int) -> None:
    for output in (0, n_out // 2, n_out - 1):
        first, tap = taps(n_in, n_out, output, 1)
        assert tap.sum() == ONE
        assert tap.min() >= 0
        centre = (output + 0.5) * n_in / n_out
        seen = (first[0] + np.arange(tap.shape[1]) + 0.5) @ tap[0] / ONE
        border = 0 if output == n_out // 2 else n_in / n_out
        assert abs(seen - centre) <= max(1.0, n_in / n_out * 0.01 + border)


@given(st.integers(1, 150), st.integers(1, 150), st.sampled_from([1, 3]), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=40)
def test_the_banded_passes_are_the_dense_products(n_in: int, n_out: int, channels: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    start = int(generator.integers(0, n_out))
    count = int(generator.integers(1, n_out - start + 1))
    dense = (weights(n_in, n_out, start, count) * ONE).astype(np.int64)
    image = generator.integers(0, 256, (n_in, 5), dtype=np.uint8)
    assert (filter_rows(image, n_out, start, count) == dense @ image).all()

    low, high = span(n_in, n_out, start, count)
    rows = generator.integers(0, 255 * ONE, (4, n_in, channels))
    exact = np.einsum("ok,hkc->hoc", dense, rows).reshape(4, -1)
    window = rows[:, low:high].reshape(4, -1).astype(np.float32)
    assert (filter_columns(window, channels, low, n_in, n_out, start, count) == exact).all()


def test_blocks_made_one_by_one_are_the_same() -> None:
    image = np.random.default_rng(0).integers(0, 256, (2**16 + 1, 1), dtype=np.uint8)
    dense = (weights(2**16 + 1, 7) * ONE).astype(np.int64)
    assert (filter_rows(image, 7, 0, 7) == dense @ image).all()


def test_sums_made_in_parts_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.random.default_rng(0).integers(0, 256, (300, 11), dtype=np.uint8)
    dense = (weights(300, 5) * ONE).astype(np.int64)
    monkeypatch.setattr("fieldmark.data.pixels.interpolation.ROWS_AT_ONCE", 7 * 11)
    assert (filter_rows(image, 5, 0, 5) == dense @ image).all()
