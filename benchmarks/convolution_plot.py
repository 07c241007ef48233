"""The picture of `convolution.py`'s results: every problem a point, above 1 where ours is faster.

python benchmarks/convolution_plot.py benchmarks/results/convolution.json docs/pictures/convolution-speed.png
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fieldmark.figures import lettering
from fieldmark.figures.charts import axis_label, chart, ticks
from fieldmark.figures.page import heading, page, rendered, write, write_png
from fieldmark.figures.style import HEADING, LABEL, MARGIN
from fieldmark.palette import BLUE, INK, MUTED, RULE, VERMILLION

# Okabe & Ito 2008 and a shape each, so that the colours are not needed.
LOOKS = {
    "torch": ("#8A8F98", "s"),
    "channels_last": ("#56B4E9", "D"),
    "shifted": ("#E69F00", "v"),
    "im2col": ("#CC79A7", "P"),
    "fft": ("#009E73", "^"),
    "overlap_save": (BLUE, "o"),
    "overlap_add": (VERMILLION, "X"),
}
SHORT = 200  # microseconds: a ratio says little below, so such calls are small and hollow
WIDE, HIGH, GAP = 2.02, 2.9, 0.6  # inches: a panel, and between two
LEFT = 0.95
COLOURS = 64


@dataclass(frozen=True)
class Panel:
    """What is compared, and the round numbers on its axes."""

    title: str
    note: str
    kernels: tuple[int, ...]
    times: tuple[float, ...]


PANELS = {
    "scipy": Panel("against scipy's best", "one channel, float64", (1, 3, 10, 30, 100), (0.5, 1, 2, 5, 10)),
    "torch": Panel("against PyTorch", "with channels, float32", (1, 3, 10, 30), (1, 10, 100, 1000)),
    "gradients": Panel(
        "with both gradients", "the same, forward and back", (1, 3, 10, 30), (1, 10, 100, 1000)
    ),
}


def draw(results: dict[str, Any]) -> Figure:
    """A panel per part that was measured: speed-up over kernel size, by the algorithm that auto chose."""
    parts = [name for name in PANELS if name in results]
    wide = LEFT + len(parts) * (WIDE + GAP) - GAP + MARGIN
    figure, sheet = page(wide, HEADING + 0.6 + HIGH + 1.1)
    count = sum(len(results[name]["points"]) for name in parts)
    heading(
        sheet,
        "How many times faster auto is",
        f"n = {lettering.count(count)} convolutions, medians on two cores (Zen 5)",
        note=f"each point is one shape; small and hollow: calls below {SHORT} microseconds",
    )
    used: set[str] = set()
    top = HEADING + 0.6
    for place, name in enumerate(parts):
        left = LEFT + place * (WIDE + GAP)
        write(sheet, left, top - 0.33, PANELS[name].title, size=LABEL, bold=True)
        write(sheet, left, top - 0.14, PANELS[name].note, color=MUTED)
        axes = chart(sheet, left, top, WIDE, HIGH)
        used |= draw_panel(axes, results[name]["points"], PANELS[name])
        if place == 0:
            axis_label(axes, "y", "times faster (log scale)")
        axis_label(axes, "x", "kernel width (log scale)")
    key(sheet, [name for name in LOOKS if name in used], top + HIGH + 0.82)
    return figure


def draw_panel(axes: Axes, points: list[dict[str, Any]], panel: Panel) -> set[str]:
    """One cloud of points; returns the algorithms in it. Those of one width stand a little apart."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.minorticks_off()
    ratios = [1 / point["ratio"] for point in points]
    widths = [point["kernel"] for point in points]
    axes.set_xlim(0.8, 1.35 * max(widths))
    axes.set_ylim(0.75 * min(ratios), 1.35 * max(ratios))
    for place in panel.times:
        axes.axhline(place, color=INK if place == 1 else RULE, linewidth=1.0 if place == 1 else 0.6, zorder=0)
    write(axes, 1.3 * max(widths), 0.95, "slower", color=MUTED, across="right", down="top")
    used = set()
    for number, point in enumerate(points):
        chosen = point["algorithm"] if isinstance(point["algorithm"], str) else point["algorithm"][0]
        used.add(chosen)
        colour, marker = LOOKS[chosen]
        short = max(point["ours"], point["ours"] / point["ratio"]) <= SHORT
        apart = math.exp(0.09 * ((number * 0.618034) % 1 - 0.5))
        axes.plot(
            [point["kernel"] * apart],
            [1 / point["ratio"]],
            linestyle="none",
            marker=marker,
            markersize=3.2 if short else 5,
            markerfacecolor="none" if short else colour,
            markeredgecolor=colour if short else "white",
            markeredgewidth=0.6 if short else 0.3,
            alpha=0.9,
        )
    ticks(axes, "x", list(map(float, panel.kernels)), [f"{kernel}" for kernel in panel.kernels])
    ticks(axes, "y", list(panel.times), [f"{place:g}" for place in panel.times])
    return used


def key(sheet: Axes, names: list[str], y: float) -> None:
    """The algorithms by colour and shape, in a line."""
    x = MARGIN
    write(sheet, x, y, "auto chose", size=LABEL, color=MUTED, down="center")
    x += lettering.width("auto chose", LABEL) + 0.3
    for name in names:
        colour, marker = LOOKS[name]
        sheet.plot([x], [y], linestyle="none", marker=marker, markersize=7, color=colour, markeredgewidth=0)
        write(sheet, x + 0.12, y, name, size=LABEL, down="center")
        x += 0.12 + lettering.width(name, LABEL) + 0.3


if __name__ == "__main__":
    drawn = draw(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["results"])
    print(write_png(rendered(drawn).quantize(COLOURS), Path(sys.argv[2])))
