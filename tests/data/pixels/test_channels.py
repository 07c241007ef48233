"""Grey and RGB: Pillow's luma, and the same numbers in numpy and torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from fieldmark.data.pixels.channels import dataset_to_channels, to_channels, to_channels_tensor
from fieldmark.errors import DataError
from fieldmark.vocabulary import Dataset, ImageSet

colours = np.random.default_rng(0).integers(0, 256, (60, 70, 3), dtype=np.uint8)


def test_luma_is_pillows() -> None:
    assert (to_channels(colours, 1)[:, :, 0] == np.asarray(Image.fromarray(colours).convert("L"))).all()


def test_grey_to_rgb_and_back_is_the_identity() -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    rgb = to_channels(grey, 3)
    assert (rgb == grey).all()
    assert (to_channels(rgb, 1) == grey).all()


@pytest.mark.parametrize(("have", "want"), [(1, 1), (1, 3), (3, 1), (3, 3)])
def test_numpy_and_torch_agree(have: int, want: int) -> None:
    image = colours[:, :, :have]
    batch = torch.from_numpy(np.stack([image, image[::-1]])).permute(0, 3, 1, 2)
    made = to_channels_tensor(batch, want).permute(0, 2, 3, 1)
    assert made.is_contiguous()
    assert (made[0].numpy() == to_channels(image, want)).all()
    assert (made[1].numpy() == to_channels(image[::-1], want)).all()


def test_other_numbers_of_channels_are_refused() -> None:
    with pytest.raises(DataError, match=r"2 channels.*1.*3"):
        to_channels(colours, 2)
    with pytest.raises(DataError, match="4 channels"):
        to_channels_tensor(torch.zeros(1, 3, 2, 2, dtype=torch.uint8), 4)


def test_a_dataset_is_turned_split_by_split() -> None:
    one = torch.arange(24, dtype=torch.uint8).reshape(2, 3, 4, 1).permute(0, 3, 1, 2)
    images = ImageSet(one, torch.tensor([0, 1]), ("a", "b"))
    grey = Dataset(train=images, val=images, test=None, name="set", image_size=(3, 4))
    coloured = dataset_to_channels(grey, 3)
    assert (coloured.channels, coloured.val.channels, coloured.test) == (3, 3, None)
    assert torch.equal(coloured.train.images, one.expand(2, 3, 3, 4))
    assert coloured.train.labels is images.labels
    assert dataset_to_channels(grey, 1) is grey
