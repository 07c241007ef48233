"""How all figures look: three type sizes, one resolution, shades of the palette."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import to_rgb

from fieldmark.palette import INK, PAPER

DPI = 150

TITLE = 14.0
LABEL = 10.0
SMALL = 8.0

MARGIN = 0.4  # inches
LEAST_WIDE = 5.8  # so that the heading has room
HEADING = 1.1  # inches from the top edge to where the content begins

RIGHT_MARK = "\N{CHECK MARK}"
WRONG_MARK = "\N{BALLOT X}"

# Up to this many pixels a side, a picture is shown with its pixels as squares.
SMALL_PICTURE = 64


def blend(colour: str, strength: np.ndarray) -> np.ndarray:
    """Shades of a colour.

    Args:
        colour: "#RRGGBB".
        strength: 0 for the paper's white to 1 for the whole colour, (H, W).

    Returns:
        RGB in 0-1, (H, W, 3).

    >>> blend("#0072B2", np.array([[0.0]])).tolist()
    [[[1.0, 1.0, 1.0]]]
    """
    return 1 + (np.asarray(to_rgb(colour)) - 1) * strength[:, :, None]


def ink_on(colour: np.ndarray) -> str:
    """Dark or light letters, whichever stands out more.

    By relative luminance (WCAG 2.2); the two are equally legible at a luminance of about 0.2.

    Args:
        colour: What is behind the letters, RGB (3,) in 0-1.

    Returns:
        INK or PAPER.

    >>> ink_on(np.ones(3)) == INK, ink_on(np.zeros(3)) == PAPER
    (True, True)
    """
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return INK if float(linear @ (0.2126, 0.7152, 0.0722)) > 0.2 else PAPER
