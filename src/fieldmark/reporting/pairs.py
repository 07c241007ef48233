"""What stands beside a confusion matrix too fine for numbers: its colours, and the most frequent mistakes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from fieldmark.reporting import lettering
from fieldmark.reporting.page import pixels, write
from fieldmark.reporting.style import BLUE, LABEL, MUTED, SMALL, VERMILLION, blend

PAIRS = 22
PAIRS_WIDE = 4.5  # inches
LINE = 0.235
PAIRS_HIGH = 1.2 + (PAIRS + 2) * LINE


def colour_key(sheet: Axes, left: float, top: float) -> None:
    """Two ramps, right and wrong, over the square root of the share, with the share in percent below."""
    write(sheet, left, top + 0.1, "share of the actual class", size=LABEL, bold=True)
    ramp = np.linspace(0, 1, 64)[None, :]  # (1, 64)
    start, long = left + 0.5, PAIRS_WIDE - 0.75
    for line, (name, color) in enumerate((("right", BLUE), ("wrong", VERMILLION))):
        y = top + 0.22 + 0.22 * line
        pixels(sheet, blend(color, ramp), (start, y, long, 0.17))
        write(sheet, left, y + 0.13, name)
    for share in (0.0, 0.01, 0.1, 0.25, 0.5, 1.0):
        write(sheet, start + long * share**0.5, top + 0.8, lettering.percent(share, 0), across="center")


def frequent_mistakes(sheet: Axes, counts: np.ndarray, names: Sequence[str], left: float, top: float) -> None:
    """The pairs of classes confused most often, by count; counts int64 (K, K) by actual and predicted."""
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:PAIRS].tolist()
    pairs = [(actual, predicted) for actual, predicted in (divmod(flat, len(names)) for flat in order)]
    pairs = [pair for pair in pairs if wrong[pair] > 0]
    write(sheet, left, top + 0.1, "most frequent mistakes", size=LABEL, bold=True)
    columns = (left, left + 1.65, left + 3.75, left + PAIRS_WIDE)
    if not pairs:
        write(sheet, left, top + 0.4, "none", size=SMALL)
        return
    headings = ("actual", "predicted", "pictures", "of class")
    for column, name in enumerate(headings):
        write(sheet, columns[column], top + 0.36, name, color=MUTED, across=_side(column))
    for line, (actual, predicted) in enumerate(pairs, start=1):
        number = int(wrong[actual, predicted])
        share = lettering.percent(number / int(counts[actual].sum()), 0)
        for column, text in enumerate((names[actual], names[predicted], lettering.count(number), share)):
            y = top + 0.36 + LINE * line
            write(sheet, columns[column], y, text, bold=column == 2, across=_side(column))


def _side(column: int) -> str:
    return "left" if column < 2 else "right"
