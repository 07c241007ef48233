"""`auto` with gradients: any algorithm forward, any two backward, and nothing that nobody asked for."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch
from conv.problems import Case, by_torch, case_of

from fieldmark import conv
from fieldmark.conv.auto import parts
from fieldmark.conv.auto.choice import NEVER, algorithm
from fieldmark.conv.auto.parts import CUTS, Parts, kernel_gradients, with_gradient
from fieldmark.conv.problem import Problem, transposed_problem

NATIVE = ("torch", "channels_last")
PROBLEMS = {
    "3x3": Problem(2, 2, 4, (6, 7), (3, 3), padding=((1, 1), (1, 1)), dtype=torch.float64),
    "strided": Problem(
        2, 4, 2, (9, 10), (3, 2), (2, 3), ((1, 0), (2, 5)), (1, 2), groups=2, dtype=torch.float64
    ),
    "complex": Problem(1, 2, 2, (7, 6), (2, 3), (2, 1), ((0, 1), (3, 1)), dtype=torch.complex128),
    "signal": Problem(2, 1, 1, (40,), (5,), (2,), ((9, 0),), (2,), dtype=torch.float64),
}


def members(problem: Problem) -> list[str]:
    """What takes the problem, without those that `auto` never takes."""
    names = [name for name in conv.ALGORITHMS if name not in NEVER]
    return [name for name in names if algorithm(name).unsupported(problem) is None]


def kernel_ways(problem: Problem) -> list[str]:
    return [*(name for name in NATIVE if name in members(problem)), *CUTS]


def leaves_of(case: Case) -> tuple[torch.Tensor, torch.Tensor]:
    return case.x.clone().requires_grad_(), case.w.clone().requires_grad_()


@pytest.mark.parametrize("name", PROBLEMS)
def test_all_ways_forward_and_back_give_torchs_gradients(name):
    case = case_of(PROBLEMS[name])
    problem = case.problem
    leaves = leaves_of(case)
    true = by_torch(case, *leaves)
    slope = torch.randn(true.shape, dtype=true.dtype, generator=torch.Generator().manual_seed(1))
    gradients = torch.autograd.grad(true, leaves, slope)
    ways = members(problem), members(transposed_problem(problem)[0]), kernel_ways(problem)
    assert len(ways[1]) >= 5
    for names in itertools.product(*ways):
        mixed = with_gradient(Parts(*names))
        assert mixed.name == names[0]
        y = mixed.correlate(*leaves, problem)
        torch.testing.assert_close(y, true, rtol=0, atol=1e-11)
        found = torch.autograd.grad(y, leaves, slope)
        torch.testing.assert_close(found, gradients, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("names", [("fft", "overlap_save", "fft"), ("torch", "im2col", "overlap_save")])
def test_there_are_second_derivatives(name, names):
    case = case_of(PROBLEMS[name])
    run = lambda x, w: with_gradient(Parts(*names)).correlate(x, w, case.problem)  # noqa: E731
    assert torch.autograd.gradgradcheck(run, leaves_of(case), fast_mode=True)


def refuse(*_: object, **__: object) -> None:
    raise AssertionError("nobody asked for this")


@pytest.mark.parametrize("way", ["torch", "channels_last", "fft", "overlap_save"])
def test_only_the_gradient_that_is_wanted_is_computed(way, monkeypatch):
    case = case_of(PROBLEMS["3x3"])
    leaves = leaves_of(case)
    both = torch.autograd.grad(by_torch(case, *leaves).square().sum(), leaves)
    mixed = with_gradient(Parts("torch", way, way))
    with monkeypatch.context() as patch:
        patch.setattr(parts, "_kernel_gradient", refuse)
        y = mixed.correlate(leaves[0], case.w, case.problem)
        (of_x,) = torch.autograd.grad(y.square().sum(), leaves[0])
    with monkeypatch.context() as patch:
        patch.setattr(parts, "_input_gradient", refuse)
        y = mixed.correlate(case.x, leaves[1], case.problem)
        (of_w,) = torch.autograd.grad(y.square().sum(), leaves[1])
    torch.testing.assert_close((of_x, of_w), both, rtol=0, atol=1e-10)


@pytest.mark.parametrize("way", NATIVE)
def test_pytorch_computes_both_gradients_in_one_call(way, monkeypatch):
    wanted = []
    by_hand = parts.by_torch

    def spy(*arguments: object) -> object:
        wanted.append(tuple(arguments[4]))
        return by_hand(*arguments)

    monkeypatch.setattr(parts, "by_torch", spy)
    case = case_of(PROBLEMS["3x3"])
    with_gradient(Parts("fft", way, way)).correlate(*leaves_of(case), case.problem).sum().backward()
    assert wanted == [(True, True)]


def test_a_batch_of_gradients_of_float32_keeps_its_type():
    case = case_of(replace(PROBLEMS["3x3"], dtype=torch.float32))
    x, w = leaves_of(case)
    with_gradient(Parts("im2col", "fft", "overlap_save")).correlate(x, w, case.problem).sum().backward()
    assert (x.grad.dtype, w.grad.dtype) == (torch.float32, torch.float32)
    assert (x.grad.shape, w.grad.shape) == (x.shape, w.shape)


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_kernels_gradient_has_a_predicted_time_for_each_way(name):
    times = kernel_gradients(PROBLEMS[name])
    assert set(times) == set(CUTS)
    assert all(time > 0 for time in times.values())
