"""The definition itself: its loops against sums written out, and its backward by hand against PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from conv.problems import by_torch, case_of, cases, exact
from hypothesis import given, settings

from fieldmark.conv.algorithms.reference import (
    REFERENCE,
    backward,
    correlate,
    every_output,
    forward,
    window_of,
)
from fieldmark.conv.problem import Problem

quick = settings(deadline=None, max_examples=40)


def test_one_output_is_the_sum_of_the_facts():
    """A 3x3 neighbourhood multiplies i11*w00 + i12*w01 + i13*w02 + i21*w10 + ... (facts.md, section 1)."""
    x, w = np.arange(16.0).reshape(1, 1, 4, 4), np.arange(1.0, 10.0).reshape(1, 1, 3, 3)
    y = forward(x, w, Problem(1, 1, 1, (4, 4), (3, 3)))
    terms = [
        (5, 1), (6, 2), (7, 3),
        (9, 4), (10, 5), (11, 6),
        (13, 7), (14, 8), (15, 9),
    ]  # fmt: skip
    assert y[0, 0, 1, 1] == sum(i * k for i, k in terms)


@quick
@given(cases(dtypes=(torch.float64, torch.complex128)))
def test_forward_and_backward_are_torchs(case):
    x, w = case.x.clone().requires_grad_(), case.w.clone().requires_grad_()
    case = type(case)(case.problem, x, w)
    y = by_torch(case)
    arrays = [t.detach().numpy() for t in (x, w)]
    np.testing.assert_allclose(forward(*arrays, case.problem), y.detach(), rtol=1e-12, atol=1e-10)
    slope = torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(2))
    true = torch.autograd.grad(y, (x, w), slope)
    for ours, theirs in zip(backward(*arrays, slope.numpy(), case.problem), true, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-7)


def test_whole_numbers_come_out_exactly():
    problem = Problem(2, 4, 6, (5, 4), (2, 3), (2, 1), ((1, 0), (2, 1)), (1, 2), 2, torch.float64)
    case = case_of(problem)
    whole = type(case)(problem, (4 * case.x).round(), (4 * case.w).round())
    true = exact(whole)[0] // 2**120
    assert (forward(whole.x.numpy(), whole.w.numpy(), problem) == true.astype(float)).all()


def test_every_output_is_computed_once():
    problem = Problem(2, 1, 3, (5, 6), (2, 2), (2, 1))
    seen = [(n, channel, *position) for n, channel, position in every_output(problem)]
    assert len(seen) == len(set(seen)) == 2 * 3 * 2 * 5


def test_a_window_is_the_taps_of_an_output_and_the_channels_of_its_group():
    problem = Problem(1, 4, 4, (9,), (3,), (2,), ((0, 0),), (2,), 2)
    assert window_of(3, (1,), problem) == (slice(2, 4), slice(2, 7, 2))
    assert window_of(0, (2,), problem) == (slice(0, 2), slice(4, 9, 2))


def test_loops_leave_their_arguments_alone():
    problem = Problem(1, 1, 1, (4,), (2,), (1,), ((0, 0),), (1,), dtype=torch.float64)
    x, w, slope = np.arange(4.0).reshape(1, 1, 4), np.ones((1, 1, 2)), np.ones((1, 1, 3))
    for array in (x, w, slope):
        array.flags.writeable = False
    forward(x, w, problem)
    backward(x, w, slope, problem)
    assert backward(x, w, slope, problem)[0].tolist() == [[[1, 2, 2, 1]]]


def test_lazily_conjugated_slopes_are_resolved():
    problem = Problem(1, 1, 1, (4,), (2,), (1,), ((0, 0),), (1,), dtype=torch.complex128)
    case = case_of(problem)
    x = case.x.clone().requires_grad_()
    (ours,) = torch.autograd.grad(correlate(x, case.w, problem), x, case.x[..., :3].conj())
    (true,) = torch.autograd.grad(by_torch(case, x=x), x, case.x[..., :3].conj())
    torch.testing.assert_close(ours, true)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_refused_by_name(dtype):
    reason = REFERENCE.unsupported(Problem(1, 1, 1, (4, 4), (2, 2), dtype=dtype))
    assert reason is not None
    assert str(dtype)[6:] in reason
