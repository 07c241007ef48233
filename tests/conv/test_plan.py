"""A plan is made once per kind of call, and again when anything that counts has changed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from fieldmark.conv.plan import plan
from fieldmark.conv.prices import forget_prices
from fieldmark.conv.problem import Asked, pose
from fieldmark.errors import UserError

X, W = torch.ones(6, 7), torch.ones(3, 3)


def planned(x=X, w=W, axes=2, flip=False, stride=1, padding="same", dilation=1, groups=1, boundary="zeros",
            algorithm="torch"):  # fmt: skip
    return plan(x, w, axes, flip, stride, padding, dilation, groups, boundary, algorithm)


def test_the_same_kind_of_call_is_planned_once():
    first = planned()
    assert planned() is first
    assert planned(torch.zeros(6, 7)) is first
    assert planned(X.T.contiguous().T) is first
    assert (
        planned(padding="same", stride=[1, 1]) is not first
    )  # another spelling, another entry, the same plan
    assert planned(stride=[1, 1]).problem == first.problem
    forget_prices()
    again = planned()
    assert again is not first
    assert again == first


@pytest.mark.parametrize(
    "changes",
    [
        {"x": X.double(), "w": W.double()},
        {"x": torch.ones(7, 6)},
        {"w": torch.ones(3, 1)},
        {"x": X.to("meta"), "w": W.to("meta")},
        {"flip": True},
        {"stride": 2},
        {"padding": 0},
        {"dilation": 2},
        {"boundary": "reflect"},
        {"algorithm": "im2col"},
        {"x": X[None, None], "w": W[None, None]},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_whatever_counts_makes_another_plan(changes):
    assert planned(**changes) != planned()
    assert planned(**changes) is planned(**changes)


def test_a_wanted_gradient_makes_another_plan_where_graphs_are_made():
    first = planned(algorithm="auto")
    wanting = planned(X.clone().requires_grad_(), algorithm="auto")
    assert wanting is not first
    assert planned(X, W.clone().requires_grad_(), algorithm="auto") is wanting
    with torch.no_grad():
        assert planned(X.clone().requires_grad_(), algorithm="auto") is first


def test_another_number_of_threads_makes_another_plan():
    threads, first = torch.get_num_threads(), planned()
    torch.set_num_threads(threads + 1)
    try:
        other = planned()
    finally:
        torch.set_num_threads(threads)
    assert other is not first
    assert planned() is first


def test_settings_as_arrays_lists_and_numpy_numbers_are_looked_up_as_whole_numbers():
    first = planned(stride=(2, 1), padding=((1, 1), (0, 2)))
    for stride in ([2, 1], np.array([2, 1]), torch.tensor([2, 1]), (np.int8(2), np.uint64(1))):
        assert planned(stride=stride, padding=[[1, 1], np.array([0, 2])]) is first


def test_what_cannot_be_looked_up_is_refused_each_time():
    for _ in range(2):
        for changes in ({"stride": 1.0}, {"padding": {}}, {"boundary": ["zeros"]}, {"algorithm": ["torch"]}):
            with pytest.raises(UserError):
                planned(**changes)


def test_a_plan_keeps_no_tensors():
    found = planned(boundary="reflect", algorithm="fft")
    assert not any(
        isinstance(getattr(found, field.name), torch.Tensor) for field in dataclasses.fields(found)
    )


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("boundary", ["zeros", "circular"])
def test_the_problem_is_that_of_the_plan(axes, boundary):
    x, w = torch.ones(2, *[6] * axes), torch.ones([3] * axes)
    found = planned(x, w, axes=axes, boundary=boundary)
    settings = (axes, 1, "same", 1, 1, boundary)
    assert found.problem == pose(Asked(x.shape, w.shape, x.dtype, "cpu", *settings))[0]
    assert found.output_shape == x.shape
    assert (
        found.problem.size == ((6,) if boundary == "zeros" else (8,)) * axes
    )  # what is laid around counts as x
    assert found.problem.output == (6,) * axes
