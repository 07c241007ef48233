"""Charts on a page: quiet axes, fixed ticks at round numbers, labels with units."""

from __future__ import annotations

import math

from matplotlib.axes import Axes

from fieldmark.figures import lettering
from fieldmark.figures.style import LABEL, SMALL
from fieldmark.palette import INK, MUTED, PAPER


def chart(sheet: Axes, left: float, top: float, wide: float, high: float) -> Axes:
    """Axes for data in a box of the page, with quiet spines and ticks.

    Args:
        sheet: The axes of the whole page, as `page` gives them.
        left: Inches from the page's left edge to the box.
        top: Inches from the page's upper edge to the box.
        wide: Width of the box in inches.
        high: Height of the box in inches.

    Returns:
        The new axes, linear both ways.

    >>> from fieldmark.figures.page import page
    >>> figure, sheet = page(4, 3)
    >>> float(chart(sheet, 1, 1, 2, 1).get_position().width)
    0.5
    """
    figure = sheet.get_figure(root=True)
    assert figure is not None
    page_wide, page_high = figure.get_size_inches()
    box = (left / page_wide, 1 - (top + high) / page_high, wide / page_wide, high / page_high)
    axes = figure.add_axes(box, facecolor=PAPER, xscale="linear", yscale="linear")
    axes.grid(False)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set(visible=side in ("left", "bottom"), color=MUTED, linewidth=0.8)
    axes.tick_params(
        which="both", color=MUTED, width=0.8, length=3, pad=3, direction="out", labelcolor=INK,
        top=False, right=False, bottom=True, left=True,
        labeltop=False, labelright=False, labelbottom=True, labelleft=True,
    )  # fmt: skip
    axes.minorticks_off()
    return axes


def ticks(axes: Axes, side: str, places: list[float], labels: list[str], *, turned: bool = False) -> None:
    """Put ticks with these labels, taken literally, at these places.

    Args:
        axes: Axes of a chart.
        side: "x" or "y".
        places: Where the ticks are, in the units of the data.
        labels: One text per tick.
        turned: Whether the labels read upwards.
    """
    set_ticks = axes.set_xticks if side == "x" else axes.set_yticks
    set_ticks(
        places,
        labels,
        fontproperties=lettering.font(SMALL),
        rotation=90 if turned else 0,
        parse_math=False,
        usetex=False,
    )


def axis_label(axes: Axes, side: str, text: str, pad: float = 6) -> None:
    """Write beside an axis what it measures.

    Args:
        axes: Axes of a chart.
        side: "x" or "y".
        text: The quantity and its unit.
        pad: Points between the tick labels and the text.
    """
    label = axes.set_xlabel if side == "x" else axes.set_ylabel
    label(text, fontproperties=lettering.font(LABEL), color=INK, labelpad=pad, parse_math=False, usetex=False)


def places(low: float, high: float, *, whole: bool = False, most: int = 7) -> list[float]:
    """Round numbers from low to high, 1, 2 or 5 times a power of ten apart.

    Args:
        low: Where the axis begins.
        high: Where the axis ends.
        whole: Whether only whole numbers will do.
        most: How many numbers there may be.

    Returns:
        The numbers, in order.

    >>> places(0, 100), places(1, 3, whole=True)
    ([0.0, 20.0, 40.0, 60.0, 80.0, 100.0], [1.0, 2.0, 3.0])
    """
    step = 10.0 ** math.floor(math.log10(max(high - low, 1e-9) / most))
    while (high - low) / step > most - 1 or (whole and step < 1):
        leading = round(step / 10.0 ** math.floor(math.log10(step) + 1e-9))
        step *= 2.5 if leading == 2 else 2.0
    return [
        number * step for number in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    ]


def log_places(low: float, high: float) -> list[float]:
    """Round numbers on a logarithmic axis: 1, 2 and 5 of each decade, or fewer if those are many.

    Args:
        low: Where the axis begins, above 0.
        high: Where the axis ends.

    Returns:
        At most seven numbers, in order.

    >>> log_places(0.03, 2.5)
    [0.05, 0.1, 0.2, 0.5, 1.0, 2.0]
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for leading in ((1, 2, 5), (1, 3), (1,)):
        marks = [digit * 10.0**decade for decade in decades for digit in leading]
        inside = [place for place in marks if low <= place <= high]
        if len(inside) <= 7:
            return inside
    return inside[:: math.ceil(len(inside) / 7)]
