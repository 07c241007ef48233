"""Brightness, contrast, saturation and sharpness, to the bit as Pillow's ImageEnhance computes them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from fieldmark.training.augmentation import checks, draws
from fieldmark.training.augmentation.layout import per_picture, pictures, pixels
from fieldmark.training.augmentation.steps import Context, Step


def brightness(images: Tensor, factors: Tensor) -> Tensor:
    """Pictures blended with black: 0 is black, 1 changes nothing, 2 is twice as bright.

    images uint8 (N, C, H, W), factors float (N,).

    >>> brightness(torch.full((1, 1, 1, 1), 100, dtype=torch.uint8), torch.tensor([1.5])).item()
    150
    """
    source = pixels(images)
    return _blend(source, source.new_zeros(1), per_picture(images, factors, "factors"))


def contrast(images: Tensor, factors: Tensor) -> Tensor:
    """Pictures blended with the grey of their mean luma: 0 is that grey, 1 no change, 2 twice the contrast.

    images uint8 (N, C, H, W), factors float (N,).

    >>> pair = torch.tensor([100, 120], dtype=torch.uint8).view(1, 1, 1, 2)
    >>> contrast(pair, torch.tensor([2.0])).flatten().tolist()
    [90, 130]
    """
    source = pixels(images)
    grey = luma(source)
    count = grey.shape[1] * grey.shape[2]
    total = grey.sum((1, 2, 3), dtype=torch.int64)
    mean = (2 * total + count).div(2 * count, rounding_mode="floor")  # rounded, a half upwards
    return _blend(source, mean[:, None, None, None], per_picture(images, factors, "factors"))


def saturation(images: Tensor, factors: Tensor) -> Tensor:
    """Pictures blended with their luma: 0 is grey, 1 changes nothing, 2 is twice the colour.

    images uint8 (N, C, H, W), factors float (N,). Grey pictures (C = 1) come back as they are.

    >>> red = torch.tensor([255, 0, 0], dtype=torch.uint8).view(1, 3, 1, 1)
    >>> saturation(red, torch.tensor([0.0])).flatten().tolist()
    [76, 76, 76]
    """
    source, factors = pixels(images), per_picture(images, factors, "factors")
    if source.shape[3] == 1:
        return pictures(source)
    return _blend(source, luma(source), factors)


def sharpness(images: Tensor, factors: Tensor) -> Tensor:
    """Pictures blended with a smooth copy: 0 is smooth, 1 changes nothing, 2 is sharpened.

    images uint8 (N, C, H, W), factors float (N,). Smooth: each pixel the mean of its 3x3 neighbourhood,
    itself counted five times; pixels at the border stay.

    >>> dot = torch.zeros(1, 1, 3, 3, dtype=torch.uint8)
    >>> dot[..., 1, 1] = 130
    >>> sharpness(dot, torch.tensor([0.0]))[0, 0, 1].tolist()
    [0, 50, 0]
    """
    source, factors = pixels(images), per_picture(images, factors, "factors")
    smooth = source.clone()
    if min(source.shape[1:3]) >= 3:
        whole = source.to(torch.int16)
        lines = whole[:, :-2] + whole[:, 1:-1] + whole[:, 2:]
        squares = lines[:, :, :-2] + lines[:, :, 1:-1] + lines[:, :, 2:]
        weighted = squares + 4 * whole[:, 1:-1, 1:-1]
        smooth[:, 1:-1, 1:-1] = (
            (2 * weighted + 13).div(26, rounding_mode="floor").to(torch.uint8)
        )  # weighted / 13
    return _blend(source, smooth, factors)


def luma(pixels: Tensor) -> Tensor:
    """ITU-R 601-2 luma of (N, H, W, C) uint8: float32 (N, H, W, 1), whole numbers, as Pillow's "L".

    (19595 R + 38470 G + 7471 B + 2^15) / 2^16, rounded down; one channel is its own luma.

    >>> luma(torch.tensor([255, 0, 0], dtype=torch.uint8).view(1, 1, 1, 3)).item()
    76.0
    """
    floats = pixels.float()
    if pixels.shape[3] == 1:
        return floats
    # All terms and sums are whole numbers below 2^24, so that float32 holds them exactly.
    red, green, blue = (floats[..., channel, None] for channel in range(3))
    return ((red * 19595 + green * 38470 + blue * 7471 + 32768) / 65536).floor_()


def _blend(source: Tensor, other: Tensor, factors: Tensor) -> Tensor:
    """other + factor (source - other), clipped and rounded down as Pillow does, each operation in float32."""
    result = source.float().sub_(other).mul_(factors.float()[:, None, None, None]).add_(other)
    return pictures(result.clamp_(0, 255).to(torch.uint8))


@dataclass(frozen=True)
class Brightness(Step):
    """Brightness times a factor from 1 - strength to 1 + strength."""

    strength: float = 0.4

    def __post_init__(self) -> None:
        checks.within(self, "strength", 0, 1)

    def __call__(self, images: Tensor, generator: Generator, context: Context) -> Tensor:
        return brightness(images, _factors(len(images), self.strength, generator))


@dataclass(frozen=True)
class Contrast(Step):
    """Contrast times a factor from 1 - strength to 1 + strength."""

    strength: float = 0.4

    def __post_init__(self) -> None:
        checks.within(self, "strength", 0, 1)

    def __call__(self, images: Tensor, generator: Generator, context: Context) -> Tensor:
        return contrast(images, _factors(len(images), self.strength, generator))


@dataclass(frozen=True)
class Saturation(Step):
    """Saturation times a factor from 1 - strength to 1 + strength; grey pictures stay as they are."""

    strength: float = 0.4

    def __post_init__(self) -> None:
        checks.within(self, "strength", 0, 1)

    def __call__(self, images: Tensor, generator: Generator, context: Context) -> Tensor:
        return saturation(images, _factors(len(images), self.strength, generator))


def _factors(count: int, strength: float, generator: Generator) -> Tensor:
    return draws.uniform(count, 1 - strength, 1 + strength, generator)
