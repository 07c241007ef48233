"""A random part of every picture, brought to the size that the network receives."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from fieldmark.errors import UserError
from fieldmark.training.augmentation import checks, draws
from fieldmark.training.augmentation.layout import per_picture, pictures, pixels
from fieldmark.training.augmentation.steps import Context, Step


def zoom(images: Tensor, boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """What is inside a box of every picture, resized to `size` (height, width).

    images uint8 (N, C, H, W); boxes int64 (N, 4): top, left, height, width. Returns uint8 (N, C, h, w). As
    cutting the box out and stretching it with `data.pixels.resizing`, antialiased, to one level: two float32
    products with the same triangle filter, one rounding at the end (there, weights are rounded to 2^-16).
    Raises UserError for a box that is empty or not wholly inside.

    >>> row = torch.tensor([9, 10, 20, 9], dtype=torch.uint8).view(1, 1, 1, 4)
    >>> zoom(row, torch.tensor([[0, 1, 1, 2]]), (1, 1)).flatten().tolist()
    [15]
    """
    source = pixels(images)
    count, rows, columns, channels = source.shape
    height, width = size
    top, left, tall, wide = per_picture(images, boxes, "boxes", 4).unbind(1)
    _check_inside(boxes, rows, columns)
    down = box_weights(top, tall, rows, height)  # (N, h, H)
    across = box_weights(left, wide, columns, width)  # (N, w, W)
    squeezed = down @ source.view(count, rows, columns * channels).float()  # (N, h, W * C)
    lines = squeezed.view(count, height, columns, channels).transpose(2, 3)
    lines = lines.reshape(count, height * channels, columns)
    result = (lines @ across.transpose(1, 2)).add_(0.5).to(torch.uint8)  # (N, h * C, w)
    return pictures(result.view(count, height, channels, width).transpose(2, 3))


def _check_inside(boxes: Tensor, rows: int, columns: int) -> None:
    limit = torch.tensor([rows, columns], device=boxes.device)
    start, length = boxes[:, :2], boxes[:, 2:]
    outside = ((start < 0) | (length < 1) | (start + length > limit)).any(1)
    if outside.any():
        raise UserError(f"the box {boxes[outside][0].tolist()} is not inside pictures of {rows}x{columns}.")


def box_weights(start: Tensor, length: Tensor, source: int, target: int) -> Tensor:
    """float32 (N, target, source): weights of the pixels start, ..., start + length - 1 in each output pixel.

    start, length int64 (N,). The triangle filter: weight 1 - |x_j - c_i| / s, not below 0, over the sum of
    all, x_j = j + 1/2, c_i = start + (i + 1/2) length / target, s = max(length / target, 1).

    >>> box_weights(torch.tensor([1]), torch.tensor([2]), 4, 1)
    tensor([[[0.0000, 0.5000, 0.5000, 0.0000]]])
    """
    places = torch.arange(source, device=start.device)
    steps = torch.arange(target, device=start.device) + 0.5
    scale = (length / target)[:, None, None]
    centres = start[:, None, None] + steps[:, None] * scale  # (N, target, 1)
    weights = (1 - (places + 0.5 - centres).abs() / scale.clamp(min=1)).clamp_(min=0)  # (N, target, source)
    inside = (places >= start[:, None]) & (places < (start + length)[:, None])
    weights = weights * inside[:, None, :]
    return weights / weights.sum(2, keepdim=True)


@dataclass(frozen=True)
class Zoom(Step):
    """A random part of a picture at the network's size (Szegedy 2015's crops, "random resized crop").

    area: range of the part's share of the picture; aspect: range of its width / height.
    """

    area: tuple[float, float] = (0.35, 1.0)
    aspect: tuple[float, float] = (3 / 4, 4 / 3)

    def __post_init__(self) -> None:
        checks.span(self, "area", 1)
        checks.span(self, "aspect")

    @property
    def margin(self) -> float:
        return 1.25

    def __call__(self, images: Tensor, generator: Generator, context: Context) -> Tensor:
        size = (images.shape[2], images.shape[3])
        return zoom(images, draws.boxes(len(images), size, self.area, self.aspect, generator), context.size)
