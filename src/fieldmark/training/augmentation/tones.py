"""Tone curves, as in Pillow's ImageOps: posterize, solarize, autocontrast, equalize."""

from __future__ import annotations

import torch
from torch import Tensor

from fieldmark.training.augmentation.layout import per_picture, pictures, pixels


def posterize(images: Tensor, bits: Tensor) -> Tensor:
    """Only the highest bits of every value are kept. images uint8 (N, C, H, W), bits int64 (N,), 0 to 8.

    >>> posterize(torch.full((1, 1, 1, 1), 255, dtype=torch.uint8), torch.tensor([2])).item()
    192
    """
    lost = 2 ** (8 - per_picture(images, bits, "bits"))
    mask = (256 - lost).to(torch.uint8)[:, None, None, None]
    return pictures(pixels(images) & mask)


def solarize(images: Tensor, thresholds: Tensor) -> Tensor:
    """Values of at least the threshold inverted. images uint8 (N, C, H, W), thresholds int64 (N,), 0 to 256.

    >>> solarize(torch.full((1, 1, 1, 1), 200, dtype=torch.uint8), torch.tensor([200])).item()
    55
    """
    source = pixels(images)
    high = source >= per_picture(images, thresholds, "thresholds")[:, None, None, None]
    return pictures(torch.where(high, 255 - source, source))


def autocontrast(images: Tensor) -> Tensor:
    """Every channel of every picture stretched over 0 to 255. images uint8 (N, C, H, W).

    floor(255 (x - least) / (most - least)) in whole numbers, where Pillow's floating point is at times 1
    lower; a channel of one value stays as it is.

    >>> autocontrast(torch.tensor([10, 15, 20], dtype=torch.uint8).view(1, 1, 1, 3)).flatten().tolist()
    [0, 127, 255]
    """
    source = pixels(images)
    least, most = source.amin((1, 2), keepdim=True).int(), source.amax((1, 2), keepdim=True).int()
    stretched = (255 * (source - least)).div((most - least).clamp(min=1), rounding_mode="floor")
    return pictures(torch.where(most > least, stretched.to(torch.uint8), source))


def equalize(images: Tensor) -> Tensor:
    """Every channel's values spread so that they are about equally frequent. images uint8 (N, C, H, W).

    x becomes floor((step // 2 + number of pixels below x) / step), step = (pixels - those of the largest
    value) // 255; a channel with step 0 stays as it is.

    >>> equalize(torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)).flatten()[100].item()
    100
    """
    source = pixels(images)
    count, _, _, channels = source.shape
    first = 256 * torch.arange(count * channels, device=images.device).view(count, 1, 1, channels)
    place = (source + first).flatten()  # where in the tables below each value's entry is
    histogram = torch.zeros(count * channels * 256, dtype=torch.int64, device=images.device)
    histogram = histogram.scatter_add_(0, place, torch.ones_like(place)).view(-1, 256)
    values = torch.arange(256, device=images.device)
    largest = torch.where(histogram > 0, values, 0).amax(1, keepdim=True)
    step = (histogram.sum(1, keepdim=True) - histogram.gather(1, largest)) // 255
    below = histogram.cumsum(1) - histogram
    table = ((step // 2 + below) // step.clamp(min=1)).clamp_(max=255)
    table = torch.where(step > 0, table, values).to(torch.uint8)
    return pictures(table.flatten().index_select(0, place).view_as(source))
