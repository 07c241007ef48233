"""Pages laid out in inches from the top left corner, with text and pictures on them; and as PNG files.

Nothing here reads or writes matplotlib's global settings, and pyplot is never imported: figures are plain
objects, the same in a notebook, in a thread and on a machine without a screen.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from PIL import Image

from fieldmark.data.pixels.resizing import resize
from fieldmark.errors import UserError
from fieldmark.figures import lettering
from fieldmark.figures.style import DPI, LABEL, MARGIN, SMALL, SMALL_PICTURE, TITLE
from fieldmark.files import replacing
from fieldmark.palette import INK, MUTED, PAPER, WASH


def save(figure: Figure, path: str | Path) -> Path:
    """Write `figure` as PNG at 150 dots per inch; whole or not at all, and through no link.

    Args:
        figure: What to write.
        path: A name that ends in .png.

    Returns:
        The path.

    Raises:
        UserError: The name does not end in .png, or the file cannot be written; what stood there stays.

    >>> import tempfile
    >>> from fieldmark.figures.page import page
    >>> figure, _ = page(2, 1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(figure, Path(folder) / "empty.png").read_bytes()[1:4]
    b'PNG'
    """
    return write_png(rendered(figure), path)


def write_png(picture: Image.Image, path: str | Path) -> Path:
    """Write a picture as `save` writes figures.

    Args:
        picture: What to write.
        path: A name that ends in .png.

    Returns:
        The path.

    Raises:
        UserError: As of `save`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_png(Image.new("L", (2, 1)), Path(folder) / "grey.png").name
    'grey.png'
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise UserError(f"figures are written as PNG: {path} does not end in .png. Rename it.")
    with replacing(path) as file:
        picture.save(file, format="png", dpi=(DPI, DPI))
    return path


def rendered(figure: Figure) -> Image.Image:
    """The figure's pixels, RGB."""
    # Straight from the canvas: savefig would follow the user's savefig.* settings.
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")  # type: ignore[no-untyped-call]


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

    Args:
        wide: Width in inches.
        high: Height in inches.

    Returns:
        The figure and its axes.

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

    Args:
        axes: A page, in inches, or a chart.
        x: Where the text is, in units of the axes.
        y: Where the text is, in units of the axes.
        text: One line.
        size: Type size in points.
        color: As matplotlib takes it.
        bold: Whether the letters are bold.
        across: Which of its parts is at x: "left", "center" or "right".
        down: Which of its parts is at y: "baseline", "center", "center_baseline", "top" or "bottom".
        turned: Whether it reads upwards.

    Returns:
        The text on the page.
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
    """Write the title; below it where the numbers come from and how many there are; below that how to read.

    Args:
        sheet: The axes of the page.
        title: The first line.
        facts: The second line, with commas between them; empty ones are left out.
        note: The third line, if any.
    """
    room = sheet.get_xlim()[1] - 2 * MARGIN
    write(sheet, MARGIN, 0.45, lettering.shorten(title, TITLE, room, bold=True), size=TITLE, bold=True)
    line = ", ".join(fact for fact in facts if fact)
    write(sheet, MARGIN, 0.72, lettering.shorten(line, LABEL, room), size=LABEL, color=MUTED)
    if note:
        write(sheet, MARGIN, 0.95, lettering.shorten(note, SMALL, room), color=MUTED)


def show(sheet: Axes, image: np.ndarray, left: float, top: float, wide: float, high: float) -> Box:
    """Place a picture as large as fits into a box, in its middle, with its shape kept.

    Small pictures keep their pixels as squares, large ones are scaled smoothly.

    Args:
        sheet: The axes of the page.
        image: uint8 (H, W, C) with C 1 or 3.
        left: Inches from the page's left edge to the box.
        top: Inches from the page's upper edge to the box.
        wide: Width of the box in inches.
        high: Height of the box in inches.

    Returns:
        The rectangle that the picture fills: left, top, width, height in inches.

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
    """Stretch a picture over a rectangle of `axes`, whose limits stay.

    Args:
        axes: A page or a chart.
        image: RGB (H, W, 3), uint8 or float in 0-1.
        box: The rectangle: left, top, width, height in units of the axes.
        interpolation: One of matplotlib's names.
    """
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
    """Draw a line around a rectangle.

    Args:
        sheet: The axes of the page.
        box: The rectangle: left, top, width, height in inches.
        color: As matplotlib takes it.
        dashed: Whether the line is dashed, and thicker.
    """
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
    """Draw a bar that is filled up to a share of its width.

    Args:
        axes: A page or a chart.
        left: Where the bar begins, in units of the axes.
        top: Its upper edge.
        wide: Its whole width.
        high: Its height.
        share: How much of it is filled, 0 to 1.
        color: Of the filled part, as matplotlib takes it.
    """
    axes.add_patch(Rectangle((left, top), wide, high, facecolor=WASH, linewidth=0))
    axes.add_patch(Rectangle((left, top), wide * share, high, facecolor=color, linewidth=0))
