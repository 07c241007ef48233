"""The convolution in front of a batch norm, which takes its mean away and with it any bias."""

from __future__ import annotations

from torch import nn


def convolution(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> nn.Conv2d:
    """A square convolution without bias whose padding keeps the size at stride 1 (odd kernels).

    >>> convolution(3, 16, 7, stride=2)
    Conv2d(3, 16, kernel_size=(7, 7), stride=(2, 2), padding=(3, 3), bias=False)
    """
    assert kernel_size % 2 == 1, kernel_size
    return nn.Conv2d(in_channels, out_channels, kernel_size, stride, kernel_size // 2, bias=False)
