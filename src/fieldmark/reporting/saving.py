"""Figures as PNG files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from fieldmark.errors import UserError
from fieldmark.files import replacing
from fieldmark.reporting.style import DPI


def save(figure: Figure, path: str | Path) -> Path:
    """Write `figure` as PNG at 150 dots per inch; whole or not at all, and through no link.

    Raises UserError when the name does not end in .png or the file cannot be written; what stood there stays.

    >>> import tempfile
    >>> from fieldmark.reporting.page import page
    >>> figure, _ = page(2, 1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(figure, Path(folder) / "empty.png").read_bytes()[1:4]
    b'PNG'
    """
    return write_png(rendered(figure), path)


def write_png(picture: Image.Image, path: str | Path) -> Path:
    """Write a picture as `save` writes figures.

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
