"""How the numbers that a kernel gives become grey levels, and how that is said."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

MIDDLE = 128
ROUNDING = 1e-9  # of the largest value possible; below it a result is 0 and its rounding errors


@dataclass(frozen=True)
class Levels:
    """Values as grey levels: zero + value / per_level, rounded to whole numbers and cut off at 0 and 255.

    Attributes:
        pixels: The levels, uint8, of the values' shape.
        zero: The level of the value 0.
        per_level: By how much a value grows from one level to the next.
        clipped: The share of the values that was cut off, 0 to 1.
    """

    pixels: Tensor
    zero: int
    per_level: float
    clipped: float

    def __str__(self) -> str:
        """How the values were made grey levels.

        >>> str(Levels(torch.zeros(0), zero=128, per_level=8.0315, clipped=0.0))
        'shown as 128 + value / 8.031'
        """
        if self.zero:
            return f"shown as {self.zero} + value / {self.per_level:.4g}"
        how = "shown as they are" if self.per_level == 1 else f"shown as value / {self.per_level:.4g}"
        return f"{how}, {_share(self.clipped)} of them cut off at 0 and 255" if self.clipped else how


def to_levels(values: Tensor, total: float, negative: bool, largest: float) -> Levels:
    """Filtered pixels as grey levels, by what the kernel is, not by what came out.

    A kernel without negative taps keeps the scale, divided by its total where that is above 1. One that sums
    to 1 in spite of negative taps (sharpen) keeps it too, cut off at 0 and 255. All others are shown around
    grey: 0 as 128, and the value farthest from 0 as 1 or 255.

    Args:
        values: Pixels from 0 to 255 after a kernel, float.
        total: The sum of the kernel's taps.
        negative: Whether any tap is negative.
        largest: The sum of the taps' absolute values.

    Returns:
        The levels, and how they were made.

    >>> levels = to_levels(torch.tensor([-40.0, 0.0, 10.0]), total=0, negative=True, largest=8)
    >>> levels.pixels.tolist(), str(levels)
    ([1, 128, 160], 'shown as 128 + value / 0.315')
    """
    if not negative:
        return _levels(values, 0, total if total > 1 + ROUNDING else 1.0)
    if abs(total - 1) <= ROUNDING * largest:
        return _levels(values, 0, 1.0)
    farthest = float(values.abs().max()) if values.numel() else 0.0
    if farthest <= 255 * largest * ROUNDING:
        return _levels(torch.zeros_like(values), MIDDLE, 1.0)
    return _levels(values, MIDDLE, farthest / (255 - MIDDLE))


def _levels(values: Tensor, zero: int, per_level: float) -> Levels:
    levels = (values / per_level + zero).round()
    clipped = float(((levels < 0) | (levels > 255)).double().mean()) if levels.numel() else 0.0
    return Levels(levels.clamp(0, 255).to(torch.uint8), zero, per_level, clipped)


def _share(share: float) -> str:
    return "less than 0.1 %" if share < 0.001 else f"{100 * share:.1f} %"
