"""Pictures with their channels last, and back: what is fast to transform, and what PyTorch has."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor


def load(x: Tensor, room: Tensor, before: Sequence[int]) -> Tensor:
    """x (n, C, *size) copied into `room` (n or more, *larger size, C), `before` from the start of each axis.

    -> the n pictures of the room; what lies around x stays as it was.

    >>> import torch
    >>> load(torch.ones(1, 2, 3), torch.zeros(4, 5, 2), [1])[0, :, 0]
    tensor([0., 1., 1., 1., 0.])
    """
    pixels = x.movedim(1, -1)
    if not pixels.is_contiguous():
        # PyTorch transposes a matrix 2 to 6 times faster than it permutes the axes of a batch.
        pixels = x.new_empty(pixels.shape)
        for picture, target in zip(x, pixels, strict=True):
            target.flatten(0, -2).copy_(picture.flatten(1).t())
    inside = [slice(start, start + n) for start, n in zip(before, x.shape[2:], strict=True)]
    room = room[: len(x)]
    room[(slice(None), *inside)] = pixels
    return room


def empty_like(x: Tensor, channels: int, size: Sequence[int]) -> Tensor:
    """Memory for (N, channels, *size), with the channels last if those of x (N, C, *other size) are.

    >>> import torch
    >>> empty_like(torch.ones(2, 5, 7, 3).movedim(-1, 1), 4, (6, 8)).stride()
    (192, 1, 32, 4)
    """
    if x.movedim(1, -1).is_contiguous() and not x.is_contiguous():
        return x.new_empty(len(x), *size, channels).movedim(-1, 1)
    return x.new_empty(len(x), channels, *size)


def store(pixels: Tensor, y: Tensor) -> None:
    """pixels (n, *size, C), cropped at the end of each axis, copied into y (n, C, *smaller size).

    >>> import torch
    >>> y = torch.empty(1, 2, 3)
    >>> store(torch.arange(8.0).view(1, 4, 2), y)
    >>> y
    tensor([[[0., 2., 4.],
             [1., 3., 5.]]])
    """
    pixels = pixels[(slice(None), *(slice(n) for n in y.shape[2:]))]
    if not y.is_contiguous():
        y.movedim(1, -1).copy_(pixels)
        return
    for picture, target in zip(pixels, y, strict=True):
        target.flatten(1).copy_(picture.reshape(-1, len(target)).t())
