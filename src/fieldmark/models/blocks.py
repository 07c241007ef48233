"""Blocks that several of the textbook networks share."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from fieldmark.errors import UserError


def convolution(
    in_channels: int, out_channels: int, kernel_size: int | tuple[int, int], stride: int = 1
) -> nn.Conv2d:
    """A convolution with bias whose padding keeps the size at stride 1 ("same", odd kernels).

    Raises UserError for an even kernel, and for no channels (a width so small that its half is 0).

    >>> convolution(3, 16, 5).padding
    (2, 2)
    """
    rows, columns = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
    if rows % 2 == 0 or columns % 2 == 0:
        raise UserError(f"kernel_size {rows}x{columns} is even; padding on both sides alike needs odd sides.")
    if min(rows, columns) < 1:
        raise UserError(f"kernel_size {rows}x{columns} is too small; at least 1.")
    if min(in_channels, out_channels) < 1:
        raise UserError(f"a convolution from {in_channels} to {out_channels} channels: take a larger width.")
    return nn.Conv2d(in_channels, out_channels, (rows, columns), stride, (rows // 2, columns // 2))


def stage(**layers: nn.Module) -> nn.Sequential:
    """A named run of layers, in the order given.

    >>> list(stage(convolution=nn.Conv2d(1, 2, 3), activation=nn.ReLU()).named_children())[1][0]
    'activation'
    """
    return nn.Sequential(OrderedDict(layers))


def stages(**parts: nn.Module) -> nn.Sequential:
    """The `features` of a network: stages by name, in the order given."""
    return nn.Sequential(OrderedDict(parts))


def pooled_size(image_size: tuple[int, int], halvings: int) -> tuple[int, int]:
    """(height, width) after `halvings` non-overlapping 2x2 pools, which round down.

    >>> pooled_size((28, 31), 2)
    (7, 7)
    """
    height, width = image_size
    return height // 2**halvings, width // 2**halvings


def window_size(
    image_size: tuple[int, int], kernel_size: int, stride: int, padding: int = 0
) -> tuple[int, int]:
    """(height, width) after a square window of a convolution or pool, rounded down; at least 1.

    Where nothing would be left, the 1 lets the network be made; the layer itself refuses the picture.

    >>> window_size((224, 227), 11, 4, padding=2), window_size((2, 9), 3, 2)
    ((55, 56), (1, 4))
    """
    height, width = (max((side + 2 * padding - kernel_size) // stride + 1, 1) for side in image_size)
    return height, width


def check_positive(network: str, **counts: int) -> None:
    """Nothing where all are at least 1, else UserError naming the option. network: what it is called.

    >>> check_positive("vgg", width=8, hidden=0)
    Traceback (most recent call last):
    fieldmark.errors.UserError: vgg: hidden=0 is too small; at least 1.
    """
    for name, count in counts.items():
        if count < 1:
            raise UserError(f"{network}: {name}={count} is too small; at least 1.")
