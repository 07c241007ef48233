"""Between grey and RGB, in whole numbers: the same in numpy and torch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fieldmark.errors import DataError
from fieldmark.vocabulary import Dataset, ImageSet

LUMA = (19595, 38470, 7471)
"""Rec. 601 luma (0.299, 0.587, 0.114) in 2^-16, as Pillow's convert("L") has it; they sum to 2^16."""
HALF = 2**15


def to_channels(image: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """Bring a picture from RGB to grey by luma, or from grey to RGB by repeating.

    grey = (19595 R + 38470 G + 7471 B + 32768) >> 16   (Pillow's convert("L"))

    Args:
        image: uint8 (H, W, 1 or 3).
        channels: 1 or 3.

    Returns:
        uint8 (H, W, channels).

    Raises:
        DataError: another number of channels is asked for.

    >>> to_channels(np.array([[[255, 0, 0]]], np.uint8), 1).tolist()
    [[[76]]]
    """
    _check(channels)
    if image.shape[2] == channels:
        return image
    if channels == 3:
        return np.repeat(image, 3, axis=2)
    luma = image.astype(np.uint32) @ np.array(LUMA, np.uint32)
    return ((luma + HALF) >> 16).astype(np.uint8)[:, :, None]


def to_channels_tensor(images: Tensor, channels: int) -> Tensor:
    """Bring a whole batch to the same numbers as `to_channels` gives.

    Args:
        images: uint8 (N, 1 or 3, H, W), stored NHWC.
        channels: 1 or 3.

    Returns:
        uint8 (N, channels, H, W), stored NHWC.

    Raises:
        DataError: another number of channels is asked for.

    >>> to_channels_tensor(torch.tensor([255, 0, 0], dtype=torch.uint8).reshape(1, 3, 1, 1), 1).tolist()
    [[[[76]]]]
    """
    _check(channels)
    if images.shape[1] == channels:
        return images
    if channels == 3:
        return images.permute(0, 2, 3, 1).expand(-1, -1, -1, 3).contiguous().permute(0, 3, 1, 2)
    red, green, blue = images.unbind(1)
    luma = torch.full_like(red, HALF, dtype=torch.int32)
    for plane, weight in zip((red, green, blue), LUMA, strict=True):
        luma += plane.int() * weight
    return (luma >> 16).to(torch.uint8).unsqueeze(1)


def dataset_to_channels(dataset: Dataset, channels: int) -> Dataset:
    """Bring every picture of a Dataset to grey or RGB.

    Args:
        dataset: it is returned itself where it has these channels already.
        channels: 1 or 3.

    Raises:
        DataError: another number of channels is asked for.
    """
    if dataset.channels == channels:
        return dataset

    def turned(images: ImageSet) -> ImageSet:
        return replace(images, images=to_channels_tensor(images.images, channels))

    return replace(
        dataset,
        train=turned(dataset.train),
        val=turned(dataset.val),
        test=None if dataset.test is None else turned(dataset.test),
    )


def _check(channels: int) -> None:
    if channels not in (1, 3):
        raise DataError(f"{channels} channels are neither grey (1) nor RGB (3).")
