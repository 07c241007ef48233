"""Pages laid out in inches from the top left corner, with text, charts and pictures on them.

Nothing here reads or writes matplotlib's global settings, and pyplot is never imported: figures are plain
objects, the same in a notebook, in a thread and on a machine without a screen.
"""

from __future__ import annotations

import io

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from fieldmark.data.pixels.resizing import resize
from fieldmark.reporting import lettering
from fieldmark.reporting.saving import rendered
from fieldmark.reporting.style import (
    DPI,
    INK,
    LABEL,
    MARGIN,
    MUTED,
    PAPER,
    SMALL,
    SMALL_PICTURE,
    TITLE,
    WASH,
)

Box = tuple[float, float, float, float]  # left, top, width, height


class Page(Figure):
    """A figure that a notebook shows by itself, with no pyplot and no %matplotlib before it.

    >>> Page(figsize=(2, 1), dpi=DPI)._repr_png_()[1:4]
    b'PNG'
    """

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        rendered(self).save(buffer, format="png", dpi=(DPI, DPI))
        return buffer.getvalue()


def page(wide: float, high: float) -> tuple[Figure, Axes]:
    """A light page and the axes that cover it, whose unit is the inch, right and down from the top left.

    >>> figure, sheet = page(4, 3)
    >>> [float(edge) for edge in (*sheet.get_xlim(), *sheet.get_ylim())]
    [0.0, 4.0, 3.0, 0.0]
    """
    figure = Page(figsize=(wide, high), dpi=DPI, facecolor=PAPER, edgecolor=PAPER)
    figure.set_layout_engine("none")
    FigureCanvasAgg(figure)
    sheet = figure.add_axes((0, 0, 1, 1), facecolor=PAPER)
    sheet.set_axis_off()
    sheet.set_xlim(0, wide)
    sheet.set_ylim(high, 0)
    return figure, sheet


def write(
    axes: Axes,
    x: float,
    y: float,
    text: str,
    *,
    size: float = SMALL,
    color: str = INK,
    bold: bool = False,
    across: str = "left",
    down: str = "baseline",
    turned: bool = False,
) -> Text:
    """One line of text at (x, y) of `axes`, taken literally: a dollar sign is a dollar sign.

    across: "left", "center" or "right"; down: "baseline", "center", "top" or "bottom"; turned: reads upwards.
    """
    return axes.text(
        x,
        y,
        text,
        fontproperties=lettering.font(size, bold=bold),
        color=color,
        horizontalalignment=across,
        verticalalignment=down,
        rotation=90 if turned else 0,
        parse_math=False,
        usetex=False,
    )


def heading(sheet: Axes, title: str, *facts: str, note: str = "") -> None:
    """The title line; below it where the numbers come from and how many there are; below that how to read."""
    room = sheet.get_xlim()[1] - 2 * MARGIN
    write(sheet, MARGIN, 0.45, lettering.shorten(title, TITLE, room, bold=True), size=TITLE, bold=True)
    line = ", ".join(fact for fact in facts if fact)
    write(sheet, MARGIN, 0.72, lettering.shorten(line, LABEL, room), size=LABEL, color=MUTED)
    if note:
        write(sheet, MARGIN, 0.95, lettering.shorten(note, SMALL, room), color=MUTED)


def show(sheet: Axes, image: np.ndarray, left: float, top: float, wide: float, high: float) -> Box:
    """Place a picture, uint8 (H, W, C) with C 1 or 3, as large as fits into the box, centred, shape kept.

    Returns the rectangle it fills: left, top, width, height in inches. Small pictures keep their pixels as
    squares, large ones are scaled smoothly.

    >>> figure, sheet = page(4, 3)
    >>> show(sheet, np.zeros((20, 40, 3), np.uint8), 1, 1, 2, 2)
    (1.0, 1.5, 2.0, 1.0)
    """
    rows, columns, channels = image.shape
    assert channels in (1, 3), image.shape
    assert image.dtype == np.uint8, image.dtype
    scale = min(wide / columns, high / rows)
    shown_wide, shown_high = columns * scale, rows * scale
    x, y = left + (wide - shown_wide) / 2, top + (high - shown_high) / 2
    small = max(rows, columns) <= SMALL_PICTURE
    drawn = max(1, round(shown_high * DPI)), max(1, round(shown_wide * DPI))
    if not small and rows > drawn[0]:
        image = resize(image, drawn, "stretch")  # a photo has more pixels than the page; this is quicker
    colour = image if channels == 3 else np.repeat(image, 3, axis=2)
    pixels(sheet, colour, (x, y, shown_wide, shown_high), "nearest" if small else "hanning")
    return x, y, shown_wide, shown_high


def pixels(axes: Axes, image: np.ndarray, box: Box, interpolation: str = "nearest") -> None:
    """Stretch RGB (H, W, 3), uint8 or float in 0-1, over a rectangle of `axes`, whose limits stay."""
    left, top, wide, high = box
    artist = AxesImage(
        axes,
        extent=(left, left + wide, top + high, top),
        origin="upper",
        interpolation=interpolation,
        interpolation_stage="data",
        resample=True,
    )
    artist.set_data(image)
    axes.add_image(artist)


def frame(sheet: Axes, box: Box, color: str, *, dashed: bool = False) -> None:
    """A line around a rectangle (left, top, width, height in inches)."""
    left, top, wide, high = box
    sheet.add_patch(
        Rectangle(
            (left, top),
            wide,
            high,
            fill=False,
            edgecolor=color,
            linewidth=2.0 if dashed else 0.8,
            linestyle=(0, (3, 1.5)) if dashed else "solid",
        )
    )


def bar(axes: Axes, left: float, top: float, wide: float, high: float, share: float, color: str) -> None:
    """A bar filled up to `share` (0-1) of its width."""
    axes.add_patch(Rectangle((left, top), wide, high, facecolor=WASH, linewidth=0))
    axes.add_patch(Rectangle((left, top), wide * share, high, facecolor=color, linewidth=0))
