"""Every kind of pixel that a file may hold, brought to 8-bit grey or RGB by stated rules.

- 1-bit and 8-bit grey: grey. Grey with transparency: composed on white, grey.
- RGB: as it is; with transparency (alpha, or one colour that is transparent): composed on white.
- A palette: RGB, composed on white where entries are transparent; also when all its colours are grey.
- 16-bit grey: round(value / 257), so that 65535 becomes 255 and nothing is clipped. 12-bit TIFF:
  round(value * 255 / 4095). 32-bit integers: as 16-bit grey when all values fit, else unsupported. 16-bit
  colour: Pillow keeps the high byte.
- CMYK, YCbCr, LAB, HSV: RGB by Pillow's formulas. JPEGs hold CMYK inverted (Adobe's way, which Pillow knows).
- Floating point, and signed numbers of 8 or 16 bits: unsupported, since nothing says what is black and white.
Colour profiles are not applied. Of large pictures a few rows at a time are brought there, so that no second
copy of them is needed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fieldmark.vocabulary import Pixels, Undecodable

GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N")
DEEP_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N")
BITS_PER_SAMPLE, PHOTOMETRIC = 258, 262
WHITE_IS_ZERO = 0

STRIP = 2**20
"""Pixels that are converted at once."""

FLIPS = {1: (1, 1), 2: (1, -1), 3: (-1, -1), 4: (-1, 1)}
"""EXIF orientation to the steps along (rows, columns); 5 to 8 are the same on the transposed picture."""


def to_array(picture: Image.Image, box: tuple[int, int, int, int] | None = None) -> NDArray[np.uint8]:
    """The pixels of a loaded picture, by the rules above.

    Args:
        picture: loaded by Pillow.
        box: (left, top, right, bottom), the part that is wanted; None takes all.

    Returns:
        uint8 (H, W, C), a copy, writable: C is 1 for grey pictures, else 3.

    Raises:
        Undecodable: there is no rule for this kind of pixels.

    >>> to_array(Image.new("RGBA", (1, 1), (255, 0, 0, 51))).tolist()
    [[[255, 204, 204]]]
    """
    if picture.mode == "F":
        raise Undecodable("floating-point pixels, which have no defined white", "unsupported")
    part = picture if box is None or box == (0, 0, *picture.size) else picture.crop(box)
    if picture.mode in DEEP_MODES:
        return _deep_grey(part, picture)[:, :, None]
    if part.has_transparency_data:
        part = _on_white(part)
    elif part.mode not in ("L", "RGB"):
        part = part.convert("L" if is_grey(part) else "RGB")
    pixels = np.array(part)
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def is_grey(picture: Image.Image) -> bool:
    """Whether `to_array` gives one channel; known from the header.

    >>> is_grey(Image.new("LA", (1, 1))), is_grey(Image.new("P", (1, 1)))
    (True, False)
    """
    return picture.mode in GREY_MODES


def _on_white(picture: Image.Image) -> Image.Image:
    """round((alpha * value + (255 - alpha) * 255) / 255) per channel; Pillow's paste computes just that."""
    grey = is_grey(picture)
    picture = picture.convert("LA" if grey else "RGBA")
    white = Image.new("L" if grey else "RGB", picture.size, "white")
    white.paste(picture.convert(white.mode), mask=picture.getchannel("A"))
    return white


def _deep_grey(part: Image.Image, picture: Image.Image) -> NDArray[np.uint8]:
    values = np.asarray(part)
    if picture.mode == "I" and (values.min() < 0 or values.max() > 65535):
        low, high = picture.getextrema()
        raise Undecodable(f"32-bit pixels from {low} to {high}, which do not fit 16 bits", "unsupported")
    tags = getattr(picture, "tag_v2", {})  # TIFF only
    most = 4095 if tags.get(BITS_PER_SAMPLE) == (12,) else 65535
    grey = ((values.astype(np.uint32) * 255 + most // 2) // most).astype(np.uint8)
    if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:  # Pillow turns these around for 8 bits and fewer only
        grey = 255 - grey
    transparent = picture.info.get("transparency")
    if transparent is not None:
        grey[values == transparent] = 255
    return grey


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
