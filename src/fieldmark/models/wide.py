"""The baseline with twice the channels (Deep Learning with PyTorch, ch. 8): 38,386 parameters."""

from __future__ import annotations

from fieldmark.models.baseline import Baseline


def wide(num_classes: int, in_channels: int, image_size: tuple[int, int], width: int = 32) -> Baseline:
    """The baseline with conv 3-32 and 32-16; everything else is the same."""
    return Baseline(num_classes, in_channels, image_size, width=width)
