"""The picture of `convolution.py`'s results: every problem a point, above 1 where ours is faster.

python benchmarks/convolution_plot.py benchmarks/results/convolution.json speed.png
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

COLOURS = {
    "torch": "#8a8f98",
    "channels_last": "#4f6d8f",
    "shifted": "#d08c30",
    "im2col": "#a05195",
    "fft": "#2a9d6f",
    "overlap_save": "#1b6ca8",
    "overlap_add": "#77b7e0",
}
TITLES = {
    "scipy": "one channel, float64: against the best of scipy",
    "torch": "many channels, float32: against torch.conv2d",
    "gradients": "the same, forward and backward",
}


def draw(results: dict[str, Any], out: Path) -> None:
    """A panel per part that was measured: speed-up over kernel size, coloured by the algorithm chosen."""
    parts = [name for name in TITLES if name in results]
    figure, axes = plt.subplots(1, len(parts), figsize=(5.2 * len(parts), 4.4), squeeze=False)
    used: set[str] = set()
    for axis, name in zip(axes[0], parts, strict=True):
        used |= panel(axis, results[name]["points"], TITLES[name])
    handles = [
        plt.Line2D([], [], marker="o", linestyle="", color=COLOURS[name], label=name)
        for name in COLOURS
        if name in used
    ]
    figure.legend(handles=handles, loc="lower center", ncol=len(handles), frameon=False)
    figure.tight_layout(rect=(0, 0.07, 1, 1))
    figure.savefig(out, dpi=83)
    plt.close(figure)


def panel(axis: Any, points: list[dict[str, Any]], title: str) -> set[str]:
    """One scatter; calls below 200 us are small and pale, as a ratio says little there."""
    used = set()
    for point in points:
        chosen = point["algorithm"] if isinstance(point["algorithm"], str) else point["algorithm"][0]
        used.add(chosen)
        short = max(point["ours"], point["ours"] / point["ratio"]) <= 200
        axis.scatter(
            point["kernel"],
            1 / point["ratio"],
            s=10 if short else 22,
            alpha=0.35 if short else 0.8,
            color=COLOURS.get(chosen, "black"),
            linewidths=0,
        )
    axis.axhline(1, color="black", linewidth=0.8)
    axis.set(xscale="log", yscale="log", xlabel="kernel width", ylabel="times faster", title=title)
    axis.title.set_fontsize(10)
    axis.grid(alpha=0.2)
    return used


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text())["results"], Path(sys.argv[2]))
