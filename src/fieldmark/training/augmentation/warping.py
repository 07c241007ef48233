"""Affine moves of pictures at the nearest pixel, to the bit as Pillow's Image.transform and Image.rotate."""

from __future__ import annotations

import torch
from torch import Tensor

from fieldmark.training.augmentation.layout import per_picture, pictures, pixels

ONE = 2**16  # Pillow's fixed point: 16 bits before, 16 bits after


def affine(images: Tensor, matrices: Tensor) -> Tensor:
    """The pixel at (x, y) becomes the one at (a x + b y + c, d x + e y + f); black where there is none.

    images uint8 (N, C, H, W); matrices float64 (N, 6): a to f for each picture; x and y are measured from the
    picture's corner to the pixel's middle. Whole-number arithmetic, so that every device gives the same bits.

    >>> row = torch.tensor([1, 2, 3], dtype=torch.uint8).view(1, 1, 1, 3)
    >>> affine(row, torch.tensor([[1.0, 0, 1, 0, 1, 0]])).flatten().tolist()
    [2, 3, 0]
    """
    source = pixels(images)
    count, height, width, channels = source.shape
    a, b, c, d, e, f = per_picture(images, _fixed_point(matrices), "matrices", 6)[:, :, None, None].unbind(1)
    x = torch.arange(width, device=images.device)
    y = torch.arange(height, device=images.device)[:, None]
    column = (a * x + b * y + c) >> 16  # (N, H, W)
    row = (d * x + e * y + f) >> 16
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    first = torch.arange(count, device=images.device)[:, None, None] * height
    place = ((first + row) * width + column).masked_fill_(~inside, 0)
    moved = source.view(-1, channels).index_select(0, place.flatten()).view_as(source)
    return pictures(moved * inside[..., None])


def _fixed_point(matrices: Tensor) -> Tensor:
    """int64 (N, 6) in units of 1 / ONE; c and f are for the middle of the first pixel."""
    middle = matrices.double().clone()
    middle[:, [2, 5]] += 0.5 * (middle[:, [0, 3]] + middle[:, [1, 4]])
    return (middle * ONE + 0.5).floor().long()


def rotations(degrees: Tensor, height: int, width: int) -> Tensor:
    """Matrices for `affine`, float64 (N, 6), that turn pictures counter-clockwise about their middle.

    >>> rotations(torch.tensor([90]), 2, 2).tolist()
    [[0.0, -1.0, 2.0, 1.0, 0.0, 0.0]]
    """
    radians = torch.deg2rad(degrees.double())
    cosine, sine = radians.cos().round(decimals=15), radians.sin().round(decimals=15)
    right = width / 2 - cosine * (width / 2) + sine * (height / 2)
    down = height / 2 - sine * (width / 2) - cosine * (height / 2)
    return torch.stack([cosine, -sine, right, sine, cosine, down], dim=1)
