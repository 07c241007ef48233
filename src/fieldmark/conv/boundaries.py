"""What lies outside of the picture: zeros, its reflection, its edge, or the picture again."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from fieldmark.conv.arrays import LARGE, empty
from fieldmark.conv.geometry import Pair, spell
from fieldmark.errors import UserError
from fieldmark.families import unknown

BOUNDARIES = ("zeros", "reflect", "replicate", "circular")


def extend(x: Tensor, padding: Sequence[Pair], boundary: str) -> Tensor:
    """x (..., *spatial) with its last axes made longer by `padding`, (before, after) per axis.

    zeros; reflect: 3 2 | 1 2 3 | 2 1 (the edge is not repeated); replicate: 1 1 | 1 2 3 | 3 3; circular:
    2 3 | 1 2 3 | 1 2. Reflections and repetitions go on as far as needed. Raises UserError for another name,
    and for an empty axis, which has nothing to repeat.

    >>> extend(torch.tensor([1, 2, 3]), [(2, 2)], "reflect").tolist()
    [3, 2, 1, 2, 3, 2, 1]
    """
    if not any(before or after for before, after in padding):
        return x
    if boundary == "zeros":
        if x.numel() * x.dtype.itemsize < LARGE or (x.requires_grad and torch.is_grad_enabled()):
            return F.pad(x, [pad for pair in reversed(padding) for pad in pair])
        return _framed(x, padding)
    for axis, (before, after) in zip(range(-len(padding), 0), padding, strict=True):
        if before or after:
            if not x.shape[axis]:
                raise UserError(
                    f"an input of {spell(x.shape)} has nothing to {boundary}; use boundary='zeros'."
                )
            x = x.index_select(axis % x.ndim, _index(x.shape[axis], before, after, boundary).to(x.device))
    return x


def _framed(x: Tensor, padding: Sequence[Pair]) -> Tensor:
    """x with zeros around it: only the frame is filled with them."""
    lead = x.ndim - len(padding)
    around = [(0, 0)] * lead + list(padding)
    framed = empty([n + before + after for n, (before, after) in zip(x.shape, around, strict=True)], x)
    inside: list[slice] = [slice(None)] * lead
    for axis, (before, after) in enumerate(padding, start=lead):
        end = before + x.shape[axis]
        framed[(*inside, slice(0, before))].zero_()
        framed[(*inside, slice(end, end + after))].zero_()
        inside.append(slice(before, end))
    framed[tuple(inside)] = x
    return framed


def _index(length: int, before: int, after: int, boundary: str) -> Tensor:
    position = torch.arange(-before, length + after)
    if boundary == "circular":
        return position % length
    if boundary == "replicate":
        return position.clamp(0, length - 1)
    if boundary != "reflect":
        raise UserError(unknown(boundary, BOUNDARIES, "boundary"))
    period = max(2 * length - 2, 1)
    folded = position % period
    return torch.minimum(folded, period - folded) if length > 1 else torch.zeros_like(position)
