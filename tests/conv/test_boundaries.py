"""What stands outside of the picture, against numpy.pad."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark import conv
from fieldmark.conv.boundaries import BOUNDARIES, extend
from fieldmark.errors import UserError

NUMPYS = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
quick = settings(deadline=None, max_examples=80)
pad = st.integers(0, 11)


def test_numpy_has_a_name_for_each():
    assert set(NUMPYS) == set(BOUNDARIES)


@pytest.mark.parametrize("boundary", BOUNDARIES)
@quick
@given(st.integers(1, 4), st.integers(1, 5), pad, pad, pad, pad)
def test_extended_is_numpys_pad_beyond_the_length_too(boundary, height, width, top, bottom, left, right):
    x = np.arange(2.0 * height * width).reshape(2, height, width)
    ours = extend(torch.from_numpy(x), [(top, bottom), (left, right)], boundary)
    true = np.pad(x, [(0, 0), (top, bottom), (left, right)], mode=NUMPYS[boundary])
    np.testing.assert_array_equal(ours.numpy(), true)


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("padding", ["same", "full", 3, ((0, 4), (2, 0))])
@pytest.mark.parametrize("stride", [1, 2])
def test_the_operation_reads_them_on_every_axis(boundary, padding, stride):
    generator = np.random.default_rng(0)
    x, w = generator.standard_normal((2, 3, 5, 4)), generator.standard_normal((2, 3, 3, 2))
    pairs = conv.padding_for(padding, (3, 2)) if isinstance(padding, str) else padding
    pairs = ((pairs, pairs),) * 2 if isinstance(pairs, int) else pairs
    extended = np.pad(x, [(0, 0), (0, 0), *pairs], mode=NUMPYS[boundary])
    ours = conv.correlate2d(x, w, padding=padding, stride=stride, boundary=boundary, algorithm="torch")
    true = conv.correlate2d(extended, w, stride=stride, algorithm="torch")
    np.testing.assert_allclose(ours, true, rtol=0, atol=1e-13)


def test_reflection_does_not_repeat_the_edge():
    assert extend(torch.tensor([1, 2, 3]), [(2, 2)], "reflect").tolist() == [3, 2, 1, 2, 3, 2, 1]
    assert extend(torch.tensor([7]), [(2, 1)], "reflect").tolist() == [7, 7, 7, 7]


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_gradients_go_back_to_where_a_value_came_from(boundary, dtype):
    x = torch.randn(2, 3, dtype=dtype, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: extend(x, [(3, 1), (0, 5)], boundary), (x,))


def test_no_padding_is_no_copy_and_the_input_is_left_alone():
    x = torch.arange(3.0)
    assert extend(x, [(0, 0)], "circular") is x
    longer = extend(x, [(1, 1)], "circular")
    longer.fill_(9)
    assert x.tolist() == [0, 1, 2]


@pytest.mark.parametrize("boundary", ["reflect", "replicate", "circular"])
def test_an_empty_axis_has_nothing_to_repeat(boundary):
    with pytest.raises(UserError, match=f"2x0 has nothing to {boundary}; use boundary='zeros'"):
        extend(torch.empty(2, 0), [(0, 0), (1, 1)], boundary)
    assert extend(torch.empty(0, 2), [(0, 0), (1, 1)], boundary).shape == (0, 4)
    assert extend(torch.empty(2, 0), [(0, 0), (1, 1)], "zeros").tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("boundary", ["wrap", "Zeros", ""])
def test_another_name_is_refused_with_the_known_ones(boundary):
    with pytest.raises(UserError, match="zeros, reflect, replicate, circular"):
        extend(torch.ones(3), [(1, 1)], boundary)
    with pytest.raises(UserError, match="zeros, reflect, replicate, circular"):
        conv.correlate1d([1, 2, 3], [1], boundary=boundary)
