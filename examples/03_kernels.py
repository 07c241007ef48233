"""What hand-set kernels show: edges on a photo, strokes on a digit, and, in two layers, a large cross.

    python examples/03_kernels.py

draws all three for docs/convolution.md. scene.py makes the photo; the digit is of the packaged sample.
"""

from __future__ import annotations

import numpy as np
from drawing import colours, grey, image, main, title
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scene import scene

from fieldmark import conv
from fieldmark.conv import kernels
from fieldmark.data.sources.sample import sample
from fieldmark.figures.page import page
from fieldmark.figures.style import MARGIN

Array = np.ndarray
DIGIT = 870  # a 4 of the packaged sample


def photo() -> Figure:
    """The drawn photo under eight kernels, each kernel in the corner of what it makes."""
    picture = scene(220, 330).astype(float)
    figure, sheet = page(7.75, 6.35)
    for place, (name, note, kernel, shown) in enumerate(
        (
            ("original", "drawn by the example", None, grey),
            ("gaussian", "sigma 3: soft blur", kernels.gaussian(3), grey),
            ("sharpen", "edges overshoot", kernels.sharpen(), grey),
            ("emboss", "brightness as height", kernels.emboss(), grey),
            ("sobel_x", "vertical edges", kernels.sobel_x(), bold),
            ("sobel_y", "horizontal edges", kernels.sobel_y(), bold),
            ("laplacian", "edges in all directions", kernels.laplacian(), bold),
            ("gabor", "degrees 45, phase 90: edges like /", kernels.gabor(degrees=45, phase=90), bold),
            ("gabor", "degrees -45, phase 90: edges like \\", kernels.gabor(degrees=-45, phase=90), bold),
        )
    ):
        left, top = MARGIN + (place % 3) * 2.38, 0.35 + (place // 3) * 2.02
        title(sheet, left, top, name, note)
        values = picture
        if kernel is not None:
            values = conv.correlate2d(picture, kernel, padding="same", boundary="reflect")
        x, y, wide, high = image(sheet, shown(values), left, top + 0.26)
        if kernel is not None:
            image(sheet, colours(kernel), x + wide - 0.42, y + high - 0.42, 0.42)
    return figure


def bold(values: Array) -> Array:
    """Signed colours, full already where all but 3 in 1,000 pixels are fainter."""
    return colours(values, largest=np.quantile(np.abs(values), 0.997))


def digit() -> Figure:
    """A handwritten 4 under the kernels that find strokes."""
    picture = sample()["train"].images[DIGIT, 0].numpy() / 255
    figure, sheet = page(7.75, 1.95)
    strip(
        sheet,
        [
            ("a digit", "28x28", grey(picture, white=1)),
            *(
                (name, note, colours(conv.correlate2d(picture, getattr(kernels, name)(), padding="same")))
                for name, note in (
                    ("prewitt_x", "vertical edges"),
                    ("prewitt_y", "horizontal ones"),
                    ("diagonal", "strokes like \\"),
                    ("antidiagonal", "strokes like /"),
                    ("laplacian", "edges all round"),
                )
            ),
        ],
        wide=1.02,
    )
    return figure


def crosses() -> Array:
    """48 x 48: a cross of 13 pixels, one of 3, lines, a checkerboard and a square."""
    shapes = np.zeros((48, 48))
    shapes[8, 2:15] = shapes[2:15, 8] = 1
    shapes[8, 34:37] = shapes[7:10, 35] = 1
    shapes[24, 2:18] = shapes[22:40, 24] = 1
    shapes[range(30, 43), range(4, 17)] = 1
    shapes[32:44:2, 32:44:2] = shapes[33:44:2, 33:44:2] = 1
    shapes[20:28, 34:42] = 1
    return shapes


def large_cross() -> Figure:
    """Two layers of the same 3x3 cross kernel with a max-pool between answer to the large cross alone."""
    shapes, cross = crosses(), kernels.cross()
    once = conv.correlate2d(shapes, cross, padding="same")
    first = np.maximum(once, 0)
    pooled = conv.max_pool2d(first, 2)
    twice = np.maximum(conv.correlate2d(pooled, cross, padding="same"), 0)
    large, small = twice[4, 4], twice[:8, 14:].max()  # where the two crosses are
    others = twice[8:].max()
    figure, sheet = page(7.75, 2.6)
    strip(
        sheet,
        [
            ("shapes", "48x48", grey(shapes, white=1)),
            ("cross, ReLU", f"both crosses: {once[8, 8]:g} and {once[8, 35]:g}", colours(first)),
            ("max-pool 2x2", "24x24", colours(pooled)),
            ("cross, ReLU", f"large {large:g}, small {small:g}, others {others:g}", colours(twice)),
        ],
        wide=1.6,
    )
    return figure


def strip(sheet: Axes, panels: list[tuple[str, str, Array]], wide: float) -> None:
    """Pictures in a row, each under its name."""
    gap = (7.75 - 2 * MARGIN - len(panels) * wide) / (len(panels) - 1)
    for place, (name, note, colour) in enumerate(panels):
        left = MARGIN + place * (wide + gap)
        title(sheet, left, 0.35, name, note)
        image(sheet, colour, left, 0.65, wide)


if __name__ == "__main__":
    main({"convolution-photo": photo, "convolution-digit": digit, "convolution-cross": large_cross})
