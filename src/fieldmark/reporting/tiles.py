"""Pages of equal tiles, a picture in each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from fieldmark.reporting.page import page
from fieldmark.reporting.style import HEADING, LEAST_WIDE, MARGIN


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
