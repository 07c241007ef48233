"""Mean and standard deviation of the training pixels, and the step from uint8 to the network's numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

CHUNK = 2048  # pictures at a time: the squares of more would not stay in the processor's cache


def statistics(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and population standard deviation per channel, on the 0-1 scale.

    Sums of whole numbers, so the order of the pictures does not matter. A channel that is the same everywhere
    gets standard deviation 1/255, one grey level, because nothing can be divided by 0.

    Args:
        images: uint8 (N, C, H, W), N at least 1.

    Returns:
        C means and C standard deviations.

    >>> statistics(torch.tensor([0, 255], dtype=torch.uint8).reshape(2, 1, 1, 1))
    ((0.5,), (0.5,))
    """
    assert images.dtype == torch.uint8, images.dtype
    assert len(images) > 0
    channels = images.shape[1]
    total, squares = torch.zeros(channels, dtype=torch.int64), torch.zeros(channels, dtype=torch.int64)
    for start in range(0, len(images), CHUNK):
        chunk = images[start : start + CHUNK].permute(0, 2, 3, 1)  # NHWC, as stored
        pixels = chunk.reshape(-1, channels).to(torch.int32)
        total += pixels.sum(0)
        squares += pixels.square().sum(0)
    count = images.numel() // channels
    mean, std = [], []
    for s, q in zip(total.tolist(), squares.tolist(), strict=True):
        mean.append(s / count / 255)
        std.append(max(math.sqrt(count * q - s * s) / count, 1.0) / 255)
    return tuple(mean), tuple(std)


def normalise(
    images: Tensor, mean: Sequence[float], std: Sequence[float], dtype: torch.dtype = torch.float32
) -> Tensor:
    """Bring pixels to (x / 255 - mean) / std per channel, computed in float32; the memory format stays.

    Args:
        images: uint8 (N, C, H, W) on any device.
        mean: C numbers on the 0-1 scale.
        std: C numbers on the 0-1 scale.
        dtype: of the result.

    Returns:
        (N, C, H, W) of `dtype`.

    >>> round(normalise(torch.full((1, 1, 1, 1), 255, dtype=torch.uint8), [0.5], [0.25]).item(), 6)
    2.0
    """
    shift = torch.tensor([-m / s for m, s in zip(mean, std, strict=True)], device=images.device)
    scale = torch.tensor([1 / (255 * s) for s in std], device=images.device)
    shape = (1, -1, 1, 1)
    return torch.addcmul(shift.view(shape), images.to(torch.float32), scale.view(shape)).to(dtype)
