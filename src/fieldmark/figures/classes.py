"""How well each class is recognised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fieldmark.evaluation.metrics import wilson_interval
from fieldmark.figures import lettering
from fieldmark.figures.charts import axis_label, chart, ticks
from fieldmark.figures.page import heading, page, write
from fieldmark.figures.style import HEADING, LEAST_WIDE, MARGIN, SMALL
from fieldmark.palette import INK, LIGHT_BLUE, MUTED, RULE

ROW = 0.19  # inches
ROWS = 50  # per column of the page
MOST = 100  # classes shown; of more, the lowest and the highest
LONGEST_NAME = 1.5
BARS_WIDE = 3.2
FIGURES_WIDE = 1.15  # recall and n in numbers
GAP = 0.35


def class_recalls(
    per_class: Sequence[Mapping[str, Any]], *, source: str, title: str = "Recall of each class"
) -> Figure:
    """The share of each class's pictures that was recognised, with its 95 % interval (Wilson), lowest first.

    Classes without pictures are left out and counted; of more than 100, the 50 lowest and the 50 highest are
    shown.

    Args:
        per_class: {class, recall, support} and more of each class, as `evaluate` gives them.
        source: The split that the numbers come from, e.g. "mnist, test split".
        title: The page's first line.

    Returns:
        The page.

    >>> cat = {"class": "cat", "recall": 0.9, "support": 10}
    >>> figure = class_recalls([cat, cat | {"class": "dog"}], source="test split")
    >>> figure.axes[1].get_xlabel()
    'recall (%)'
    """
    names = lettering.short_names([row["class"] for row in per_class], SMALL, LONGEST_NAME)
    seen = [
        (row["recall"], row["support"], name)
        for row, name in zip(per_class, names, strict=True)
        if row["support"]
    ]
    assert seen, "no class has pictures"
    seen.sort(key=lambda row: row[0])
    shown = seen if len(seen) <= MOST else seen[: MOST // 2] + seen[-MOST // 2 :]
    columns = [shown[start : start + ROWS] for start in range(0, len(shown), ROWS)]
    longest = max(lettering.width(name, SMALL) for _, _, name in shown)
    wide = longest + 0.1 + BARS_WIDE + FIGURES_WIDE
    high = ROW * len(columns[0])
    top = HEADING + 0.2
    figure, sheet = page(max(2 * MARGIN + len(columns) * (wide + GAP) - GAP, LEAST_WIDE), top + high + 0.75)
    n = sum(row[1] for row in seen)
    heading(
        sheet,
        title,
        source,
        f"n = {lettering.pictures(n)}",
        _extent(len(per_class), len(seen), len(shown)),
        note="lowest first; the line is the 95 % interval",
    )
    for number, column in enumerate(columns):
        left = MARGIN + number * (wide + GAP)
        _bars(sheet, column, left + longest + 0.1, top)
    return figure


def _extent(classes: int, seen: int, shown: int) -> str:
    told = f"{classes} classes"
    if seen < classes:
        told += f" ({classes - seen} without pictures)"
    return told if shown == seen else f"{told}, the {MOST // 2} lowest and {MOST // 2} highest shown"


def _bars(sheet: Axes, rows: Sequence[tuple[float, int, str]], left: float, top: float) -> None:
    axes = chart(sheet, left, top, BARS_WIDE, ROW * len(rows))
    axes.set_xlim(0, 100)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    for place in (25, 50, 75, 100):
        axes.axvline(place, color=RULE, linewidth=0.6, zorder=0)
    places = list(range(len(rows)))
    axes.barh(places, [100 * recall for recall, _, _ in rows], height=0.62, color=LIGHT_BLUE, linewidth=0)
    intervals = [wilson_interval(round(recall * support), support) for recall, support, _ in rows]
    axes.hlines(
        places,
        [100 * low for low, _ in intervals],
        [100 * high for _, high in intervals],
        color=INK,
        linewidth=1.2,
    )
    ticks(axes, "y", [float(place) for place in places], [name for _, _, name in rows])
    ticks(axes, "x", [0, 25, 50, 75, 100], ["0", "25", "50", "75", "100"])
    axis_label(axes, "x", "recall (%)")
    right = left + BARS_WIDE + 0.58
    write(sheet, right, top - 0.07, "recall", color=MUTED, across="right")
    write(sheet, right + 0.5, top - 0.07, "n", color=MUTED, across="right")
    for place, (recall, support, _) in enumerate(rows):
        y = top + ROW * (place + 0.5)
        write(sheet, right, y, lettering.percent(recall), across="right", down="center_baseline")
        write(
            sheet,
            right + 0.5,
            y,
            lettering.count(support),
            color=MUTED,
            across="right",
            down="center_baseline",
        )
