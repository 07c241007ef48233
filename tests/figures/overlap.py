"""What is wrong with a figure's text: boxes that intersect, text over pictures, text cut off by the edge."""

from __future__ import annotations

from unittest import mock

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Text
from matplotlib.transforms import Bbox

TOLERANCE = 0.5  # pixels by which boxes may touch


def drawn_texts(figure: Figure) -> list[tuple[str, Bbox]]:
    """Every text that drawing `figure` really puts on the page, ticks too, with its box in pixels."""
    texts: list[Text] = []

    def record(self: Text, renderer: object) -> None:
        if self.get_visible() and self.get_text().strip():
            texts.append(self)

    # Layout is all that counts here; rendering the glyphs would take most of the time.
    with mock.patch.object(Text, "draw", record), mock.patch.object(AxesImage, "draw"):
        FigureCanvasAgg(figure).draw()
    return [(text.get_text(), text.get_window_extent()) for text in texts]


def problems(figure: Figure) -> list[str]:
    """One line per fault; an empty list for a figure that can be read."""
    texts = drawn_texts(figure)
    names = [text for text, _ in texts]
    boxes = np.array([box.extents for _, box in texts])  # (T, 4): left, bottom, right, top
    wide, high = figure.get_size_inches() * figure.dpi
    outside = (boxes[:, :2] < 0).any(1) | (boxes[:, 2] > wide) | (boxes[:, 3] > high)
    found = [f"cut off: {names[i]!r}" for i in np.flatnonzero(outside)]
    found += [f"overlap: {names[i]!r} and {names[j]!r}" for i, j in _pairs(boxes, boxes) if i < j]
    # The first axes cover the page; pictures in other axes are charts, and those may carry numbers.
    pictures = np.array([image.get_window_extent().extents for image in figure.axes[0].images])
    if len(pictures):
        found += [f"over a picture: {names[i]!r}" for i, _ in _pairs(boxes, pictures)]
    return found


def _pairs(first: np.ndarray, second: np.ndarray) -> list[tuple[int, int]]:
    """Which boxes (M, 4) and (N, 4) intersect by more than the tolerance."""
    left = np.maximum(first[:, None, :2], second[None, :, :2])  # (M, N, 2)
    right = np.minimum(first[:, None, 2:], second[None, :, 2:])
    return [(int(i), int(j)) for i, j in np.argwhere((right - left > TOLERANCE).all(2))]
