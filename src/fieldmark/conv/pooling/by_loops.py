"""Pooling by its definition: one window at a time, one element at a time, and the way back by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fieldmark.conv.pooling.windows import Windows
from fieldmark.errors import UserError

Array = NDArray[Any]
Index = tuple[int, ...]


def maximum(images: Tensor, windows: tuple[Windows, ...]) -> Tensor:
    """The largest element of every window; the first in row order where several are. NaN beats all.

    images (*leading, *size), float32 or float64 -> (*leading, *count). Raises UserError for another dtype.

    >>> from fieldmark.conv.pooling.windows import windows_of
    >>> maximum(torch.tensor([1.0, 3.0, 2.0, 0.0]), windows_of((4,), 2, 1, 0, 1, False))
    tensor([3., 3., 2.])
    """
    _check(images)
    result: Tensor = _Maximum.apply(images, windows)  # type: ignore[no-untyped-call]
    return result


def mean(images: Tensor, windows: tuple[Windows, ...], count_padding: bool) -> Tensor:
    """The mean of every window; the padding adds zeros to the sum, and to the count only where told so.

    images (*leading, *size), float32, float64, complex64 or complex128 -> (*leading, *count). Raises
    UserError for another dtype.

    >>> from fieldmark.conv.pooling.windows import windows_of
    >>> mean(torch.tensor([1.0, 3.0, 2.0]), windows_of((3,), 2, 2, ((1, 0),), 1, False), count_padding=False)
    tensor([1.0000, 2.5000])
    """
    _check(images)
    result: Tensor = _Mean.apply(images, windows, count_padding)  # type: ignore[no-untyped-call]
    return result


def every_window(shape: Index, windows: tuple[Windows, ...]) -> Iterator[tuple[Index, list[Index]]]:
    """For every number to be computed: where it stands, and which elements of the input its window holds."""
    leading = shape[: -len(windows)]
    for picture in product(*map(range, leading)):
        for position in product(*(range(axis.count) for axis in windows)):
            seen = product(*(axis.inside(i) for axis, i in zip(windows, position, strict=True)))
            yield (*picture, *position), [(*picture, *element) for element in seen]


class _Maximum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, windows: tuple[Windows, ...]) -> Tensor:
        x = _array(images)
        y = np.empty(_pooled_shape(x.shape, windows), x.dtype)
        winners = {}
        for output, elements in every_window(x.shape, windows):
            best = elements[0]
            for element in elements:
                if x[element] > x[best] or np.isnan(x[element]):
                    best = element
            y[output] = x[best]
            winners[output] = best
        ctx.winners, ctx.shape = winners, x.shape
        return torch.from_numpy(y).to(images.device)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """The whole gradient of an output goes to the element that won its window."""
        to_y = _array(gradient)
        to_x = np.zeros(ctx.shape, to_y.dtype)
        for output, best in ctx.winners.items():
            to_x[best] += to_y[output]
        return torch.from_numpy(to_x).to(gradient.device), None


class _Mean(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, windows: tuple[Windows, ...], count_padding: bool) -> Tensor:
        ctx.windows, ctx.count_padding, ctx.shape = windows, count_padding, images.shape
        x = _array(images)
        y = np.zeros(_pooled_shape(x.shape, windows), x.dtype)
        # PyTorch does not warn where numbers overflow, or are infinite to begin with.
        with np.errstate(all="ignore"):
            for output, elements in every_window(x.shape, windows):
                for element in elements:
                    y[output] += x[element]
                y[output] /= _divisor(output, elements, windows, count_padding)
        return torch.from_numpy(y).to(images.device)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """The gradient of an output is shared equally by the elements of its window."""
        to_y = _array(gradient)
        to_x = np.zeros(ctx.shape, to_y.dtype)
        with np.errstate(all="ignore"):
            for output, elements in every_window(ctx.shape, ctx.windows):
                share = to_y[output] / _divisor(output, elements, ctx.windows, ctx.count_padding)
                for element in elements:
                    to_x[element] += share
        return torch.from_numpy(to_x).to(gradient.device), None, None


def _divisor(output: Index, elements: list[Index], windows: tuple[Windows, ...], count_padding: bool) -> int:
    if not count_padding:
        return len(elements)
    position = output[-len(windows) :]
    return math.prod(len(axis.padded(i)) for axis, i in zip(windows, position, strict=True))


def _pooled_shape(shape: Index, windows: tuple[Windows, ...]) -> Index:
    return *shape[: -len(windows)], *(axis.count for axis in windows)


def _check(images: Tensor) -> None:
    if images.dtype in (torch.float16, torch.bfloat16):
        raise UserError(
            f"algorithm='reference' does not pool {str(images.dtype)[6:]}: take algorithm='torch', or "
            "float32."
        )


def _array(tensor: Tensor) -> Array:
    return tensor.detach().resolve_conj().resolve_neg().cpu().numpy()
