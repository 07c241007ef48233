"""Pages of equal tiles, a picture in each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from fieldmark.data.decode.decoder import decode
from fieldmark.reporting.page import page
from fieldmark.reporting.style import HEADING, LEAST_WIDE, MARGIN
from fieldmark.vocabulary import ImageSet, Undecodable


@dataclass(frozen=True)
class Tiles:
    """Tiles of wide x high inches in `columns` columns below the heading, `gap` inches apart.

    >>> Tiles(columns=2, wide=1.0, high=2.0, gap=0.5).corner(3) == (MARGIN + 1.5, HEADING + 2.5)
    True
    """

    columns: int
    wide: float
    high: float
    gap: float

    def page(self, count: int) -> tuple[Figure, Axes]:
        """A page for `count` tiles, all columns wide even if they are fewer."""
        rows = max(1, -(-count // self.columns))
        wide = 2 * MARGIN + self.columns * (self.wide + self.gap) - self.gap
        return page(max(wide, LEAST_WIDE), HEADING + rows * (self.high + self.gap) + 0.15)

    def corner(self, tile: int) -> tuple[float, float]:
        """The left and top edge of a tile on the page, in inches."""
        row, column = divmod(tile, self.columns)
        return MARGIN + column * (self.wide + self.gap), HEADING + row * (self.high + self.gap)


def fitted_high(side: float, size: tuple[int, int]) -> float:
    """How high a picture of (height, width) pixels gets in a square of `side` inches.

    >>> fitted_high(2.0, (30, 60)), fitted_high(2.0, (60, 30))
    (1.0, 2.0)
    """
    return side * min(1.0, size[0] / size[1])


def pixels_of(image: Tensor) -> np.ndarray:
    """uint8 (C, H, W) as the array (H, W, C) that `show` takes; no copy."""
    array: np.ndarray = image.permute(1, 2, 0).numpy()
    return array


def original_of(images: ImageSet, position: int) -> np.ndarray:
    """The picture as its file has it, uint8 (H, W, C); as `images` has it where there is no file any more."""
    if images.files is not None and images.root is not None:
        try:
            return decode(images.root / images.files[position])
        except Undecodable:  # moved or changed since: what was decoded then is at hand
            pass
    return pixels_of(images.images[position])


def seen_at(images: ImageSet) -> str:
    """What to say of the size where pictures are shown as their files have them.

    >>> import torch
    >>> from pathlib import Path
    >>> one = torch.zeros(1, 3, 8, 9, dtype=torch.uint8)
    >>> seen_at(ImageSet(one, torch.tensor([0]), ("cat",), ("a.png",), Path("photos")))
    'pictures as their files have them; the network gets 8 x 9 pixels'
    """
    if images.root is None:
        return ""
    height, width = images.size
    return f"pictures as their files have them; the network gets {height} x {width} pixels"


def box_high(side: float, images: ImageSet) -> float:
    """How high a box of `side` inches must be for all pictures: square where files may have any shape."""
    return side if images.root is not None else fitted_high(side, images.size)
