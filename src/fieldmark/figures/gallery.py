"""Pictures before any training: a labelled grid, augmentation step by step, and what resizing does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from fieldmark.data.pixels.resizing import RULES, lost_share, place, resize
from fieldmark.figures import lettering
from fieldmark.figures.page import Box, frame, heading, page, show, write
from fieldmark.figures.style import HEADING, LABEL, LEAST_WIDE, MARGIN, SMALL
from fieldmark.figures.tiles import Tiles, evenly, fitted_high, picture_array
from fieldmark.palette import MUTED, RULE, VERMILLION
from fieldmark.vocabulary import ImageSet

PAGE_WIDE = 11.0  # inches, unless many columns need more
LARGEST_SIDE, SMALLEST_SIDE = 1.8, 0.65
GAP = 0.15
LINE = 0.17
LONGEST_NAME = 1.3
HEAD = 0.45  # above the first row, for the names of the columns


def grid(
    images: ImageSet,
    *,
    source: str,
    generator: torch.Generator,
    rows: int = 5,
    columns: int = 10,
    title: str = "Pictures",
) -> Figure:
    """Up to rows x columns pictures, drawn evenly from all classes and ordered by class, each with its label.

    Args:
        images: Where the pictures are drawn from.
        source: The data and split, e.g. "mnist, train split".
        generator: Draws the pictures.
        rows: At most so many rows.
        columns: Pictures in a row.
        title: The page's first line.

    Returns:
        The page.

    >>> images = ImageSet(torch.zeros(3, 1, 8, 8, dtype=torch.uint8), torch.tensor([0, 1, 1]), ("cat", "dog"))
    >>> figure = grid(images, source="train split", generator=torch.Generator(), rows=1, columns=3)
    >>> [text.get_text() for text in figure.axes[0].texts][1:]
    ['train split, 3 of n = 3 pictures, 2 classes, 8 x 8 pixels', 'cat', 'dog', 'dog']
    """
    assert rows >= 1, rows
    assert columns >= 1, columns
    shown = images.select(evenly(images.labels, rows * columns, generator))
    side = _side(columns, 0)
    high = fitted_high(side, images.size)
    tiles = Tiles(columns, side, high + LINE, GAP)
    figure, sheet = tiles.page(len(shown))
    n = f"{len(shown)} of n = {lettering.pictures(len(images))}"
    heading(sheet, title, source, n, f"{len(images.classes)} classes", f"{_size(images.size)} pixels")
    names = lettering.short_names(images.classes, SMALL, side + GAP - 0.08)
    for tile, label in enumerate(shown.labels.tolist()):
        left, top = tiles.corner(tile)
        _framed(sheet, picture_array(shown.images[tile]), left, top, side, high)
        write(sheet, left + side / 2, top + high + LINE - 0.02, names[label], across="center")
    return figure


def augmentation_rows(
    traces: Sequence[tuple[str, Tensor]],
    labels: Sequence[str],
    *,
    source: str,
    title: str = "Augmentation, step by step",
) -> Figure:
    """One picture per row, from left to right through each step of the augmentation.

    Below the name of a step stands the size of its pictures, or that it changes nothing.

    Args:
        traces: The name of each step and the pictures after it, uint8 (N, C, H, W); the first are the
            pictures as they were.
        labels: The N names of their classes.
        source: The data and split.
        title: The page's first line.

    Returns:
        The page.

    >>> pictures = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    >>> steps = [("original", pictures), ("mirror", pictures.flip(3))]
    >>> figure = augmentation_rows(steps, ["cat", "dog"], source="train")
    >>> [text.get_text() for text in figure.axes[0].texts][3:6]
    ['original', '8 x 8', 'mirror']
    """
    assert all(len(images) == len(labels) for _, images in traces), "one label per picture"
    names = [lettering.shorten(label, SMALL, LONGEST_NAME) for label in labels]
    beside = 0.15 + max((lettering.width(name, SMALL) for name in names), default=0.0)
    side = _side(len(traces), beside)
    high = max(fitted_high(side, _high_wide(images.shape[2:])) for _, images in traces)
    figure, sheet = _table_page(beside + len(traces) * (side + GAP) - GAP, len(labels) * (high + GAP))
    n = f"n = {lettering.pictures(len(labels))}"
    heading(sheet, title, source, n, note="sizes are height x width in pixels")
    first = HEADING + HEAD
    for column, (step, images) in enumerate(traces):
        left = MARGIN + beside + column * (side + GAP)
        name = lettering.shorten(step, LABEL, side, bold=True)
        write(sheet, left, HEADING + 0.18, name, size=LABEL, bold=True)
        idle = column > 0 and torch.equal(images, traces[column - 1][1])
        note = "no change" if idle else _size(images.shape[2:])
        write(sheet, left, HEADING + 0.34, note, color=VERMILLION if idle else MUTED)
        for row, image in enumerate(images):
            _framed(sheet, picture_array(image), left, first + row * (high + GAP), side, high)
    for row, name in enumerate(names):
        write(sheet, MARGIN, first + row * (high + GAP) + high / 2, name, down="center")
    return figure


def resize_rules(
    pictures: Sequence[np.ndarray],
    size: tuple[int, int],
    *,
    source: str,
    title: str = "What the network receives",
) -> Figure:
    """Each picture beside what is left of it under the rules crop, pad and stretch.

    The dashed frame in the original is what `crop` keeps; `lost` is the share of the picture's pixels that is
    cut away.

    Args:
        pictures: As decoded, uint8 (H, W, C) each.
        size: (height, width) in pixels of the network's input.
        source: Where the pictures come from.
        title: The page's first line.

    Returns:
        The page.

    >>> figure = resize_rules([np.zeros((20, 40, 3), np.uint8)], (8, 8), source="photos")
    >>> [text.get_text() for text in figure.axes[0].texts if "lost" in text.get_text()]
    ['50.0 % lost', '0 % lost', '0 % lost']
    """
    columns = ("original", *RULES)
    side = _side(len(columns), 0)
    highs = [
        max(fitted_high(side, shape) for shape in (_high_wide(picture.shape), size)) for picture in pictures
    ]
    figure, sheet = _table_page(len(columns) * (side + GAP) - GAP, sum(highs) + 2 * LINE * len(highs))
    n = f"n = {lettering.pictures(len(pictures))}"
    note = "sizes are height x width; the dashed frame is what crop keeps"
    heading(sheet, title, source, n, f"network input {_size(size)} pixels", note=note)
    for column, name in enumerate(columns):
        write(sheet, MARGIN + column * (side + GAP), HEADING + 0.3, name, size=LABEL, bold=True)
    top = HEADING + HEAD
    for picture, high in zip(pictures, highs, strict=True):
        shape, y = _high_wide(picture.shape), top + high + LINE - 0.02
        box = _framed(sheet, picture, MARGIN, top, side, high)
        frame(sheet, _kept(box, shape, size), VERMILLION, dashed=True)
        write(sheet, MARGIN, y, f"{_size(shape)} pixels", color=MUTED)
        for column, rule in enumerate(RULES, start=1):
            left = MARGIN + column * (side + GAP)
            _framed(sheet, resize(picture, size, rule), left, top, side, high)
            write(sheet, left, y, f"{lettering.percent(lost_share(shape, size, rule))} lost", color=MUTED)
        top += high + 2 * LINE
    return figure


def _side(columns: int, beside: float) -> float:
    """How large a picture can be for `columns` of them to fill the page."""
    return min(LARGEST_SIDE, max(SMALLEST_SIDE, (PAGE_WIDE - 2 * MARGIN - beside) / columns - GAP))


def _table_page(wide: float, high: float) -> tuple[Figure, Axes]:
    return page(max(2 * MARGIN + wide, LEAST_WIDE), HEADING + HEAD + high + 0.2)


def _framed(sheet: Axes, image: np.ndarray, left: float, top: float, wide: float, high: float) -> Box:
    box = show(sheet, image, left, top, wide, high)
    frame(sheet, box, RULE)
    return box


def _kept(box: Box, source: tuple[int, int], size: tuple[int, int]) -> Box:
    """The part of `box`, a shown picture of `source` (H, W) pixels, that the rule `crop` keeps."""
    left, top, wide, high = box
    crop = place(source, size, "crop")
    down, across = crop.start[0] / crop.resized[0], crop.start[1] / crop.resized[1]
    tall, broad = crop.kept[0] / crop.resized[0], crop.kept[1] / crop.resized[1]
    return left + wide * across, top + high * down, wide * broad, high * tall


def _high_wide(shape: Sequence[int]) -> tuple[int, int]:
    return shape[0], shape[1]


def _size(size: Sequence[int]) -> str:
    return f"{size[0]} x {size[1]}"
