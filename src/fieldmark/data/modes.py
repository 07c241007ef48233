"""Every kind of pixel that a file may hold, brought to 8-bit grey or RGB by stated rules.

- 1-bit and 8-bit grey: grey. Grey with transparency: composed on white, grey.
- RGB: as it is; with transparency (alpha, or one colour that is transparent): composed on white.
- A palette: RGB, composed on white where entries are transparent; also when all its colours are grey.
- 16-bit grey: round(value / 257), so that 65535 becomes 255 and nothing is clipped. 12-bit TIFF:
  round(value * 255 / 4095). 32-bit integers: as 16-bit grey when all values fit, else unsupported. 16-bit
  colour: Pillow keeps the high byte.
- CMYK, YCbCr, LAB, HSV: RGB by Pillow's formulas. JPEGs hold CMYK inverted (Adobe's way, which Pillow knows).
- Floating point, and signed numbers of 8 or 16 bits: unsupported, since nothing says what is black and white.
Colour profiles are not applied.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fieldmark.data.undecodable import Undecodable

GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N")
DEEP_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N")
BITS_PER_SAMPLE, PHOTOMETRIC = 258, 262
WHITE_IS_ZERO = 0


def to_array(picture: Image.Image, box: tuple[int, int, int, int] | None = None) -> NDArray[np.uint8]:
    """The pixels of a loaded picture, uint8 (H, W, C): C is 1 for grey pictures, else 3. A copy, writable.

    box: (left, top, right, bottom), the part that is wanted; all for None. Raises Undecodable for kinds of
    pixels that have no rule.

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
