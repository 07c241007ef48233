"""Tap by tap: which outputs meet which numbers, and blocks that hold every output once."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace

import pytest
import torch
from conv.problems import by_torch, case_of, cases, wide
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.conv.algorithms import shifted
from fieldmark.conv.algorithms.im2col import columns, windows
from fieldmark.conv.algorithms.shifted import SHIFTED, correlate, meeting, shifts
from fieldmark.conv.problem import Problem

quick = settings(deadline=None, max_examples=150)


@quick
@given(cases((torch.float64,)), st.data())
def test_outputs_meet_the_numbers_that_the_definition_says(case, data):
    problem = case.problem
    rows = range(problem.output[0])
    first = data.draw(st.integers(0, len(rows)))
    last = data.draw(st.integers(first, len(rows)))
    tap = tuple(data.draw(st.integers(0, k - 1)) for k in problem.kernel)
    to, seen = meeting(tap, problem, slice(first, last))
    for axis, (k, n, s, d, (before, _), out) in enumerate(
        zip(tap, problem.size, problem.stride, problem.dilation, problem.padding, problem.output, strict=True)
    ):
        wanted = range(first, last) if axis == 0 else range(out)
        pairs = [(i, i * s + k * d - before) for i in wanted if 0 <= i * s + k * d - before < n]
        found = list(zip(range(out)[to[axis]], range(n)[seen[axis]], strict=True))
        assert found == pairs


@quick
@given(cases((torch.float64,)))
def test_shifts_and_windows_see_the_same_numbers(case):
    problem = case.problem
    padded = torch.nn.functional.pad(case.x, [pad for pair in reversed(problem.padding) for pad in pair])
    seen = windows(case.x, problem)
    assert seen.shape == (problem.batch, problem.in_channels, *problem.output, *problem.kernel)
    taps = itertools.product(*map(range, problem.kernel))
    for tap, shift in zip(taps, shifts(problem), strict=True):
        assert torch.equal(seen[(..., *tap)], padded[(..., *shift)])
    found = columns(case.x, problem)
    if problem.groups == problem.in_channels == 1 and problem.batch:
        assert torch.equal(found[0, 0, 0], seen[(0, 0, ..., *[0] * problem.axes)].flatten())


@quick
@given(cases((torch.float64,)), st.sampled_from((1, 2, 7, 30)))
def test_blocks_hold_every_output_once(case, block):
    problem = case.problem
    met: Counter[tuple[int, int]] = Counter()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shifted, "BLOCK", block)
        for pictures, rows in shifted._blocks(problem):
            assert 0 <= rows.start < rows.stop <= problem.output[0]
            met.update(itertools.product(range(problem.batch)[pictures], range(problem.output[0])[rows]))
    assert met == Counter(itertools.product(range(problem.batch), range(problem.output[0])))


SINGLE = {
    "plane": Problem(5, 1, 1, (11, 9), (3, 4), (1, 2), ((2, 1), (0, 7)), (2, 1)),
    "signal": Problem(7, 1, 1, (23,), (4,), (3,), ((9, 2),), (2,)),
    "volume": Problem(3, 1, 1, (6, 5, 4), (2, 3, 2), (2, 1, 1), ((1, 0), (4, 4), (0, 1)), (1, 1, 2)),
    "beyond the picture": Problem(2, 1, 1, (2, 3), (5, 2), (1, 4), ((9, 5), (6, 8))),
}


@pytest.mark.parametrize("name", SINGLE)
@pytest.mark.parametrize("block", [1, 5, 40, 2**19])
def test_whole_numbers_come_out_exactly_in_blocks_of_any_size(name, block, monkeypatch):
    monkeypatch.setattr(shifted, "BLOCK", block)
    for dtype in (torch.float32, torch.float64, torch.complex64):
        case = case_of(replace(SINGLE[name], dtype=dtype))
        case = replace(case, x=whole(case.x), w=whole(case.w))
        assert torch.equal(wide(correlate(case.x, case.w, case.problem)), whole(by_torch(case)))


def whole(values: torch.Tensor) -> torch.Tensor:
    return torch.complex(values.real.round(), values.imag.round()) if values.is_complex() else values.round()


def test_a_call_more_is_counted_for_every_block(monkeypatch):
    problem = SINGLE["plane"]
    whole = SHIFTED.work(problem)["shift_calls"]
    monkeypatch.setattr(shifted, "BLOCK", 1)
    assert SHIFTED.work(problem)["shift_calls"] > 3 * whole
