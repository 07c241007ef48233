from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from fieldmark.errors import UserError
from fieldmark.training.augmentation.erasing import Erase, box_mask, erase
from fieldmark.training.augmentation.steps import Context


def context(count: int) -> Context:
    return Context(torch.arange(count), 0, (1, 1))


@pytest.mark.parametrize("channels", [1, 3])
def test_erasing_is_assigning_to_the_slice(pictures, channels):
    boxes = [(0, 0, 9, 12), (2, 3, 4, 5), (8, 11, 1, 1), (3, 3, 0, 0)]
    images, values = pictures(4, channels), pictures(4, channels, seed=1)
    expected = images.clone()
    for n, (top, left, height, width) in enumerate(boxes):
        here = (n, slice(None), slice(top, top + height), slice(left, left + width))
        expected[here] = values[here]
    assert torch.equal(erase(images, torch.tensor(boxes), values), expected)


def test_a_mask_covers_its_box():
    mask = box_mask(torch.tensor([[1, 2, 2, 3]]), 4, 6, 3)
    assert mask.shape == (1, 4, 6, 3)
    assert mask.sum() == 18
    assert mask[0, 1:3, 2:5].all()


def test_the_share_of_pictures_and_of_their_area_are_the_settings():
    images = torch.zeros(4000, 1, 40, 50, dtype=torch.uint8)
    step = Erase(probability=0.25, area=(0.1, 0.3), aspect=(0.5, 2.0), fill=255)
    result = step(images, torch.Generator().manual_seed(0), context(4000))
    shares = (result == 255).float().mean(dim=(1, 2, 3))
    erased = shares[shares > 0]
    assert abs(len(erased) / 4000 - 0.25) < 4 * (0.25 * 0.75 / 4000) ** 0.5
    assert erased.min() > 0.085  # sides are whole pixels
    assert erased.max() < 0.315
    assert abs(erased.mean() - 0.2) < 0.01


def test_noise_is_uniform_and_of_every_pixel_and_channel_its_own():
    images = torch.zeros(60, 3, 32, 32, dtype=torch.uint8)
    step = Erase(1.0, area=(1.0, 1.0), aspect=(1.0, 1.0))
    result = step(images, torch.Generator().manual_seed(0), context(60))
    assert stats.chisquare(np.bincount(result.numpy().ravel(), minlength=256)).pvalue > 0.001
    planes = result.float().transpose(0, 1).reshape(3, -1)
    assert torch.corrcoef(planes).triu(1).abs().max() < 0.02


def test_a_level_fills_the_box():
    images = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    step = Erase(1.0, area=(0.25, 0.25), aspect=(1.0, 1.0), fill=128)
    assert (step(images, torch.Generator(), context(1)) == 128).sum() == 3 * 16


@pytest.mark.parametrize(
    "settings", [{"fill": 256}, {"fill": 1.5}, {"probability": 2}, {"area": (0.5, 0.1)}, {"aspect": (2,)}]
)
def test_settings_that_do_not_fit_are_refused(settings):
    with pytest.raises(UserError, match=r"erase: (fill|probability|area|aspect)=.* does not fit"):
        Erase(**settings)
