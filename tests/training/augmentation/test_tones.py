from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from fieldmark.training.augmentation.tones import autocontrast, equalize, posterize, solarize


def pillow(images: torch.Tensor, function) -> torch.Tensor:
    """The oracle on every picture, in the shape of the batch."""
    results = []
    for n, image in enumerate(images.permute(0, 2, 3, 1).numpy()):
        picture = Image.fromarray(image if image.shape[2] == 3 else image[:, :, 0])
        results.append(np.asarray(function(picture, n)).reshape(image.shape))
    return torch.from_numpy(np.stack(results)).permute(0, 3, 1, 2)


def narrow(images: torch.Tensor) -> torch.Tensor:
    """The pictures with few values, other ones in each."""
    low = torch.arange(len(images), dtype=torch.uint8).view(-1, 1, 1, 1) * 9
    return images % (3 + 11 * low // 4) + low


@pytest.mark.parametrize("channels", [1, 3])
def test_posterize_is_pillows(pictures, channels):
    images, bits = pictures(8, channels), torch.arange(1, 9)
    assert torch.equal(posterize(images, bits), pillow(images, lambda im, n: ImageOps.posterize(im, n + 1)))
    assert (posterize(images, torch.zeros(8).long()) == 0).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_solarize_is_pillows(pictures, channels):
    thresholds = [0, 1, 100, 128, 255, 256]
    images = pictures(len(thresholds), channels)
    expected = pillow(images, lambda im, n: ImageOps.solarize(im, thresholds[n]))
    assert torch.equal(solarize(images, torch.tensor(thresholds)), expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_equalize_is_pillows(pictures, channels):
    for images in (
        pictures(6, channels, 20, 30),
        narrow(pictures(12, channels, 20, 30)),
        pictures(6, channels, 3, 4),
    ):
        assert torch.equal(equalize(images), pillow(images, lambda im, n: ImageOps.equalize(im)))


@pytest.mark.parametrize("value", [0, 7, 255])
def test_pictures_of_one_value_stay(value):
    flat = torch.full((2, 3, 30, 30), value, dtype=torch.uint8)
    assert torch.equal(equalize(flat), flat)
    assert torch.equal(autocontrast(flat), flat)


@pytest.mark.parametrize("channels", [1, 3])
def test_autocontrast_is_pillows_but_for_its_rounding(pictures, channels):
    images = narrow(pictures(20, channels, 20, 30))
    ours, theirs = autocontrast(images).int(), pillow(images, lambda im, n: ImageOps.autocontrast(im)).int()
    assert ((ours - theirs) >= 0).all()
    assert ((ours - theirs) <= 1).all()
    assert (ours == theirs).float().mean() > 0.95


def test_autocontrast_is_exact_in_fractions():
    for least, most in [(0, 255), (10, 59), (3, 4), (100, 203), (1, 254)]:
        values = torch.arange(least, most + 1, dtype=torch.uint8)
        expected = [floor(Fraction(255 * (value - least), most - least)) for value in range(least, most + 1)]
        assert autocontrast(values.view(1, 1, 1, -1)).flatten().tolist() == expected
