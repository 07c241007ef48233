"""Pages of equal tiles, which pictures they show, and those pictures as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from fieldmark.data.decode.decoder import decode
from fieldmark.figures.page import page
from fieldmark.figures.style import HEADING, LEAST_WIDE, MARGIN
from fieldmark.vocabulary import ImageSet, Predictions, Undecodable


@dataclass(frozen=True)
class Tiles:
    """Equal tiles below the heading of a page.

    Attributes:
        columns: Tiles in a row.
        wide: Width of a tile in inches.
        high: Height of a tile in inches.
        gap: Inches from one tile to the next.

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
    """How high a picture gets in a square.

    Args:
        side: Of the square, in inches.
        size: (height, width) of the picture in pixels.

    Returns:
        Inches.

    >>> fitted_high(2.0, (30, 60)), fitted_high(2.0, (60, 30))
    (1.0, 2.0)
    """
    return side * min(1.0, size[0] / size[1])


def picture_array(image: Tensor) -> np.ndarray:
    """A picture uint8 (C, H, W) as the array (H, W, C) that `show` takes, without a copy."""
    array: np.ndarray = image.permute(1, 2, 0).numpy()
    return array


def original_of(images: ImageSet, position: int) -> np.ndarray:
    """A picture as its file has it, or as `images` has it where there is no file any more.

    Args:
        images: The set that the picture is in.
        position: Which one.

    Returns:
        uint8 (H, W, C).
    """
    if images.files is not None and images.root is not None:
        try:
            return decode(images.root / images.files[position])
        except Undecodable:  # moved or changed since: what was decoded then is at hand
            pass
    return picture_array(images.images[position])


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


def evenly(labels: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Draw pictures as evenly from all classes as can be.

    Every class gives one picture before any gives two; when classes outnumber the places, chance says which.

    Args:
        labels: The class of each picture, int64 (N,).
        count: How many to draw; all, if there are fewer.
        generator: Draws them.

    Returns:
        Their positions, int64 (M,), ordered by class.

    >>> labels = torch.tensor([0, 0, 0, 0, 1, 1, 2])
    >>> labels[evenly(labels, 5, torch.Generator())].tolist()
    [0, 0, 1, 1, 2]
    """
    shuffled = torch.randperm(len(labels), generator=generator)  # (N,)
    by_class = shuffled[labels[shuffled].argsort(stable=True)]  # (N,), shuffled within each class
    ordered = labels[by_class]
    sizes = torch.unique_consecutive(ordered, return_counts=True)[1]  # (K',)
    starts = sizes.cumsum(0) - sizes
    # 0 for the first picture of a class, 1 for the second ...
    turn = torch.arange(len(labels)) - starts.repeat_interleave(sizes)
    # Ties between classes in the last round are settled by a second shuffle.
    again = torch.randperm(len(labels), generator=generator)
    rounds = again[turn[again].argsort(stable=True)][:count]
    return by_class[rounds.sort().values]


def positions(predictions: Predictions) -> Tensor:
    """Which picture of its set each row belongs to, int64 (N,): `index`, or the rows in order without one.

    >>> positions(Predictions(logits=torch.zeros(3, 2))).tolist()
    [0, 1, 2]
    """
    return predictions.index if predictions.index is not None else torch.arange(len(predictions))
