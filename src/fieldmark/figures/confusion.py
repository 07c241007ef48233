"""What is taken for what: the confusion matrix, from 2 classes to hundreds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fieldmark.figures import lettering
from fieldmark.figures.charts import axis_label, chart, ticks
from fieldmark.figures.page import heading, page, pixels, write
from fieldmark.figures.style import HEADING, LABEL, LEAST_WIDE, MARGIN, SMALL, TITLE, blend, ink_on
from fieldmark.palette import BLUE, MUTED, VERMILLION

LARGEST_CELL = 1.5  # inches
LARGEST_SIDE = 7.2
LONGEST_NAME = 1.5
TINY = 7.0  # points; only for numbers inside narrow cells
STRIDES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def confusion_matrix(
    confusion: Sequence[Sequence[int]],
    classes: Sequence[str],
    *,
    source: str,
    title: str = "Confusion matrix",
) -> Figure:
    """Counts of pictures by actual class (rows) and predicted class (columns).

    The colour is the share of the row: blue where right, orange where wrong, by its square root, so that a
    few percent show. Cells wide enough carry the count and that share; else the most frequent mistakes are
    listed beside the matrix.

    Args:
        confusion: Counts by [actual][predicted] class, K x K.
        classes: The K names.
        source: The split that the numbers come from, e.g. "mnist, test split".
        title: The page's first line.

    Returns:
        The page.

    >>> figure = confusion_matrix([[90, 10], [5, 95]], ["bird", "plane"], source="test split")
    >>> figure.axes[1].get_xlabel(), figure.axes[1].get_ylabel()
    ('predicted', 'actual')
    """
    counts = np.asarray(confusion, dtype=np.int64)
    k = len(classes)
    assert counts.shape == (k, k), (counts.shape, k)
    supports = counts.sum(axis=1)  # (K,)
    shares = counts / np.maximum(supports, 1)[:, None]  # (K, K)
    cell = min(LARGEST_CELL, LARGEST_SIDE / k)
    side = cell * k
    lettered = _lettering_of_cells(counts, cell)
    names = lettering.short_names(classes, SMALL, LONGEST_NAME)
    longest = max(lettering.width(name, SMALL) for name in names)
    flat = all(lettering.width(name, SMALL) < 0.94 * cell for name in names)
    left, top = MARGIN + 0.4 + longest, HEADING + 0.2
    beside = left + side + 0.5  # where the list begins that stands in for numbers
    wide = left + side + 0.85 if lettered else beside + PAIRS_WIDE + MARGIN
    below = (0.2 if flat else longest + 0.08) + 0.62
    high = top + (side if lettered else max(side, PAIRS_HIGH)) + below
    figure, sheet = page(max(wide, LEAST_WIDE), high)
    n, right = int(supports.sum()), int(counts.trace())
    accuracy = lettering.percent(right / n if n else float("nan"))
    heading(sheet, title, source, f"n = {lettering.pictures(n)}", f"{accuracy} right", note=_note(lettered))

    axes = chart(sheet, left, top, side, side)
    axes.set_xlim(-0.5, k - 0.5)
    axes.set_ylim(k - 0.5, -0.5)
    colours = _colours(shares)
    pixels(axes, colours, (-0.5, -0.5, k, k))
    for spine in axes.spines.values():
        spine.set(visible=True, color=MUTED, linewidth=0.8)
    _name_ticks(axes, names, cell, flat)
    axis_label(axes, "x", "predicted")
    axis_label(axes, "y", "actual", pad=10)
    if lettered:
        _numbers(axes, counts, shares, colours, cell, *lettered)
        _supports(sheet, supports, left + side + 0.08, top, cell)
    else:
        colour_key(sheet, beside, top)
        frequent_mistakes(sheet, counts, names, beside, top + 1.2)
    return figure


def _lettering_of_cells(counts: np.ndarray, cell: float) -> tuple[float, bool] | None:
    """The largest type size that fits the cells, and whether the share of the row fits below the count."""
    widest = lettering.count(int(counts.max()))
    for size, shared in ((TITLE, True), (LABEL, True), (LABEL - 1, True), (SMALL, False), (TINY, False)):
        room = lettering.width(widest, size, bold=True)
        if shared:
            room = max(room, lettering.width("99.9 %", size - 2))
        lines = 4.4 if shared else 1.5
        if 1.15 * room < cell and lines * size / lettering.POINTS_PER_INCH < cell:
            return size, shared
    return None


def _note(lettered: tuple[float, bool] | None) -> str:
    if lettered is None:
        return ""
    return "In the cells: pictures" + (", and their share of the row." if lettered[1] else "; empty is none.")


def _name_ticks(axes: Axes, names: list[str], cell: float, flat: bool) -> None:
    line = 1.5 * SMALL / lettering.POINTS_PER_INCH
    stride = next((stride for stride in STRIDES if stride * cell > line), len(names))
    places = [float(place) for place in range(0, len(names), stride)]
    ticks(axes, "x", places, names[::stride], turned=not flat)
    ticks(axes, "y", places, names[::stride])


def _colours(shares: np.ndarray) -> np.ndarray:
    right, wrong = blend(BLUE, np.sqrt(shares)), blend(VERMILLION, np.sqrt(shares))
    return np.where(np.eye(len(shares), dtype=bool)[:, :, None], right, wrong)  # (K, K, 3)


def _numbers(
    axes: Axes,
    counts: np.ndarray,
    shares: np.ndarray,
    colours: np.ndarray,
    cell: float,
    size: float,
    shared: bool,
) -> None:
    line = size / lettering.POINTS_PER_INCH / cell  # the type size, in cells
    for actual, predicted in np.ndindex(counts.shape):
        number = int(counts[actual, predicted])
        color = ink_on(colours[actual, predicted])
        if number and shared:
            share = lettering.percent(float(shares[actual, predicted]))
            _middle(axes, predicted, actual - 0.65 * line, lettering.count(number), size, color, bold=True)
            _middle(axes, predicted, actual + 0.85 * line, share, size - 2, color)
        elif number or shared:
            _middle(axes, predicted, actual, lettering.count(number), size, color if number else MUTED)


def _middle(
    axes: Axes, x: float, y: float, text: str, size: float, color: str, *, bold: bool = False
) -> None:
    write(axes, x, y, text, size=size, color=color, bold=bold, across="center", down="center_baseline")


def _supports(sheet: Axes, supports: np.ndarray, left: float, top: float, cell: float) -> None:
    write(sheet, left, top - 0.08, "n", color=MUTED)
    for row, support in enumerate(supports.tolist()):
        y = top + (row + 0.5) * cell
        write(sheet, left, y, lettering.count(support), color=MUTED, down="center_baseline")


PAIRS = 22
PAIRS_WIDE = 4.5  # inches
LINE = 0.235
PAIRS_HIGH = 1.2 + (PAIRS + 2) * LINE


def colour_key(sheet: Axes, left: float, top: float) -> None:
    """Draw two ramps, right and wrong, over the square root of the share, with the share in percent below.

    Args:
        sheet: The axes of the page.
        left: Inches from the page's left edge.
        top: Inches from the page's upper edge.
    """
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
    """List the pairs of classes that are confused most often.

    Args:
        sheet: The axes of the page.
        counts: Pictures by actual and predicted class, int64 (K, K).
        names: The K classes, as short as the list's columns need them.
        left: Inches from the page's left edge.
        top: Inches from the page's upper edge.
    """
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
