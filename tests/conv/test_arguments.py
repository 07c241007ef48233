"""Stride, dilation and padding as people write them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.conv.geometry import pads, per_axis, whole
from fieldmark.errors import UserError

quick = settings(deadline=None, max_examples=100)


@given(st.integers(1, 5), st.integers(1, 3))
@quick
def test_a_number_counts_for_every_axis_and_one_per_axis_stays(number, axes):
    assert per_axis(number, axes, "stride", 1) == (number,) * axes
    for kind in (list, tuple, np.array, torch.tensor):
        assert per_axis(kind([number] * axes), axes, "stride", 1) == (number,) * axes
    assert per_axis(np.int16(number), axes, "stride", 1) == (number,) * axes


@pytest.mark.parametrize(
    "value", [1.0, 1.5, None, "1", "same", [1, 2.0], [[1, 2], [3, 4]], [1, None], np.ones(2), 1j]
)
def test_anything_but_whole_numbers_is_refused(value):
    with pytest.raises(UserError) as caught:
        per_axis(value, 2, "stride", 1)
    assert "stride=" in str(caught.value)
    assert "whole numbers" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_too_small_and_too_many_are_refused():
    with pytest.raises(UserError, match=r"stride=0: whole numbers of at least 1"):
        per_axis(0, 2, "stride", 1)
    with pytest.raises(UserError, match=r"stride=\(2, -1\)"):
        per_axis((2, -1), 2, "stride", 1)
    for wrong in ((1,), (1, 2, 3), ()):
        with pytest.raises(UserError, match=f"dilation=.*: {len(wrong)} numbers for 2 axes"):
            per_axis(wrong, 2, "dilation", 1)


@quick
@given(st.integers(1, 8), st.integers(1, 4), st.integers(8, 14))
def test_same_is_torchs_rule(kernel, dilation, size):
    x = torch.randn(1, 1, size, generator=torch.Generator().manual_seed(size), dtype=torch.float64)
    w = torch.arange(1.0, kernel + 1, dtype=torch.float64).reshape(1, 1, kernel)
    ((before, after),) = pads("same", (kernel,), (dilation,))
    assert before + after == dilation * (kernel - 1)
    assert after - before in (0, 1)
    ours = F.conv1d(F.pad(x, (before, after)), w, dilation=dilation)
    if before == after:  # or else torch warns of the copy it makes
        torch.testing.assert_close(ours, F.conv1d(x, w, dilation=dilation, padding="same"))
    assert ours.shape == x.shape


def test_same_on_an_even_kernel_is_torchs_with_its_warning():
    x, w = torch.arange(5.0).reshape(1, 1, 5), torch.tensor([[[1.0, 10.0]]])
    with pytest.warns(UserWarning, match="even kernel"):
        true = F.conv1d(x, w, padding="same")
    ((before, after),) = pads("same", (2,), (1,))
    assert torch.equal(F.conv1d(F.pad(x, (before, after)), w), true)


def test_full_lets_every_input_meet_every_tap_and_valid_pads_nothing():
    assert pads("full", (3, 4, 1), (1, 2, 5)) == ((2, 2), (6, 6), (0, 0))
    assert pads("valid", (3, 4), (1, 2)) == ((0, 0), (0, 0))


def test_every_way_to_write_a_padding():
    for padding in (
        2,
        np.int8(2),
        [2, 2],
        (2, 2),
        np.array([2, 2]),
        [(2, 2), [2, 2]],
        ((2, 2), 2),
        torch.tensor([2, 2]),
    ):
        assert pads(padding, (3, 3), (1, 1)) == ((2, 2), (2, 2))
    assert pads(np.array([[1, 2], [3, 4]]), (3, 3), (1, 1)) == ((1, 2), (3, 4))
    assert pads((1, 2), (3, 3), (1, 1)) == ((1, 1), (2, 2))  # one per axis, not before and after
    assert pads((1, 2), (3,), (1,)) == ((1, 2),)
    assert pads([(1, 2)], (3,), (1,)) == ((1, 2),)
    assert pads((4,), (3,), (1,)) == ((4, 4),)


@pytest.mark.parametrize(
    ("padding", "axes"),
    [
        (-1, 2),
        ((1, -1), 2),
        (((1, -1), (0, 0)), 2),
        ((1, 2, 3), 2),
        ((1, 2, 3, 4), 2),
        (((1, 2, 3), (1, 2)), 2),
        (((1, 2), (1, 2)), 1),
        (((1,),), 1),
        (((1, (2, 3)), 1), 2),
        (0.5, 1),
        ((0.5, 1), 1),
        (None, 2),
        (("same", "valid"), 2),
        ("Same", 2),
        ("", 1),
        ({}, 1),
    ],
)
def test_other_paddings_are_refused_with_what_was_given(padding, axes):
    with pytest.raises(UserError) as caught:
        pads(padding, (3,) * axes, (1,) * axes)
    assert str(caught.value).startswith(f"padding={padding!r}")
    assert "\n" not in str(caught.value)


def test_names_stay_and_numbers_become_plain():
    assert whole((np.int64(3), [True, range(2)])) == (3, (1, (0, 1)))
    assert type(whole(np.int64(3))) is int
    with pytest.raises(TypeError):
        whole([1, 2.0])
