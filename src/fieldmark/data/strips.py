"""Large pictures a few rows at a time, so that no second copy of them is needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fieldmark.data.modes import is_grey, to_array

STRIP = 2**20
"""Pixels that are converted at once."""

FLIPS = {1: (1, 1), 2: (1, -1), 3: (-1, -1), 4: (-1, 1)}
"""EXIF orientation to the steps along (rows, columns); 5 to 8 are the same on the transposed picture."""


class Pixels(Protocol):
    """An upright picture (H, W, C) whose rows can be had: an array uint8, or Strips."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, rows: slice, /) -> NDArray[np.uint8]: ...


class Strips:
    """A picture that Pillow has decoded, upright; rows are brought to grey or RGB when they are asked for.

    >>> Strips(Image.new("RGB", (2, 3), "red"), 6)[0:1].tolist()
    [[[255, 0, 0], [255, 0, 0], [255, 0, 0]]]
    """

    def __init__(self, picture: Image.Image, orientation: int) -> None:
        self._picture = picture
        self._orientation = orientation
        width, height = picture.size if orientation <= 4 else picture.size[::-1]
        self.shape = height, width, 1 if is_grey(picture) else 3

    def __getitem__(self, rows: slice) -> NDArray[np.uint8]:
        first, end, _ = rows.indices(self.shape[0])
        down, _ = _steps(self._orientation)
        if down < 0:
            first, end = self.shape[0] - end, self.shape[0] - first
        width, height = self._picture.size
        box = (first, 0, end, height) if self._orientation > 4 else (0, first, width, end)
        return upright(to_array(self._picture, box), self._orientation)


def upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """The pixels (H, W, C) turned as EXIF's `orientation` says; a view."""
    if orientation > 4:
        pixels = pixels.swapaxes(0, 1)
    down, across = _steps(orientation)
    return pixels[::down, ::across]


def strips(pixels: Pixels) -> Iterator[NDArray[np.uint8]]:
    """The rows from top to bottom, uint8 (n, W, C), about STRIP pixels at a time, contiguous.

    >>> [len(rows) for rows in strips(np.zeros((5, 2**19, 1), np.uint8))]
    [2, 2, 1]
    """
    height, width, _ = pixels.shape
    step = max(1, STRIP // width)
    for first in range(0, height, step):
        yield np.ascontiguousarray(pixels[first : first + step])


def whole(pixels: Pixels) -> NDArray[np.uint8]:
    """All rows, uint8 (H, W, C), contiguous; itself if it is an array and contiguous.

    >>> whole(Strips(Image.new("1", (2, 1)), 1)).tolist()
    [[[0], [0]]]
    """
    if isinstance(pixels, np.ndarray):
        return np.ascontiguousarray(pixels)
    height, width, channels = pixels.shape
    if height * width <= STRIP:
        return np.ascontiguousarray(pixels[0:height])
    result, first = np.empty((height, width, channels), np.uint8), 0
    for rows in strips(pixels):
        result[first : first + len(rows)] = rows
        first += len(rows)
    return result


def _steps(orientation: int) -> tuple[int, int]:
    return FLIPS[(orientation - 1) % 4 + 1]
