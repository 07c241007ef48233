"""What makes an operation a convolution, for every algorithm: linear, shift-equivariant, with an adjoint."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from conv.bounds import bound, magnitude
from conv.problems import EVERY_ALGORITHM, Case, call, case_of, error, refusal, taken
from torch import Tensor

from fieldmark import conv
from fieldmark.conv.problem import Problem

every_algorithm = pytest.mark.parametrize("algorithm", EVERY_ALGORITHM)


@every_algorithm
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_the_gradient_is_the_adjoint(algorithm, dtype):
    for case in taken(algorithm, dtype):
        generator = torch.Generator().manual_seed(7)
        x, w = case.x.clone().requires_grad_(), case.w.clone().requires_grad_()
        image = call(case, algorithm, x, w)
        y = torch.randn(image.shape, dtype=dtype, generator=generator)
        of_x, of_w = torch.autograd.grad(image, (x, w), y)
        size = float((torch.from_numpy(magnitude(case)) * y.abs()).sum())
        for argument, adjoint in ((x, of_x), (w, of_w)):
            left, right = (
                torch.vdot(image.flatten(), y.flatten()),
                torch.vdot(argument.flatten(), adjoint.flatten()),
            )
            assert abs(left - right) <= 1e-12 * size


@every_algorithm
def test_linear_in_the_input_and_in_the_kernel(algorithm):
    for case in taken(algorithm):
        other = case_of(case.problem, seed=99)
        scale = 1e-12 * float(magnitude(case).max() + magnitude(other).max())
        close = {"rtol": 0, "atol": 10 * scale}
        of_sum = call(case, algorithm, x=3 * case.x - 2 * other.x)
        torch.testing.assert_close(
            of_sum, 3 * call(case, algorithm) - 2 * call(case, algorithm, x=other.x), **close
        )
        of_sum = call(case, algorithm, w=3 * case.w - 2 * other.w)
        torch.testing.assert_close(
            of_sum, 3 * call(case, algorithm) - 2 * call(case, algorithm, w=other.w), **close
        )


@every_algorithm
def test_zeros_in_zeros_out(algorithm):
    for case in taken(algorithm):
        assert not call(case, algorithm, x=torch.zeros_like(case.x)).any()
        assert not call(case, algorithm, w=torch.zeros_like(case.w)).any()


def shifted(x: Tensor, case: Case) -> Tensor:
    """One stride to the left on every axis; new values come in."""
    new = case_of(case.problem, seed=55).x
    for axis, stride in enumerate(case.problem.stride, start=2):
        new = torch.cat([x.narrow(axis, stride, x.shape[axis] - stride), new.narrow(axis, 0, stride)], axis)
        x = new
    return new


@every_algorithm
def test_a_shifted_input_gives_a_shifted_output(algorithm):
    problems = [
        Problem(2, 2, 2, (9, 10), (3, 3)),
        Problem(1, 1, 1, (20,), (5,), (2,), ((0, 0),), (2,)),
        Problem(1, 2, 2, (12, 11), (4, 2), (3, 2), groups=2),
        Problem(1, 1, 1, (5, 6, 7), (2, 3, 3), (1, 1, 1), ((0, 0),) * 3, (1, 1, 1)),
    ]
    for problem in (replace(problem, dtype=torch.float64) for problem in problems):
        if refusal(algorithm, problem) is not None:
            continue
        case = case_of(problem)
        moved = call(case, algorithm, x=shifted(case.x, case))
        before = (..., *[slice(1, None)] * problem.axes)
        after = (..., *[slice(None, -1)] * problem.axes)
        assert moved[after].numel()
        scale = 1e-12 * float(magnitude(case).max())
        torch.testing.assert_close(moved[after], call(case, algorithm)[before], rtol=0, atol=10 * scale)


@every_algorithm
def test_a_circular_boundary_has_no_edges(algorithm):
    x = torch.randint(-9, 10, (2, 1, 6, 7), generator=torch.Generator().manual_seed(0)).double()
    w = torch.arange(-4.0, 5.0, dtype=torch.float64).reshape(1, 1, 3, 3)
    run = lambda x: conv.correlate2d(x, w, padding="same", boundary="circular", algorithm=algorithm)  # noqa: E731
    for shift in itertools.product((0, 1, -2), (0, 3)):
        moved = run(x.roll(shift, (2, 3)))
        torch.testing.assert_close(moved, run(x).roll(shift, (2, 3)), rtol=0, atol=1e-11)
        assert torch.equal(moved.round(), run(x).roll(shift, (2, 3)).round())  # whole numbers: exactly


@every_algorithm
def test_convolution_is_correlation_with_the_flipped_kernel(algorithm):
    for case in taken(algorithm):
        flipped = np.flip(case.w.numpy(), tuple(range(2, case.w.ndim)))
        convolve = getattr(conv, f"conv{case.problem.axes}d")
        problem = case.problem
        y = convolve(
            case.x.numpy(),
            flipped,
            stride=problem.stride,
            padding=problem.padding,
            dilation=problem.dilation,
            groups=problem.groups,
            algorithm=algorithm,
        )
        assert (error(torch.from_numpy(y), case) <= bound(algorithm, case)).all()


@every_algorithm
@pytest.mark.parametrize(("stride", "padding"), [(2, "same"), (3, "full"), (3, "valid"), (2, 1)])
def test_a_strided_result_is_the_whole_one_sampled(algorithm, stride, padding):
    generator = torch.Generator().manual_seed(stride)
    for size, kernel in itertools.product([(6, 7), (7, 8), (9, 6)], [(3, 3), (2, 4)]):
        x = torch.randn(1, 2, *size, dtype=torch.float64, generator=generator)
        w = torch.randn(2, 2, *kernel, dtype=torch.float64, generator=generator)
        whole = conv.conv2d(x, w, padding=padding, algorithm="torch")[..., ::stride, ::stride]
        around = conv.padding_for(padding, kernel) if isinstance(padding, str) else ((padding, padding),) * 2
        problem = Problem(1, 2, 2, size, kernel, (stride,) * 2, around, dtype=torch.float64)
        assert whole.shape[2:] == problem.output
        if refusal(algorithm, problem) is None:
            y = conv.conv2d(x, w, stride=stride, padding=padding, algorithm=algorithm)
            torch.testing.assert_close(y, whole, rtol=0, atol=1e-13 * math.prod(w.shape))
