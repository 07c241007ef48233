"""The picture of `architectures.py`'s results: how each family learned under the clock, and where it arrived.

python examples/architectures_plot.py benchmarks/results/families.json docs/pictures/families.png
"""

from __future__ import annotations

import json
import sys
from itertools import accumulate
from pathlib import Path
from typing import Any

from drawing import with_palette
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fieldmark.figures.charts import axis_label, chart, places, ticks
from fieldmark.figures.page import heading, page, rendered, write, write_png
from fieldmark.figures.style import HEADING, LABEL, MARGIN
from fieldmark.palette import MUTED, RULE

# Okabe & Ito 2008 without yellow, which is too pale for lines, and with grey for their purple
COLOURS = {
    "lenet": "#1A1A1A",
    "alexnet": "#E69F00",
    "vgg": "#56B4E9",
    "nin": "#8A8F98",
    "googlenet": "#009E73",
    "resnet": "#0072B2",
    "densenet": "#D55E00",
}
MARKERS = {
    "lenet": "o",
    "alexnet": "v",
    "vgg": "s",
    "nin": "P",
    "googlenet": "D",
    "resnet": "o",
    "densenet": "^",
}
NAMES = {
    "lenet": "LeNet",
    "alexnet": "AlexNet",
    "vgg": "VGG-11",
    "nin": "NiN",
    "googlenet": "GoogLeNet",
    "resnet": "ResNet-18",
    "densenet": "DenseNet",
}
TITLES = {"fashion-mnist": "Fashion-MNIST", "cifar10": "CIFAR-10"}
CURVES_WIDE, DOTS_WIDE, HIGH = 3.75, 1.9, 2.35  # inches
NAMES_WIDE, GAP = 0.85, 0.75
BELOW = 12  # points of accuracy that are shown below the worst test result


def draw(rows: list[dict[str, Any]]) -> Figure:
    """Two charts per data set: validation accuracy over minutes, test accuracy with its interval."""
    sets = [name for name in TITLES if any(row["data"] == name for row in rows)]
    left = MARGIN + 0.55
    dots_left = left + CURVES_WIDE + 0.3 + NAMES_WIDE
    figure, sheet = page(dots_left + DOTS_WIDE + 0.75, HEADING + 0.15 + len(sets) * (HIGH + GAP))
    minutes = max(row["minutes"] for row in rows)
    heading(
        sheet,
        "Seven designs under one clock",
        f"{minutes:.0f} minutes of training each on two processor cores, narrow members, seed 0",
        note="left: the best so far on validation pictures; right: the test pictures, with the 95 % interval",
    )
    for number, name in enumerate(sets):
        found = [row for row in rows if row["data"] == name]
        top = HEADING + 0.3 + number * (HIGH + GAP)
        write(sheet, MARGIN, top - 0.12, TITLES[name], size=LABEL, bold=True)
        lowest = 100 * min(row["interval"][0] for row in found)
        last = number == len(sets) - 1
        learned(chart(sheet, left, top, CURVES_WIDE, HIGH), found, lowest, last)
        arrived(chart(sheet, dots_left, top, DOTS_WIDE, HIGH), found, lowest, last)
    return figure


def learned(axes: Axes, rows: list[dict[str, Any]], lowest: float, labelled: bool) -> None:
    """The best validation accuracy so far over minutes of training, a line per family.

    It is the epoch that would be kept. A single epoch may fall far below (ResNet's second), which hides what
    the others do.
    """
    end = max(row["minutes"] for row in rows)
    bottom = max(0.0, lowest - BELOW)
    top = min(100.0, 1.5 + 100 * max(accuracy for row in rows for _, accuracy in row["history"]))
    marks = places(bottom, top, most=6)
    axes.set_xlim(0, end * 1.02)
    axes.set_ylim(bottom, top)
    for place in marks:
        axes.axhline(place, color=RULE, linewidth=0.6, zorder=0)
    for row in rows:
        best = list(accumulate((accuracy for _, accuracy in row["history"]), max))
        axes.plot(
            [minutes for minutes, _ in row["history"]],
            [100 * accuracy for accuracy in best],
            color=COLOURS[row["family"]],
            linewidth=1.8,
            marker=MARKERS[row["family"]] if len(best) < 20 else "",
            markersize=4.5,
            markeredgecolor="white",
            markeredgewidth=0.4,
            clip_on=True,
        )
    ticks(axes, "y", marks, [f"{place:g}" for place in marks])
    ticks(axes, "x", places(0, end), [f"{place:g}" for place in places(0, end)])
    axis_label(axes, "y", "validation accuracy (%)")
    if labelled:
        axis_label(axes, "x", "minutes of training")


def arrived(axes: Axes, rows: list[dict[str, Any]], lowest: float, labelled: bool) -> None:
    """Test accuracy with its interval, a line per family, the best on top."""
    ranked = sorted(rows, key=lambda row: -row["test_accuracy"])
    start, end = lowest - 2, min(100.0, 100 * max(row["interval"][1] for row in rows) + 2)
    marks = places(start, end, most=5)
    axes.set_xlim(start, end)
    axes.set_ylim(len(ranked) - 0.5, -0.5)
    for mark in marks:
        axes.axvline(mark, color=RULE, linewidth=0.6, zorder=0)
    for place, row in enumerate(ranked):
        low, high = (100 * edge for edge in row["interval"])
        colour = COLOURS[row["family"]]
        axes.hlines(place, low, high, color=colour, linewidth=2)
        axes.plot([100 * row["test_accuracy"]], [place], MARKERS[row["family"]], color=colour, markersize=6)
        accuracy = f"{100 * row['test_accuracy']:.1f}"
        write(axes, end + 0.03 * (end - start), place, accuracy, color=MUTED, down="center")
    ticks(axes, "y", [float(place) for place in range(len(ranked))], [NAMES[row["family"]] for row in ranked])
    for label, row in zip(axes.get_yticklabels(), ranked, strict=True):
        label.set_color(COLOURS[row["family"]])
    ticks(axes, "x", marks, [f"{mark:g}" for mark in marks])
    if labelled:
        axis_label(axes, "x", "test accuracy (%)")


if __name__ == "__main__":
    drawn = draw(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    print(write_png(with_palette(rendered(drawn)), sys.argv[2]))
