"""What a cut into tiles costs, and that the cut that costs least is taken."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from conv.problems import cases
from hypothesis import given, settings

from fieldmark.conv.algorithms import tiling
from fieldmark.conv.algorithms.tiling import Tiling, candidates, tile_work, tiled, whole
from fieldmark.conv.prices import seconds
from fieldmark.conv.problem import Problem

PLANE = Problem(2, 3, 4, (40, 50), (5, 3))
SIGNAL = Problem(1, 1, 1, (10_000,), (9,), (1,), ((0, 0),), (1,))


@settings(deadline=None, max_examples=60)
@given(cases())
def test_no_candidate_costs_less_than_the_one_that_is_taken(case):
    problem = case.problem
    if problem.batch:
        times = {cut: seconds(tile_work(problem, cut), problem) for cut in candidates(problem)}
        assert times[tiled(problem)] == min(times.values())


def test_dear_calls_make_one_tile_and_dear_butterflies_small_ones(keep_prices, monkeypatch):
    monkeypatch.setattr(tiling, "in_one_go", lambda problem, tiling: False)
    free = dict.fromkeys(tile_work(SIGNAL, whole(SIGNAL)), 0.0)
    keep_prices({"prices": {"cpu": {"float32": {**free, "calls": 1e6}}}})
    assert tiled(SIGNAL).tiles == (1,)
    dear = {"butterflies": 1.0, "inverse_butterflies": 1.0, "spectrum_bytes": 0.1}
    keep_prices({"prices": {"cpu": {"float32": {**free, **dear}}}})
    assert tiled(SIGNAL).tiles[0] > 3


def test_a_whole_transform_has_n_log_n_butterflies():
    for length in ((8,), (6, 10), (4, 6, 8)):
        points = math.prod(length)
        assert tiling._passes(length, length) == pytest.approx(points * math.log2(points))


def test_rows_that_hold_nothing_have_no_butterflies():
    n, m, k, reach = 16, 32, 3, 5  # (n, m) points of which k rows of `reach` numbers hold something
    rows = k * m * math.log2(m)
    columns = m * n * math.log2(n)
    assert tiling._passes((n, m), (k, reach)) == pytest.approx(rows + columns)


def test_a_kernel_more_is_a_product_more_per_frequency():
    cut = Tiling((2, 3), (20, 20), (24, 24))
    frequencies = 24 * 13
    one = tile_work(PLANE, cut)["products"]
    assert one == frequencies * 2 * 6 * 3 * 4  # pictures, tiles, pairs of channels
    assert tile_work(replace(PLANE, out_channels=2), cut)["products"] == one / 2
    complex_ = tile_work(replace(PLANE, dtype=torch.complex64), cut)["products"]
    assert complex_ == 24 * 24 * 2 * 6 * 3 * 4  # no half of the frequencies is the other's mirror image


def test_many_channels_are_priced_as_matrix_products(monkeypatch):
    cut = Tiling((2, 3), (20, 20), (24, 24))
    assert "matrix_products" not in tile_work(PLANE, cut)
    monkeypatch.setattr(tiling, "FEW", 1)
    found = tile_work(PLANE, cut)
    assert "products" not in found
    assert found["matrix_products"] == 24 * 13 * 2 * 6 * 3 * 4


def test_more_portions_are_more_calls(monkeypatch):
    cut = Tiling((2, 3), (20, 20), (24, 24))
    one = tile_work(PLANE, cut)["calls"]
    monkeypatch.setattr(tiling, "CHUNK", 1)
    assert tile_work(PLANE, cut)["calls"] > 2 * one


def test_small_ones_are_priced_as_the_few_calls_that_they_are(monkeypatch):
    small = Problem(1, 1, 1, (8, 8), (3, 3))
    assert set(tile_work(small, whole(small))) == {"tiny_calls", "tiny_butterflies"}
    monkeypatch.setattr(tiling, "TINY", 0)
    assert set(tile_work(small, whole(small))) == {"small_calls", "small_butterflies"}
    assert "butterflies" in tile_work(small, whole(small), at_once=False)
    assert "butterflies" in tile_work(replace(small, in_channels=2), whole(small))
