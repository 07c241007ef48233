"""The gradients of a correlation: by PyTorch in any case, and as a correlation of another problem."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch
from conv.problems import BEYOND, NAMED, Case, by_torch, case_of, cases, wide
from hypothesis import example, given, settings

from fieldmark.conv.algorithms import native
from fieldmark.conv.problem import Problem, transposed, transposed_problem, unstride

quick = settings(deadline=None, max_examples=60)
PRECISE = (torch.float64, torch.complex128)


def slope_of(case: Case) -> torch.Tensor:
    shape = case.problem.batch, case.problem.out_channels, *case.problem.output
    return torch.randn(shape, dtype=case.problem.dtype, generator=torch.Generator().manual_seed(5))


def torchs(case: Case, slope: torch.Tensor) -> tuple[torch.Tensor, ...]:
    case = replace(case, bias=None)
    leaves = [wide(values).detach().requires_grad_() for values in (case.x, case.w)]
    return torch.autograd.grad(by_torch(case, *leaves), leaves, wide(slope))


def assert_near(found: torch.Tensor, true: torch.Tensor) -> None:
    torch.testing.assert_close(found, true, rtol=1e-10, atol=1e-10 * (1 + float(true.abs().amax())))


@quick
@example(case_of(BEYOND[0]))
@example(case_of(BEYOND[1]))
@example(case_of(BEYOND[2]))
@given(cases(PRECISE))
def test_the_gradient_of_the_input_is_the_transposed_correlation(case):
    case = replace(
        case, problem=replace(case.problem, dtype=wide(case.x).dtype), x=wide(case.x), w=wide(case.w)
    )
    if not case.problem.batch:
        return
    slope = slope_of(case)
    spread, turned, back = transposed(slope, case.w, case.problem)
    assert back == transposed_problem(case.problem)[0]
    assert back.output == case.problem.size
    assert spread.shape == (back.batch, back.in_channels, *back.size)
    assert turned.shape == (back.out_channels, back.in_channels // back.groups, *back.kernel)
    assert_near(native.correlate(spread, turned, back), torchs(case, slope)[0])


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("dtype", PRECISE)
@pytest.mark.parametrize("channels_last", [False, True])
def test_by_torch_gives_both_or_the_one_that_is_wanted(name, dtype, channels_last):
    problem = replace(NAMED[name], dtype=dtype)
    if channels_last and problem.axes == 1:
        return
    case = case_of(problem)
    slope = slope_of(case)
    true = torchs(case, slope)
    for wanted in itertools.product((False, True), repeat=2):
        if not any(wanted):
            continue
        found = native.by_torch(slope, case.x, case.w, problem, wanted, channels_last)
        for ours, theirs, want in zip(found, true, wanted, strict=True):
            assert (ours is not None) == want
            if ours is not None:
                assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
                assert_near(ours, theirs)


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("dtype", PRECISE)
def test_by_torch_can_be_differentiated_again(name, dtype):
    problem = replace(NAMED[name], dtype=dtype)
    case = case_of(problem)
    leaves = [each.clone().requires_grad_() for each in (slope_of(case), case.x, case.w)]
    run = lambda slope, x, w: native.by_torch(slope, x, w, problem)  # noqa: E731
    assert torch.autograd.gradcheck(run, leaves, fast_mode=True)


def test_by_torch_leaves_no_graph_where_none_is_wanted():
    for dtype in PRECISE:
        case = case_of(replace(NAMED["3x3"], dtype=dtype))
        x, w = case.x.clone().requires_grad_(), case.w.clone().requires_grad_()
        with torch.no_grad():
            found = native.by_torch(slope_of(case), x, w, case.problem)
        assert not any(each.requires_grad for each in found)


def test_unstride_lays_zeros_where_nothing_was_taken():
    problem = Problem(1, 1, 1, (6, 5), (2, 2), (2, 3))
    gradient = torch.tensor([[[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]]])
    true = torch.zeros(1, 1, 5, 4)
    true[0, 0, 0, 0], true[0, 0, 0, 3], true[0, 0, 2, 0] = 1, 2, 3
    true[0, 0, 2, 3], true[0, 0, 4, 0], true[0, 0, 4, 3] = 4, 5, 6
    assert torch.equal(unstride(gradient, problem), true)
    plain = replace(problem, stride=(1, 1))
    same = torch.ones(1, 1, 5, 4)
    assert unstride(same, plain) is same
