"""What the examples draw with: tables of numbers, small pictures and signed maps."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from fieldmark.figures.page import Box, frame, pixels, rendered, write, write_png
from fieldmark.figures.style import DPI, LABEL, blend, ink_on
from fieldmark.palette import BLUE, LIGHT_BLUE, MUTED, PAPER, RULE, VERMILLION

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"


def main(figures: Mapping[str, Callable[[], Figure]]) -> None:
    """Draw the figures into docs/pictures, or into the folder named on the command line, as NAME.png."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in figures.items():
        print(write_png(with_palette(rendered(draw())), folder / f"{name}.png"))


def with_palette(picture: Image.Image) -> Image.Image:
    """The picture in its 256 most frequent colours, the rest as the nearest of them: a third of the file."""
    packed = np.asarray(picture).astype(np.int64) @ (1 << 16, 1 << 8, 1)
    found, which, count = np.unique(packed, return_inverse=True, return_counts=True)
    colour = np.stack([found >> 16, (found >> 8) & 255, found & 255], axis=1)
    kept = colour[np.sort(np.argsort(-count, kind="stable")[:256])]
    nearest = ((colour[:, None] - kept[None]) ** 2).sum(2).argmin(1).astype(np.uint8)
    result = Image.fromarray(nearest[which].reshape(packed.shape), "P")
    result.putpalette(kept.astype(np.uint8).tobytes())
    return result


def title(sheet: Axes, left: float, top: float, text: str, note: str = "") -> None:
    """A bold line, and what it says more quietly beneath; `top` is where the bold line stands."""
    write(sheet, left, top, text, size=LABEL, bold=True)
    if note:
        write(sheet, left, top + 0.17, note, color=MUTED)


def numbers(
    sheet: Axes,
    values: ArrayLike,
    left: float,
    top: float,
    side: float,
    *,
    marked: ArrayLike | None = None,
    fill: NDArray[np.float64] | None = None,
    size: float = LABEL,
    form: str = "g",
) -> Box:
    """A table of numbers in squares of `side` inches.

    values (rows, columns); marked (rows, columns): squares to shade; fill (rows, columns, 3): the colour of
    each instead, RGB in 0-1. Returns its rectangle.
    """
    table = np.asarray(values)
    if fill is None:
        fill = blend(LIGHT_BLUE, np.zeros(table.shape) if marked is None else np.asarray(marked, dtype=float))
    for (row, column), value in np.ndenumerate(table):
        x, y, colour = left + column * side, top + row * side, fill[row, column]
        sheet.add_patch(Rectangle((x, y), side, side, facecolor=colour, edgecolor=RULE, linewidth=0.8))
        text, ink = format(value, form), ink_on(colour)
        write(sheet, x + side / 2, y + side / 2, text, size=size, color=ink, across="center", down="center")
    return left, top, table.shape[1] * side, table.shape[0] * side


def image(sheet: Axes, colour: NDArray[np.float64], left: float, top: float, wide: float = 0) -> Box:
    """Pixels (H, W, 3), RGB in 0-1, `wide` inches across, or with wide=0 one for each of the page's own."""
    rows, columns, _ = colour.shape
    if not wide:
        left, top, wide = round(left * DPI) / DPI, round(top * DPI) / DPI, columns / DPI
    box = left, top, wide, wide * rows / columns
    pixels(sheet, colour, box)
    frame(sheet, box, RULE)
    return box


def grey(values: ArrayLike, black: float = 0, white: float = 255) -> NDArray[np.float64]:
    """Numbers (H, W) as grey from black to white, (H, W, 3)."""
    share = ((np.asarray(values, dtype=float) - black) / (white - black)).clip(0, 1)
    return np.repeat(share[:, :, None], 3, axis=2)


def colours(values: ArrayLike, largest: float | None = None) -> NDArray[np.float64]:
    """Signed numbers (H, W) as colours (H, W, 3): blue above 0, vermillion below, 20 steps of each."""
    table = np.asarray(values, dtype=float)
    strength = (20 * table / (largest or np.abs(table).max() or 1.0)).round().clip(-20, 20) / 20
    return np.where(table[:, :, None] < 0, blend(VERMILLION, -strength), blend(BLUE, strength)).clip(0, 1)


def arrow(sheet: Axes, start: tuple[float, float], end: tuple[float, float], colour: str = MUTED) -> None:
    """An arrow from one point of the page to another."""
    style = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.0, "shrinkA": 0, "shrinkB": 0}
    sheet.annotate("", xy=end, xytext=start, arrowprops=style)


def dot(sheet: Axes, x: float, y: float, size: float = 5) -> None:
    """A dot at a point of the page."""
    sheet.plot([x], [y], "o", color=VERMILLION, markersize=size, markeredgecolor=PAPER, markeredgewidth=0.6)
