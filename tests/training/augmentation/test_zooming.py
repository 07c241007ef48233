from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from fieldmark.data.pixels.resizing import resize_tensor
from fieldmark.errors import UserError
from fieldmark.training.augmentation.steps import Context
from fieldmark.training.augmentation.zooming import Zoom, box_weights, zoom

BOXES = [(0, 0, 20, 27), (3, 5, 9, 11), (19, 0, 1, 1), (0, 26, 20, 1), (4, 4, 16, 20), (7, 0, 6, 27)]
SIZES = [(8, 8), (20, 27), (33, 5), (1, 1)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_zoom_is_cutting_out_and_then_resizing(pictures, channels, size):
    images = pictures(len(BOXES), channels, 20, 27)
    result = zoom(images, torch.tensor(BOXES), size).int()
    assert result.shape[2:] == size
    for n, (top, left, height, width) in enumerate(BOXES):
        part = images[n : n + 1, :, top : top + height, left : left + width]
        ours = resize_tensor(part, size, "stretch")[0].int()
        torchs = F.interpolate(part.float(), size, mode="bilinear", antialias=True)[0]
        assert (result[n] - ours).abs().max() <= 1
        assert (result[n] - torchs).abs().max() <= 0.501


def test_zoom_is_pillows_resize_to_one_level(pictures):
    images = pictures(len(BOXES), 3, 20, 27)
    result = zoom(images, torch.tensor(BOXES), (13, 10)).permute(0, 2, 3, 1).numpy().astype(int)
    for n, (top, left, height, width) in enumerate(BOXES):
        picture = Image.fromarray(images[n].permute(1, 2, 0).numpy())
        part = picture.crop((left, top, left + width, top + height))
        assert np.abs(result[n] - np.asarray(part.resize((10, 13), Image.Resampling.BILINEAR))).max() <= 1


def test_the_whole_picture_at_its_size_is_the_picture(pictures):
    images = pictures(3)
    assert torch.equal(zoom(images, torch.tensor([[0, 0, 9, 12]] * 3), (9, 12)), images)


def test_pixels_outside_the_box_have_no_weight():
    weights = box_weights(torch.tensor([2, 0]), torch.tensor([3, 8]), 8, 5)
    assert weights.shape == (2, 5, 8)
    assert torch.allclose(weights.sum(2), torch.ones(2, 5))
    assert (weights >= 0).all()
    assert weights[0, :, :2].sum() == weights[0, :, 5:].sum() == 0


@pytest.mark.parametrize("box", [(0, 0, 10, 12), (-1, 0, 3, 3), (0, 10, 2, 3), (2, 2, 0, 4)])
def test_a_box_outside_the_picture_is_refused(pictures, box):
    boxes = torch.tensor([(0, 0, 9, 12), box])
    with pytest.raises(UserError, match=r"box \[.*\] is not inside pictures of 9x12"):
        zoom(pictures(2), boxes, (4, 4))


def test_the_part_fills_the_networks_size(pictures):
    context = Context(torch.arange(4), 0, (8, 6))
    assert Zoom()(pictures(4, 3, 20, 27), torch.Generator(), context).shape == (4, 3, 8, 6)
    assert Zoom().margin == 1.25


@pytest.mark.parametrize(
    "settings",
    [{"area": (0.5, 0.2)}, {"area": (0.0, 1.0)}, {"area": (0.5, 1.5)}, {"area": 0.5}, {"aspect": (0, 1)}],
)
def test_ranges_that_are_none_are_refused(settings):
    with pytest.raises(UserError, match=r"zoom: (area|aspect)=.* two numbers, 0 < low <= high"):
        Zoom(**settings)
