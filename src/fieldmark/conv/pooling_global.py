"""Global pooling: one number for a whole signal, picture or volume, its largest or its mean."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike
from torch import Tensor

from fieldmark.conv.arrays import give_back
from fieldmark.conv.geometry import spell
from fieldmark.conv.pooling import images_of, ordered
from fieldmark.conv.pooling_windows import Windows, windows_of
from fieldmark.errors import UserError
from fieldmark.families import resolve

GLOBAL_MAX_ALGORITHMS = {
    "reference": "fieldmark.conv.pooling_reference:maximum",
    "torch": "fieldmark.conv.pooling_torch:global_maximum",
}
"""Name to "module:function", taking (images, windows)."""

GLOBAL_MEAN_ALGORITHMS = {
    "reference": "fieldmark.conv.pooling_reference:mean",
    "torch": "fieldmark.conv.pooling_torch:global_mean",
}
"""Name to "module:function", taking (images, windows, count_padding)."""


def global_max_pool2d(images: ArrayLike | Tensor, *, algorithm: str = "torch") -> Any:
    """The largest element of each picture: `max_pool2d` with a kernel as large as the picture.

    images (..., H, W) -> (..., 1, 1). dtypes, algorithms and gradients as `max_pool2d`. Raises UserError for
    pictures without elements.

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

    images (..., H, W) -> (..., 1, 1). dtypes, algorithms and gradients as `mean_pool2d`. Raises UserError for
    pictures without elements.

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
