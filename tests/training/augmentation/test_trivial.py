from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps
from scipy import stats

from fieldmark.training.augmentation.steps import Context
from fieldmark.training.augmentation.trivial import OPERATIONS, Trivial, trivial


def reference(picture: Image.Image, name: str, level: int, sign: int) -> Image.Image:
    """One operation of the paper's wide space on one picture by Pillow (Mueller and Hutter 2021)."""

    def affine(place: int, value: float) -> Image.Image:
        matrix = [1.0, 0, 0, 0, 1, 0]
        matrix[place] = sign * value
        return picture.transform(picture.size, Image.Transform.AFFINE, matrix)

    factor = 0.01 + level * 1.99 / 30
    return {
        "identity": lambda: picture,
        "autocontrast": lambda: ImageOps.autocontrast(picture),
        "equalize": lambda: ImageOps.equalize(picture),
        "rotate": lambda: picture.rotate(sign * int(level * 135 / 30)),
        "solarize": lambda: ImageOps.solarize(picture, 256 - int(level * 256 / 30)),
        "saturation": lambda: ImageEnhance.Color(picture).enhance(factor),
        "posterize": lambda: ImageOps.posterize(picture, 8 - int(level * 6 / 30)),
        "contrast": lambda: ImageEnhance.Contrast(picture).enhance(factor),
        "brightness": lambda: ImageEnhance.Brightness(picture).enhance(factor),
        "sharpness": lambda: ImageEnhance.Sharpness(picture).enhance(factor),
        "shear_x": lambda: affine(1, level * 0.99 / 30),
        "shear_y": lambda: affine(3, level * 0.99 / 30),
        "translate_x": lambda: affine(2, int(level * 32 / 30)),
        "translate_y": lambda: affine(5, int(level * 32 / 30)),
    }[name]()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", list(OPERATIONS))
def test_every_operation_at_every_level_is_pillows(pictures, name, channels):
    levels = torch.arange(31).repeat(2)
    signs = torch.tensor([1, -1]).repeat_interleave(31)
    images = pictures(62, channels, 15, 18)
    operations = torch.full((62,), list(OPERATIONS).index(name))
    result = trivial(images, operations, levels, signs).permute(0, 2, 3, 1).numpy().astype(int)
    for n in range(62):
        pixels = images[n].permute(1, 2, 0).numpy()
        picture = Image.fromarray(pixels if channels == 3 else pixels[:, :, 0])
        expected = np.asarray(reference(picture, name, int(levels[n]), int(signs[n]))).reshape(pixels.shape)
        # Autocontrast is exact here, where Pillow's floating point is at times one lower.
        assert np.abs(result[n] - expected).max() <= (name == "autocontrast"), (name, n)


def test_every_picture_of_a_batch_has_its_own_operation(pictures):
    count = 4 * len(OPERATIONS)
    images, operations = pictures(count), torch.arange(count) % len(OPERATIONS)
    levels, signs = torch.arange(count) % 31, 1 - 2 * (torch.arange(count) % 2)
    whole = trivial(images, operations, levels, signs)
    for n in range(count):
        alone = trivial(images[n : n + 1], operations[n : n + 1], levels[n : n + 1], signs[n : n + 1])
        assert torch.equal(whole[n], alone[0])


def test_operations_levels_and_signs_are_drawn_evenly(monkeypatch):
    seen = {}

    def spy(images, operations, levels, signs):
        seen.update(operations=operations, levels=levels, signs=signs)
        return images

    monkeypatch.setattr("fieldmark.training.augmentation.trivial.trivial", spy)
    images = torch.zeros(14_000, 1, 1, 1, dtype=torch.uint8)
    Trivial()(images, torch.Generator().manual_seed(0), Context(torch.arange(14_000), 0, (1, 1)))
    assert stats.chisquare(np.bincount(seen["operations"], minlength=14)).pvalue > 0.001
    assert stats.chisquare(np.bincount(seen["levels"], minlength=31)).pvalue > 0.001
    assert sorted(seen["signs"].unique().tolist()) == [-1, 1]
    assert abs(seen["signs"].float().mean()) < 0.035
