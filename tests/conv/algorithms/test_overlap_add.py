"""Overlap-add: tiles of the input, whose longer results overlap and add up."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from conv.bounds import fourier_bound, sum_bound
from conv.problems import by_torch, cases
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.conv.algorithms import fourier, tiling
from fieldmark.conv.algorithms.fourier import correlate_added, cut_of_input, fold
from fieldmark.conv.algorithms.tiling import candidates

quick = settings(deadline=None, max_examples=60)


@quick
@given(*[st.integers(1, 6)] * 2, *[st.integers(1, 9)] * 2, *[st.integers(1, 5)] * 2)
def test_folded_tiles_add_up_where_they_overlap(count, others, length, other, step, wide):
    generator = torch.Generator().manual_seed(0)
    tiles = torch.randint(-9, 10, (2, count, others, length, other), generator=generator)
    true = torch.zeros(2, (count - 1) * step + length, (others - 1) * wide + other, dtype=tiles.dtype)
    for i in range(count):
        for j in range(others):
            true[:, i * step : i * step + length, j * wide : j * wide + other] += tiles[:, i, j]
    once = fold(tiles, 1, 3, step)
    assert torch.equal(fold(once, 2, 3, wide), true)


@quick
@given(cases((torch.float64,)), st.data())
def test_the_tiles_hold_all_of_the_input_and_their_results_fit_the_transforms(case, data):
    problem = case.problem
    chosen = data.draw(st.sampled_from(list(candidates(problem))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fourier, "tiled", lambda problem: chosen)
        found = cut_of_input(problem)
    assert found.length == chosen.length
    for tiles, step, length, n, reach in zip(
        found.tiles, found.step, found.length, problem.size, problem.reach, strict=True
    ):
        assert step >= 1
        assert (tiles - 1) * step < n <= tiles * step
        assert step + reach - 1 <= length


@quick
@given(cases((torch.float64, torch.complex128)), st.data())
def test_every_cut_gives_torchs_result_by_either_kind_of_product(case, data):
    case = replace(case, bias=None)
    if not case.problem.batch:
        return
    true = by_torch(case)
    chosen = data.draw(st.sampled_from(list(candidates(case.problem))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fourier, "tiled", lambda problem: chosen)
        patch.setattr(tiling, "FEW", data.draw(st.sampled_from((0, 16))))
        y = correlate_added(case.x, case.w, case.problem)
    meeting = 1  # tiles that add up in an output
    for length, reach in zip(chosen.length, case.problem.reach, strict=True):
        meeting *= -(-length // (length - reach + 1))
    assert (y.shape, y.dtype) == (true.shape, true.dtype)
    allowed = torch.from_numpy((meeting + 1) * fourier_bound(case) + sum_bound(case))
    assert ((y - true).abs() <= allowed).all()
