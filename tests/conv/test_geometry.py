"""Sizes, against the facts and against what PyTorch's layers do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark import conv
from fieldmark.conv.geometry import outputs, spell
from fieldmark.errors import UserError

quick = settings(deadline=None, max_examples=100)
small = st.integers(1, 4)


def test_the_sizes_of_the_facts():
    assert conv.output_size(10, 5, padding=2) == 10
    assert conv.output_size(10, 3, padding=2, stride=2) == 6
    assert conv.output_size((4, 4), (2, 2)) == (3, 3)
    size = 240
    for _ in range(10):
        size = conv.output_size(size, 5)
    assert size == 200
    assert round(100 * (1 - size**2 / 240**2), 1) == 30.6


@quick
@given(st.integers(1, 30), st.integers(1, 6), small, st.integers(0, 5), st.integers(0, 5), small)
def test_output_size_is_torchs(n, kernel, stride, before, after, dilation):
    x, w = torch.zeros(1, 1, n + before + after), torch.zeros(1, 1, kernel)
    settings_ = {"stride": stride, "padding": (before, after), "dilation": dilation}
    if n + before + after < dilation * (kernel - 1) + 1:
        with pytest.raises(UserError) as caught:
            conv.output_size(n, kernel, **settings_)
        assert f"a kernel of {kernel} " in str(caught.value)
        assert f"an input of {n} with padding ({n + before + after})" in str(caught.value)
    else:
        true = F.conv1d(x, w, stride=stride, dilation=dilation).shape[-1]
        assert conv.output_size(n, kernel, **settings_) == true
        assert outputs((n,), (kernel,), (stride,), ((before, after),), (dilation,)) == (true,)


@quick
@given(st.integers(1, 30), st.integers(1, 7), small, small)
def test_same_keeps_the_size_and_a_stride_rounds_up(n, kernel, stride, dilation):
    assert conv.output_size(n, kernel, padding="same", dilation=dilation) == n
    assert conv.output_size(n, kernel, padding="same", dilation=dilation, stride=stride) == -(-n // stride)
    assert conv.output_size(n, kernel, padding="full", dilation=dilation) == n + dilation * (kernel - 1)


def test_numbers_and_sequences_of_any_kind():
    assert conv.output_size(np.int64(10), np.int32(3)) == 8
    assert conv.output_size(torch.tensor(10), 3) == 8
    assert conv.output_size([10, 12], 3) == (8, 10)
    assert conv.output_size(np.array([10, 12]), np.array([3, 5]), stride=np.array([1, 2])) == (8, 4)
    assert conv.output_size(torch.Size([10, 12]), 3, padding=[[1, 1], [0, 0]]) == (10, 10)
    assert conv.padding_for("same", np.int64(4)) == (1, 2)
    assert conv.padding_for("same", np.array([3, 4]), np.int64(2)) == ((2, 2), (3, 3))
    assert all(type(n) is int for n in conv.output_size(np.array([10, 12]), 3))


@pytest.mark.parametrize(
    ("arguments", "settings_", "words"),
    [
        ((10, 0), {}, "kernel=.*at least 1"),
        ((-1, 1), {}, "size=.*at least 0"),
        ((10.0, 3), {}, r"size=10\.0"),
        ((None, 3), {}, "size=None"),
        (("10", 3), {}, "size='10'"),
        (((10, 10), (3, 3, 3)), {}, "kernel=.*3 numbers for 2 axes"),
        ((10, 3), {"stride": 0}, "stride="),
        ((10, 3), {"padding": "some"}, "padding='some'"),
        ((0, 1), {}, "1 does not fit into an input of 0"),
        ((4, 3), {"dilation": 2}, r"dilation 2, so 5.*input of 4"),
    ],
)
def test_impossible_sizes_are_refused(arguments, settings_, words):
    with pytest.raises(UserError, match=words):
        conv.output_size(*arguments, **settings_)


def test_padding_for_is_a_padding_for_the_operation():
    x, w = np.ones((7, 8)), np.ones((4, 3))
    for mode in ("full", "same", "valid"):
        around = conv.padding_for(mode, w.shape, 2)
        ours = conv.correlate2d(x, w, padding=around, dilation=2, algorithm="torch")
        np.testing.assert_array_equal(
            ours, conv.correlate2d(x, w, padding=mode, dilation=2, algorithm="torch")
        )


@pytest.mark.parametrize("mode", ["SAME", "reflect", "", None, 1])
def test_another_padding_mode_is_refused(mode):
    with pytest.raises(UserError, match="full, same"):
        conv.padding_for(mode, 3)


@pytest.mark.parametrize("kernel", [0, -1, 2.0, "3", None, (3, 0)])
def test_padding_for_no_kernel_is_refused(kernel):
    with pytest.raises(UserError, match="kernel="):
        conv.padding_for("same", kernel)


def test_padding_evens_out_how_often_an_element_is_used():
    """facts.md, n=5, m=3: with p=0 the first enters one output, the second two; with p=2 all enter three."""
    for padding, expected in ((0, [1, 2, 3, 2, 1]), (2, [3, 3, 3, 3, 3])):
        x = torch.zeros(5, requires_grad=True)
        conv.correlate1d(x, [1, 1, 1], padding=padding, algorithm="torch").sum().backward()
        assert x.grad.tolist() == expected


def test_the_receptive_field_of_the_facts():
    assert conv.receptive_field([(3, 1), (2, 2), (3, 1)]) == 8
    assert conv.receptive_field([]) == 1
    assert conv.receptive_field([(3, 1)] * 100) == 201


@quick
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 3)), max_size=4))
def test_the_receptive_field_is_what_a_gradient_reaches(layers):
    field = conv.receptive_field(layers)
    x = torch.zeros(1, 1, field, requires_grad=True, dtype=torch.float64)
    y = x
    for kernel, stride, dilation in layers:
        y = F.conv1d(y, torch.ones(1, 1, kernel, dtype=torch.float64), stride=stride, dilation=dilation)
    assert y.shape[-1] == 1  # as many inputs as one output needs
    (reached,) = torch.autograd.grad(y.sum(), x)
    assert reached[0, 0, 0] > 0
    assert reached[0, 0, -1] > 0


def test_layers_of_any_kind_and_with_the_dilation_left_out():
    assert conv.receptive_field(np.array([[3, 1], [2, 2], [3, 1]])) == 8
    assert conv.receptive_field(iter([[3, 1, 2], (3, np.int64(1))])) == 7


@pytest.mark.parametrize(
    "layers", [[3], [(3,)], [(3, 1, 1, 1)], [(3, 0)], [(0, 1)], [(3.0, 1)], [None], ["31"], 3, [()]]
)
def test_layers_of_another_form_are_refused(layers):
    with pytest.raises(UserError, match="layer"):
        conv.receptive_field(layers)


def test_shapes_are_spelled_as_people_write_them():
    assert spell(torch.Size([1, 2])) == "1x2"
