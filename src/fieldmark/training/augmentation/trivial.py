"""TrivialAugment (Mueller and Hutter 2021): one operation per picture, drawn with its strength.

The wide space of the paper, operation by operation as in the authors' code, which calls Pillow: strengths are
31 levels; what is moved is sampled at the nearest pixel, and black comes in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from fieldmark.training.augmentation import draws
from fieldmark.training.augmentation.colour import brightness, contrast, saturation, sharpness
from fieldmark.training.augmentation.layout import per_picture, pictures, pixels
from fieldmark.training.augmentation.steps import Context, Step
from fieldmark.training.augmentation.tones import autocontrast, equalize, posterize, solarize
from fieldmark.training.augmentation.warping import affine, rotations

STRONGEST = 30


def trivial(images: Tensor, operations: Tensor, levels: Tensor, signs: Tensor) -> Tensor:
    """Every picture changed by its own operation.

    images uint8 (N, C, H, W); operations int64 (N,), positions in OPERATIONS; levels int64 (N,), 0 to 30;
    signs int64 (N,), 1 or -1: which way to move (rotation, shear, translation). Grey pictures have no
    saturation.

    >>> white = torch.full((1, 1, 1, 1), 255, dtype=torch.uint8)
    >>> place = list(OPERATIONS).index("posterize")
    >>> trivial(white, torch.tensor([place]), torch.tensor([30]), torch.tensor([1])).item()
    192
    """
    result = pixels(images).clone()
    for values, name in ((operations, "operations"), (levels, "levels"), (signs, "signs")):
        per_picture(images, values, name)
    for place, operation in enumerate(OPERATIONS.values()):
        rows = (operations == place).nonzero().squeeze(1)
        if operation is not None and len(rows):
            there = rows.to(images.device)
            some = pictures(pixels(images).index_select(0, there))
            result.index_copy_(0, there, pixels(operation(some, levels[rows], signs[rows])))
    return pictures(result)


def _rotate(images: Tensor, levels: Tensor, signs: Tensor) -> Tensor:
    return affine(images, rotations(signs * (levels * 135 // STRONGEST), images.shape[2], images.shape[3]))


def _move(entry: int, strength: float, whole: bool = False) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Shear or translate: the identity, with the strength put in at one entry of its matrix."""

    def move(images: Tensor, levels: Tensor, signs: Tensor) -> Tensor:
        amounts = levels.double() * strength / STRONGEST
        matrices = torch.tensor([1, 0, 0, 0, 1, 0], dtype=torch.float64).repeat(len(levels), 1)
        matrices[:, entry] = signs * (amounts.floor() if whole else amounts)
        return affine(images, matrices)

    return move


def _enhance(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """A factor from 0.01 to 2."""
    return lambda images, levels, signs: function(images, (levels.double() * 1.99 / STRONGEST + 0.01).float())


def _posterize(images: Tensor, levels: Tensor, signs: Tensor) -> Tensor:
    return posterize(images, 8 - levels * 6 // STRONGEST)


def _solarize(images: Tensor, levels: Tensor, signs: Tensor) -> Tensor:
    return solarize(images, 256 - levels * 256 // STRONGEST)


OPERATIONS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor] | None] = {
    "identity": None,
    "autocontrast": lambda images, levels, signs: autocontrast(images),
    "equalize": lambda images, levels, signs: equalize(images),
    "rotate": _rotate,
    "solarize": _solarize,
    "saturation": _enhance(saturation),
    "posterize": _posterize,
    "contrast": _enhance(contrast),
    "brightness": _enhance(brightness),
    "sharpness": _enhance(sharpness),
    "shear_x": _move(1, 0.99),
    "shear_y": _move(3, 0.99),
    "translate_x": _move(2, 32, whole=True),
    "translate_y": _move(5, 32, whole=True),
}
"""What `trivial` chooses from: name to function of (images, levels, signs), or None for no change."""


@dataclass(frozen=True)
class Trivial(Step):
    """One of 14 operations on a picture, drawn with its strength: TrivialAugment, wide."""

    def __call__(self, images: Tensor, generator: Generator, context: Context) -> Tensor:
        count = len(images)
        operations = draws.whole(count, 0, len(OPERATIONS) - 1, generator)
        levels = draws.whole(count, 0, STRONGEST, generator)
        signs = 2 * draws.whole(count, 0, 1, generator) - 1
        return trivial(images, operations, levels, signs)
