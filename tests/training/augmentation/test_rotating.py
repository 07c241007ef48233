from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage, stats

from fieldmark.errors import UserError
from fieldmark.training.augmentation.rotating import Rotate, rotate
from fieldmark.training.augmentation.steps import Context

DEGREES = [0.0, 10.0, -10.0, 33.3, 90.0, -135.0, 180.0]
SCIPY = {"edge": "nearest", "zero": "grid-constant"}


@pytest.mark.parametrize("border", ["edge", "zero"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("degrees", DEGREES)
def test_rotation_is_scipys_bilinear_one(pictures, degrees, channels, border):
    image = pictures(1, channels, 9, 14)
    result = rotate(image, torch.tensor([degrees]), border)[0].numpy().astype(float)
    angle = np.deg2rad(degrees)
    back = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])  # rows go down
    middle = np.array([4.0, 6.5])
    for channel in range(channels):
        plane = image[0, channel].numpy().astype(float)
        expected = ndimage.affine_transform(
            plane, back, middle - back @ middle, order=1, mode=SCIPY[border], cval=0
        )
        assert np.abs(result[channel] - expected).max() < 0.51


def test_positive_degrees_turn_counter_clockwise_as_in_pillow(pictures):
    image = pictures(1, 1, 11, 11)
    result = rotate(image, torch.tensor([90.0]))[0, 0]
    assert np.array_equal(result, Image.fromarray(image[0, 0].numpy()).rotate(90))
    assert np.array_equal(result, np.rot90(image[0, 0]))


@pytest.mark.parametrize("shape", [(9, 12), (1, 5), (32, 32), (224, 160)])
@pytest.mark.parametrize("degrees", [0.0, 360.0])
@pytest.mark.parametrize("border", ["edge", "zero"])
def test_no_turn_changes_no_bit(pictures, shape, degrees, border):
    images = pictures(2, 3, *shape)
    assert torch.equal(rotate(images, torch.full((2,), degrees), border), images)


def test_half_a_turn_is_both_flips(pictures):
    images = pictures(2, 3, 9, 12)
    assert torch.equal(rotate(images, torch.tensor([180.0, -180.0])), images.flip(2, 3))


def test_a_white_picture_stays_white_with_edges_and_gets_black_corners_without():
    white = torch.full((1, 1, 20, 20), 255, dtype=torch.uint8)
    assert (rotate(white, torch.tensor([45.0]), "edge") == 255).all()
    assert rotate(white, torch.tensor([45.0]), "zero")[0, 0, 0, 0] == 0


def test_angles_are_uniform_between_the_ends(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "fieldmark.training.augmentation.rotating.rotate", lambda *arguments: seen.append(arguments[1])
    )
    images = torch.zeros(20_000, 1, 1, 1, dtype=torch.uint8)
    Rotate(30)(images, torch.Generator().manual_seed(2), Context(torch.arange(20_000), 0, (1, 1)))
    assert stats.kstest(seen[0].double(), stats.uniform(-30, 60).cdf).pvalue > 0.001


@pytest.mark.parametrize("settings", [{"degrees": -1}, {"degrees": 181}, {"border": "black"}])
def test_settings_that_do_not_fit_are_refused(settings):
    with pytest.raises(UserError, match=r"rotate: (degrees|border)=.* does not fit"):
        Rotate(**settings)
