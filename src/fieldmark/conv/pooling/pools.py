"""Pooling: one number for every window of a signal, a picture or a volume, its largest or its mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from fieldmark.conv.arrays import give_back, tensor_of
from fieldmark.conv.geometry import Padding, refuse_colours_last, spell
from fieldmark.conv.pooling.windows import Windows, windows_of
from fieldmark.conv.signatures import signed
from fieldmark.errors import UserError
from fieldmark.families import resolve

MAX_ALGORITHMS = {
    "reference": "fieldmark.conv.pooling.by_loops:maximum",
    "torch": "fieldmark.conv.pooling.by_torch:maximum",
}
"""Name to "module:function", taking (images, windows)."""

MEAN_ALGORITHMS = {
    "reference": "fieldmark.conv.pooling.by_loops:mean",
    "torch": "fieldmark.conv.pooling.by_torch:mean",
}
"""Name to "module:function", taking (images, windows, count_padding)."""

_FORMS = {1: "(..., length)", 2: "(..., height, width)", 3: "(..., depth, height, width)"}
_DTYPES = (
    torch.float16,
    torch.bfloat16,
    torch.float32,
    torch.float64,
    torch.complex64,
    torch.complex128,
)


def max_pool2d(
    images: ArrayLike | Tensor,
    kernel: int | Sequence[int],
    *,
    stride: int | Sequence[int] | None = None,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    algorithm: str = "torch",
) -> Any:
    """The largest element of every window of pictures.

        y[i, j] = max over k, l of x[i*stride + k*dilation - before, j*stride + l*dilation - before]

    Both algorithms are differentiable: an output hands its gradient to the element that won, the first in row
    order where several are equal. NaN wins.

    Args:
        images: A picture (..., H, W) or any batch of them, each pooled by itself. float32 or float64; by
            `torch` also float16 and bfloat16. Integers are computed as float64.
        kernel: The size of a window: a number, or (height, width).
        stride: How far a window moves on; None for the kernel's own size, so that windows do not overlap.
        padding: How much is laid around: a number, one per axis, (before, after) per axis, or `same`
            (stride 1 keeps the size), `valid` or `full`. Minus infinity stands there, so that it never wins.
        dilation: How far apart the elements of a window lie.
        ceil_mode: Whether a last window that does not fit is pooled too, over what it holds, if it starts
            inside the input or the padding before it.
        algorithm: `torch`, or `reference`, which is the definition by loops.

    Returns:
        The maxima (..., H_out, W_out): a tensor for a tensor, else a numpy array.

    Raises:
        UserError: (a ValueError) The shapes do not fit, or a window would see nothing but padding.

    >>> max_pool2d([[0, 1, 2], [3, 4, 5], [6, 7, 8]], 2, stride=1)
    array([[4., 5.],
           [7., 8.]])
    """
    return _max_pool(2, images, kernel, stride, padding, dilation, ceil_mode, algorithm)


@signed(max_pool2d)
def max_pool1d(signals: ArrayLike | Tensor, kernel: int | Sequence[int], **settings: Any) -> Any:
    """The largest element of every window of signals (..., L).

    A padding of two bare numbers is (before, after). Arguments, results and errors are else those of
    `max_pool2d`.

    >>> max_pool1d([1, 3, 2, 4, 5, 6, 1, 3], 2)
    array([3., 4., 6., 3.])
    """
    return _max_pool(1, signals, kernel, **settings)


@signed(max_pool2d)
def max_pool3d(volumes: ArrayLike | Tensor, kernel: int | Sequence[int], **settings: Any) -> Any:
    """The largest element of every window of volumes (..., D, H, W).

    Arguments, results and errors are those of `max_pool2d`.

    >>> import numpy as np
    >>> max_pool3d(np.arange(27.0).reshape(3, 3, 3), 2)
    array([[[13.]]])
    """
    return _max_pool(3, volumes, kernel, **settings)


def mean_pool2d(
    images: ArrayLike | Tensor,
    kernel: int | Sequence[int],
    *,
    stride: int | Sequence[int] | None = None,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    count_padding: bool = False,
    algorithm: str = "torch",
) -> Any:
    """The mean of every window of pictures.

        y[i, j] = 1/n * sum over k, l of x[i*stride + k*dilation - before, j*stride + l*dilation - before]

    Zeros stand in the padding, and do not count: n is the number of elements of the input in the window, so
    that an even grey stays as grey at the rim. What ceil_mode lets stand out of the padding never counts.
    Both algorithms are differentiable: an output shares its gradient equally among the elements of its
    window. float32 and float64 stay within gamma = n*eps/(1 - n*eps) times the mean of the absolute values.

    Args:
        images: As in `max_pool2d`; complex64 and complex128 too.
        kernel: As in `max_pool2d`, like the next four.
        stride: None for the kernel's own size.
        padding: How much is laid around.
        dilation: How far apart the elements of a window lie.
        ceil_mode: Whether a last window that does not fit is pooled too.
        count_padding: Whether the zeros of the padding count; the map then is the correlation with a kernel
            filled with 1/n.
        algorithm: `torch`, or `reference`, which is the definition by loops.

    Returns:
        The means (..., H_out, W_out): a tensor for a tensor, else a numpy array.

    Raises:
        UserError: (a ValueError) As `max_pool2d`.

    >>> mean_pool2d([[0, 1, 2], [3, 4, 5], [6, 7, 8]], 2, stride=1)
    array([[2., 3.],
           [5., 6.]])
    """
    return _mean_pool(2, images, kernel, stride, padding, dilation, ceil_mode, count_padding, algorithm)


@signed(mean_pool2d)
def mean_pool1d(signals: ArrayLike | Tensor, kernel: int | Sequence[int], **settings: Any) -> Any:
    """The mean of every window of signals (..., L).

    A padding of two bare numbers is (before, after). Arguments, results and errors are else those of
    `mean_pool2d`.

    >>> mean_pool1d([1, 3, 2, 4, 6], 2, ceil_mode=True)
    array([2., 3., 6.])
    """
    return _mean_pool(1, signals, kernel, **settings)


@signed(mean_pool2d)
def mean_pool3d(volumes: ArrayLike | Tensor, kernel: int | Sequence[int], **settings: Any) -> Any:
    """The mean of every window of volumes (..., D, H, W).

    Arguments, results and errors are those of `mean_pool2d`.

    >>> import numpy as np
    >>> mean_pool3d(np.arange(27.0).reshape(3, 3, 3), 3)
    array([[[13.]]])
    """
    return _mean_pool(3, volumes, kernel, **settings)


def images_of(x: ArrayLike | Tensor, axes: int) -> Tensor:
    """`x` as a tensor (*leading, *size) with `axes` spatial axes.

    Raises UserError for fewer axes, and for dtypes that cannot be pooled.

    >>> images_of([[1, 2]], 2).dtype
    torch.float64
    """
    images = tensor_of(x, "the input of a pooling")
    if images.dim() < axes:
        raise UserError(
            f"an input of shape {spell(images.shape)} cannot be pooled in {axes} dimensions: it needs at "
            f"least {axes} axes, {_FORMS[axes]}."
        )
    refuse_colours_last(images.shape, axes)
    if images.dtype not in _DTYPES:
        raise UserError(
            f"an input of {str(images.dtype)[6:]} cannot be pooled: "
            f"{', '.join(str(dtype)[6:] for dtype in _DTYPES)} can."
        )
    return images


def ordered(images: Tensor) -> Tensor:
    """`images`, if one of its elements can be the largest: raises UserError for complex numbers.

    >>> ordered(torch.ones(1))
    tensor([1.])
    """
    if images.is_complex():
        raise UserError(
            f"an input of {str(images.dtype)[6:]} has no largest element: complex numbers have no order. "
            "Pool the absolute values, or take the mean."
        )
    return images


def _max_pool(
    axes: int,
    x: ArrayLike | Tensor,
    kernel: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    algorithm: str = "torch",
) -> Any:
    pool = resolve(MAX_ALGORITHMS, algorithm, "pooling algorithm")
    images = ordered(images_of(x, axes))
    windows = windows_of(images.shape[-axes:], kernel, stride, padding, dilation, ceil_mode)
    return give_back(pool(images, windows), not isinstance(x, Tensor))


def _mean_pool(
    axes: int,
    x: ArrayLike | Tensor,
    kernel: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    count_padding: bool = False,
    algorithm: str = "torch",
) -> Any:
    pool = resolve(MEAN_ALGORITHMS, algorithm, "pooling algorithm")
    images = images_of(x, axes)
    windows = windows_of(images.shape[-axes:], kernel, stride, padding, dilation, ceil_mode)
    return give_back(pool(images, windows, count_padding), not isinstance(x, Tensor))


GLOBAL_MAX_ALGORITHMS = {
    "reference": "fieldmark.conv.pooling.by_loops:maximum",
    "torch": "fieldmark.conv.pooling.by_torch:global_maximum",
}
"""Name to "module:function", taking (images, windows)."""

GLOBAL_MEAN_ALGORITHMS = {
    "reference": "fieldmark.conv.pooling.by_loops:mean",
    "torch": "fieldmark.conv.pooling.by_torch:global_mean",
}
"""Name to "module:function", taking (images, windows, count_padding)."""


def global_max_pool2d(images: ArrayLike | Tensor, *, algorithm: str = "torch") -> Any:
    """The largest element of each picture: `max_pool2d` with a kernel as large as the picture.

    Args:
        images: Pictures (..., H, W), of the dtypes of `max_pool2d`.
        algorithm: `torch` or `reference`, as in `max_pool2d`.

    Returns:
        The maxima (..., 1, 1): a tensor for a tensor, else a numpy array.

    Raises:
        UserError: The pictures have no elements, or are complex.

    >>> global_max_pool2d([[1, 3], [2, 0]])
    array([[3.]])
    """
    return _global_max_pool(images, 2, algorithm)


def global_max_pool1d(signals: ArrayLike | Tensor, *, algorithm: str = "torch") -> Any:
    """The largest element of each signal, (..., L) -> (..., 1); everything else as `global_max_pool2d`.

    >>> global_max_pool1d([[1, 3, 2], [0, -1, -2]])
    array([[3.],
           [0.]])
    """
    return _global_max_pool(signals, 1, algorithm)


def global_max_pool3d(volumes: ArrayLike | Tensor, *, algorithm: str = "torch") -> Any:
    """The largest element of each volume, (..., D, H, W) -> (..., 1, 1, 1); all else as `global_max_pool2d`.

    >>> global_max_pool3d([[[1, 3], [2, 0]]])
    array([[[3.]]])
    """
    return _global_max_pool(volumes, 3, algorithm)


def global_mean_pool2d(images: ArrayLike | Tensor, *, algorithm: str = "torch") -> Any:
    """The mean of each picture: `mean_pool2d` with a kernel as large as the picture (Lin et al. 2013, NiN).

    Args:
        images: Pictures (..., H, W), of the dtypes of `mean_pool2d`.
        algorithm: `torch` or `reference`, as in `mean_pool2d`.

    Returns:
        The means (..., 1, 1): a tensor for a tensor, else a numpy array.

    Raises:
        UserError: The pictures have no elements.

    >>> global_mean_pool2d([[1, 3], [2, 0]])
    array([[1.5]])
    """
    return _global_mean_pool(images, 2, algorithm)


def global_mean_pool1d(signals: ArrayLike | Tensor, *, algorithm: str = "torch") -> Any:
    """The mean of each signal, (..., L) -> (..., 1); everything else as `global_mean_pool2d`.

    >>> global_mean_pool1d([[1, 3, 2], [0, -1, -2]])
    array([[ 2.],
           [-1.]])
    """
    return _global_mean_pool(signals, 1, algorithm)


def global_mean_pool3d(volumes: ArrayLike | Tensor, *, algorithm: str = "torch") -> Any:
    """The mean of each volume, (..., D, H, W) -> (..., 1, 1, 1); everything else as `global_mean_pool2d`.

    >>> global_mean_pool3d([[[1, 3], [2, 0]]])
    array([[[1.5]]])
    """
    return _global_mean_pool(volumes, 3, algorithm)


def _global_max_pool(x: ArrayLike | Tensor, axes: int, algorithm: str) -> Any:
    pool = resolve(GLOBAL_MAX_ALGORITHMS, algorithm, "pooling algorithm")
    images = ordered(images_of(x, axes))
    return give_back(pool(images, _one_window(images, axes)), not isinstance(x, Tensor))


def _global_mean_pool(x: ArrayLike | Tensor, axes: int, algorithm: str) -> Any:
    pool = resolve(GLOBAL_MEAN_ALGORITHMS, algorithm, "pooling algorithm")
    images = images_of(x, axes)
    return give_back(pool(images, _one_window(images, axes), False), not isinstance(x, Tensor))


def _one_window(images: Tensor, axes: int) -> tuple[Windows, ...]:
    size = images.shape[-axes:]
    if 0 in size:
        raise UserError(
            f"an input of shape {spell(images.shape)} has nothing to pool: its last {axes} axes must hold "
            "at least one element each."
        )
    return windows_of(size, size, None, 0, 1, ceil_mode=False)
