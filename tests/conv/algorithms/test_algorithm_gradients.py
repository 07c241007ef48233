"""The gradients of every algorithm: by finite differences, and against PyTorch's."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from conv.bounds import FOURIER, WINOGRAD, absolute, rounding
from conv.problems import (
    BEYOND,
    EVERY_ALGORITHM,
    LARGER,
    Case,
    by_torch,
    call,
    case_of,
    cases,
    refusal,
    taken,
    wide,
)
from hypothesis import example, given, settings
from torch import Tensor

from fieldmark import conv
from fieldmark.errors import UserError

every_algorithm = pytest.mark.parametrize("algorithm", EVERY_ALGORITHM)
both_kinds = pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
ONCE = ("reference",)  # its backward is a loop in numpy, which cannot be differentiated again


@every_algorithm
@both_kinds
def test_gradcheck(algorithm, dtype):
    for case in taken(algorithm, dtype):
        x, w = case.x.requires_grad_(), case.w.requires_grad_()
        run = lambda x, w, case=case: call(case, algorithm, x, w)  # noqa: E731
        assert torch.autograd.gradcheck(run, (x, w), fast_mode=True)


@every_algorithm
def test_gradgradcheck(algorithm):
    for case in taken(algorithm):
        x, w = case.x.requires_grad_(), case.w.requires_grad_()
        if algorithm not in ONCE:
            run = lambda x, w, case=case: call(case, algorithm, x, w)  # noqa: E731
            assert torch.autograd.gradgradcheck(run, (x, w), fast_mode=True)
            continue
        with pytest.raises(UserError, match=r"algorithm='reference' .* second"):  # never a zero in silence
            torch.autograd.grad(call(case, algorithm, x, w).sum(), x, create_graph=True)


@every_algorithm
@settings(deadline=None, max_examples=25)
@example(case_of(BEYOND[0]))
@example(case_of(BEYOND[1]))
@example(case_of(BEYOND[2]))
@given(cases(dtypes=(torch.float32, torch.float64, torch.complex128)))
def test_gradients_are_torchs(algorithm, case):
    if refusal(algorithm, case.problem) is None:
        check(algorithm, case)


def check(algorithm: str, case: Case) -> None:
    leaves = [values.clone().requires_grad_() for values in (case.x, case.w)]
    y = call(case, algorithm, *leaves)
    slope = torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(3))
    ours = torch.autograd.grad(y, leaves, slope)
    for gradient, true, allowed in zip(
        ours, torchs(case, slope), gradient_bounds(algorithm, case, slope), strict=True
    ):
        assert gradient.dtype == case.problem.dtype
        assert gradient.shape == true.shape
        assert ((gradient - true).abs() <= allowed).all()


@every_algorithm
def test_gradients_of_larger_ones_are_torchs(algorithm):
    several = replace(LARGER["wide"], batch=3, in_channels=2, out_channels=4, groups=2, size=(31, 40))
    for case in taken(algorithm, among={**LARGER, "channels": several}):
        if algorithm != "reference" or case.problem.batch < 3:
            check(algorithm, case)


@every_algorithm
def test_one_gradient_alone_is_the_one_of_both(algorithm):
    for case in taken(algorithm):
        x, w = case.x.clone().requires_grad_(), case.w.clone().requires_grad_()
        both = torch.autograd.grad(call(case, algorithm, x, w).square().sum(), (x, w))
        (of_x,) = torch.autograd.grad(call(case, algorithm, x, w.detach()).square().sum(), x)
        (of_w,) = torch.autograd.grad(call(case, algorithm, x.detach(), w).square().sum(), w)
        torch.testing.assert_close((of_x, of_w), both, rtol=1e-10, atol=1e-10)


@every_algorithm
@pytest.mark.parametrize("boundary", ["reflect", "replicate", "circular"])
def test_gradcheck_through_a_boundary_a_flip_and_a_bias(algorithm, boundary):
    generator = torch.Generator().manual_seed(0)
    x, w, b = (
        torch.randn(shape, dtype=torch.float64, generator=generator, requires_grad=True)
        for shape in ((1, 1, 4, 4), (2, 1, 3, 3), (2,))
    )
    run = lambda x, w, b: conv.conv2d(  # noqa: E731
        x, w, bias=b, padding="same", boundary=boundary, algorithm=algorithm
    )
    assert torch.autograd.gradcheck(run, (x, w, b), fast_mode=True)


def torchs(case: Case, slope: Tensor) -> tuple[Tensor, ...]:
    """PyTorch's gradients for x and w in float64 or complex128."""
    leaves = [wide(values).detach().requires_grad_() for values in (case.x, case.w)]
    return torch.autograd.grad(by_torch(case, *leaves), leaves, wide(slope))


def gradient_bounds(algorithm: str, case: Case, slope: Tensor) -> tuple[Tensor, Tensor]:
    """How far a gradient may be from PyTorch's, for x and for w.

    Each is a sum of products too: over the taps and output channels of a group for x, over pictures and
    positions for w. The Fourier and Winograd algorithms add up other numbers, bounded by norms: 200 * eps
    covers their constants.
    """
    dtype = case.problem.dtype
    if algorithm in (*FOURIER, *WINOGRAD, "auto"):
        norms = [200 * torch.finfo(dtype).eps * slope.norm() * other.norm() for other in (case.w, case.x)]
        return norms[0], norms[1]
    for_x = math.prod(case.problem.kernel) * case.problem.out_channels // case.problem.groups
    for_w = math.prod(slope.shape) // case.problem.out_channels
    sizes = torchs(absolute(case), slope.abs())
    factors = [rounding(terms, dtype) + rounding(terms, wide(slope).dtype) for terms in (for_x, for_w)]
    return sizes[0] * factors[0], sizes[1] * factors[1]
