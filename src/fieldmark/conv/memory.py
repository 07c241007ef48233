"""Memory for large results, in large pages."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

LARGE = 2**22
"""Bytes from which numpy asks the system for large pages."""

_NUMPY = {
    torch.float32: np.float32,
    torch.float64: np.float64,
    torch.complex64: np.complex64,
    torch.complex128: np.complex128,
}


def empty(shape: Sequence[int], like: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """An uninitialised tensor of `shape`, on the device of `like`, and of its dtype unless another is told.

    On a processor a large one comes from numpy, which asks Linux for pages of 2 MiB where PyTorch takes
    4 KiB: to fill 128 MiB for the first time then takes 7 ms and not 40.

    >>> empty((2, 3), torch.ones(1)).shape
    torch.Size([2, 3])
    """
    dtype = dtype or like.dtype
    if like.device.type == "cpu" and dtype in _NUMPY and math.prod(shape) * dtype.itemsize >= LARGE:
        return torch.from_numpy(np.empty(tuple(shape), _NUMPY[dtype]))
    return torch.empty(tuple(shape), dtype=dtype, device=like.device)
