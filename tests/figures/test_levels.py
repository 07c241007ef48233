"""What came out of a kernel as grey levels: by a rule that depends on the kernel, and that is stated."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.figures.levels import to_levels


def test_a_blur_keeps_every_level() -> None:
    values = torch.arange(256.0)
    levels = to_levels(values, total=1, negative=False, largest=1)
    assert (levels.pixels == values).all()
    assert (levels.zero, levels.per_level, levels.clipped) == (0, 1, 0)
    assert str(levels) == "shown as they are"


def test_a_kernel_that_adds_up_is_divided_by_its_sum() -> None:
    levels = to_levels(torch.tensor([0.0, 1020.0, 510.0]), total=4, negative=False, largest=4)
    assert levels.pixels.tolist() == [0, 255, 128]
    assert str(levels) == "shown as value / 4"


def test_a_kernel_that_darkens_is_not_brightened_again() -> None:
    assert to_levels(torch.tensor([100.0]), total=0.5, negative=False, largest=0.5).pixels.tolist() == [100]


def test_sharpening_is_cut_off_and_says_how_much() -> None:
    values = torch.tensor([-80.0, 0.0, 255.0, 300.0])
    levels = to_levels(values, total=1, negative=True, largest=9)
    assert levels.pixels.tolist() == [0, 0, 255, 255]
    assert str(levels) == "shown as they are, 50.0 % of them cut off at 0 and 255"
    one = to_levels(torch.cat([torch.zeros(9999), values[:1]]), total=1, negative=True, largest=9)
    assert "less than 0.1 %" in str(one)


@pytest.mark.parametrize("sign", [1, -1])
def test_edges_stand_around_grey_and_nothing_is_cut_off(sign: int) -> None:
    values = sign * torch.tensor([-254.0, 0.0, 2.0, 127.0])
    levels = to_levels(values, total=0, negative=True, largest=8)
    assert levels.pixels.tolist() == ([1, 128, 129, 192] if sign > 0 else [255, 128, 127, 64])
    assert levels.clipped == 0
    assert str(levels) == "shown as 128 + value / 2"


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(-2000, 2000), min_size=1, max_size=30))
def test_the_stated_formula_gives_the_values_back_to_half_a_level(numbers: list[float]) -> None:
    values = torch.tensor(numbers, dtype=torch.float64)
    levels = to_levels(values, total=0, negative=True, largest=8)
    back = (levels.pixels.double() - levels.zero) * levels.per_level
    assert ((back - values).abs() <= levels.per_level / 2 + 1e-9).all()


def test_rounding_errors_are_not_blown_up_to_a_picture() -> None:
    levels = to_levels(torch.tensor([1e-13, -3e-12, 0.0]), total=1e-16, negative=True, largest=10)
    assert levels.pixels.tolist() == [128, 128, 128]
    assert levels.per_level == 1
