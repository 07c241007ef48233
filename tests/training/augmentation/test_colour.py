from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance

from fieldmark.errors import UserError
from fieldmark.training.augmentation.colour import (
    Brightness,
    Contrast,
    Saturation,
    brightness,
    contrast,
    luma,
    saturation,
    sharpness,
)
from fieldmark.training.augmentation.steps import Context

PAIRS = [
    (brightness, ImageEnhance.Brightness),
    (contrast, ImageEnhance.Contrast),
    (saturation, ImageEnhance.Color),
    (sharpness, ImageEnhance.Sharpness),
]
FACTORS = [0.0, 0.01, 0.35, 0.5, 0.999, 1.0, 1.001, 1.2, 1.7, 2.0, 3.5]


@pytest.mark.parametrize(("function", "oracle"), PAIRS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", [(17, 23), (2, 2), (1, 5)])
def test_to_the_bit_as_pillow_does_it(pictures, function, oracle, channels, shape):
    images = pictures(len(FACTORS), channels, *shape)
    result = function(images, torch.tensor(FACTORS)).permute(0, 2, 3, 1).numpy()
    for n, factor in enumerate(np.float32(FACTORS)):
        pixels = images[n].permute(1, 2, 0).numpy()
        picture = Image.fromarray(pixels if channels == 3 else pixels[:, :, 0])
        expected = np.asarray(oracle(picture).enhance(float(factor))).reshape(pixels.shape)
        assert np.array_equal(result[n], expected), factor


def test_luma_is_pillows_for_every_extreme_and_many_others(pictures):
    corners = torch.cartesian_prod(*[torch.tensor([0, 1, 127, 128, 254, 255], dtype=torch.uint8)] * 3)
    pixels = torch.cat([corners, pictures(1, 3, 100, 100).permute(0, 2, 3, 1).reshape(-1, 3)])
    expected = np.asarray(Image.fromarray(pixels.view(1, -1, 3).numpy()).convert("L"))
    assert np.array_equal(luma(pixels.view(1, 1, -1, 3)).view(1, -1).numpy(), expected)


def test_a_mean_luma_of_one_half_is_rounded_up():
    pair = torch.tensor([100, 101], dtype=torch.uint8).view(1, 1, 1, 2)
    assert contrast(pair, torch.tensor([0.0])).flatten().tolist() == [101, 101]


def test_grey_pictures_have_no_saturation_to_change(pictures):
    images = pictures(4, 1)
    assert torch.equal(saturation(images, torch.tensor([0.0, 0.5, 1.5, 2.0])), images)
    step = Saturation(1.0)
    assert torch.equal(step(images, torch.Generator(), Context(torch.arange(4), 0, (9, 12))), images)


@pytest.mark.parametrize("kind", [Brightness, Contrast, Saturation])
def test_no_strength_changes_nothing(pictures, kind):
    images = pictures(4)
    assert torch.equal(kind(0.0)(images, torch.Generator(), Context(torch.arange(4), 0, (9, 12))), images)


def test_factors_are_uniform_around_1():
    images = torch.full((20_000, 1, 1, 1), 100, dtype=torch.uint8)
    step = Brightness(0.5)
    result = step(images, torch.Generator().manual_seed(5), Context(torch.arange(20_000), 0, (1, 1)))
    levels = result.flatten().float() + 0.5  # rounded down
    assert levels.min() < 51
    assert levels.max() > 149
    assert abs(levels.mean() - 100) < 1
    assert abs(levels.std() - 100 / 12**0.5) < 0.5


@pytest.mark.parametrize(("kind", "name"), [(Brightness, "brightness"), (Contrast, "contrast")])
@pytest.mark.parametrize("strength", [-0.1, 1.1, "strong"])
def test_a_strength_outside_0_to_1_is_refused(kind, name, strength):
    with pytest.raises(UserError, match=f"{name}: strength=.*from 0 to 1"):
        kind(strength)
