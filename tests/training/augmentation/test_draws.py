from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from fieldmark.training.augmentation import draws


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@settings(deadline=None, max_examples=50)
@given(
    height=st.integers(1, 50),
    width=st.integers(1, 50),
    low=st.floats(0.01, 1),
    high=st.floats(0.01, 1),
    aspect=st.floats(1, 8),
    seed=st.integers(0, 1000),
)
def test_boxes_are_never_empty_and_always_inside(height, width, low, high, aspect, seed):
    area = (min(low, high), max(low, high))
    boxes = draws.boxes(64, (height, width), area, (1 / aspect, aspect), seeded(seed))
    top, left, tall, wide = boxes.unbind(1)
    assert boxes.dtype == torch.int64
    assert (tall >= 1).all()
    assert (wide >= 1).all()
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (top + tall <= height).all()
    assert (left + wide <= width).all()


def test_areas_and_aspects_are_as_asked():
    boxes = draws.boxes(20_000, (400, 400), (0.1, 0.3), (0.5, 2.0), seeded())
    tall, wide = boxes[:, 2].double(), boxes[:, 3].double()
    area, aspect = tall * wide / 400**2, (wide / tall).log() / np.log(2)
    assert stats.kstest(area, stats.uniform(0.1, 0.2).cdf).statistic < 0.02
    assert stats.kstest(aspect, stats.uniform(-1, 2).cdf).statistic < 0.02


def test_every_place_is_equally_likely():
    boxes = draws.boxes(20_000, (10, 10), (0.25, 0.25), (1, 1), seeded())
    assert (boxes[:, 2:] == 5).all()
    places = np.bincount(boxes[:, 0] * 6 + boxes[:, 1], minlength=36)
    assert len(places) == 36
    assert stats.chisquare(places).pvalue > 0.001


def test_the_first_of_ten_boxes_that_fits_is_taken_before_any_is_clipped():
    boxes = draws.boxes(5000, (100, 100), (0.5, 0.9), (0.5, 2.0), seeded())
    clipped = (boxes[:, 2:] == 100).any(1)  # about half of the shapes drawn do not fit
    assert clipped.double().mean() < 0.05


def test_a_shape_that_never_fits_is_clipped_to_the_picture():
    assert draws.boxes(3, (4, 100), (1.0, 1.0), (1.0, 1.0), seeded())[:, 2:].tolist() == [[4, 20]] * 3


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_beta_is_beta(alpha):
    values = draws.beta(20_000, alpha, seeded())
    assert values.dtype == torch.float32
    # Not the p-value: at alpha 0.2 so many values are next to 1 that float32 rounds 2 % of them to it.
    assert stats.kstest(values.double(), stats.beta(alpha, alpha).cdf).statistic < 0.03


def test_noise_is_every_byte_equally_often():
    values = draws.noise(100_001, seeded())
    assert len(values) == 100_001
    assert stats.chisquare(np.bincount(values, minlength=256)).pvalue > 0.001


def test_whole_numbers_include_both_ends():
    assert draws.whole(1000, 3, 5, seeded()).unique().tolist() == [3, 4, 5]


@pytest.mark.parametrize("count", [0, 1, 7])
def test_every_kind_of_draw_has_the_length_asked_for_and_repeats_with_its_seed(count):
    for draw in (
        lambda g: draws.chosen(count, 0.5, g),
        lambda g: draws.uniform(count, 0, 1, g),
        lambda g: draws.whole(count, 0, 9, g),
        lambda g: draws.beta(count, 1.0, g),
        lambda g: draws.noise(count, g),
        lambda g: draws.boxes(count, (9, 9), (0.1, 1), (0.5, 2), g),
    ):
        assert len(draw(seeded(1))) == count
        assert torch.equal(draw(seeded(1)), draw(seeded(1)))
