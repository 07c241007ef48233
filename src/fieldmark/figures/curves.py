"""How training went: loss, accuracy and learning rate against the epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fieldmark.figures import lettering
from fieldmark.figures.charts import axis_label, chart, log_places, places, ticks
from fieldmark.figures.page import heading, page, write
from fieldmark.figures.style import HEADING, LABEL, LEAST_WIDE, MARGIN, SMALL
from fieldmark.palette import BLUE, INK, MUTED, RULE, VERMILLION
from fieldmark.vocabulary import History

WIDE = 8.6
LEFT = 1.15
LABELS_LEFT = 0.7  # how far left of the charts their labels stand
PANEL_WIDE = WIDE - LEFT - 0.45
PANEL_HIGH = 2.1
RATE_HIGH = 0.7
GAP = 0.28
SPLITS = (("train", VERMILLION, (0, (4, 1.5)), "s"), ("val", BLUE, "solid", "o"))
# Up to this many epochs every one gets a marker; with more they would run into each other.
MARKED = 40
# From this ratio of the largest to the smallest loss on, a linear axis would flatten the second half.
LOG_FROM = 10.0
READ = "train: mean over the epoch, while learning; val: measured after it, without augmentation"


def curves(
    history: History, best_epoch: int, *, title: str = "Training", counts: Mapping[str, int] | None = None
) -> Figure:
    """Loss and accuracy on train and val, and the learning rate, against the epoch; the kept epoch is marked.

    A single epoch makes no curve: its figures are written out instead.

    Args:
        history: At least one row. Values that are not finite are left out.
        best_epoch: The epoch whose weights were kept, a value of the column "epoch".
        title: The page's first line.
        counts: Pictures per split, stated in the key when given.

    Returns:
        The page.

    >>> rows = [dict.fromkeys(History.COLUMNS, 0.5) | {"epoch": epoch} for epoch in (1, 2)]
    >>> curves(History(rows), 1).axes[1].get_ylabel()
    'loss (nats)'
    """
    epochs = [int(epoch) for epoch in history.column("epoch")]
    assert best_epoch in epochs, (best_epoch, epochs)
    if len(epochs) == 1:
        return _one_epoch(history.rows[0], title, counts or {})
    kept = history.rows[epochs.index(best_epoch)]
    tops = [HEADING + 0.65, HEADING + 0.65 + PANEL_HIGH + GAP, HEADING + 0.65 + 2 * (PANEL_HIGH + GAP)]
    figure, sheet = page(WIDE, tops[2] + RATE_HIGH + 0.72)
    heading(
        sheet,
        title,
        f"kept: epoch {best_epoch} of {epochs[-1]}",
        f"val loss {kept['val_loss']:.4f}",
        f"val accuracy {lettering.percent(kept['val_accuracy'], 2)}",
        note=READ,
    )
    _key(sheet, counts or {}, marked=len(epochs) <= MARKED)

    loss = chart(sheet, LEFT, tops[0], PANEL_WIDE, PANEL_HIGH)
    accuracy = chart(sheet, LEFT, tops[1], PANEL_WIDE, PANEL_HIGH)
    rate = chart(sheet, LEFT, tops[2], PANEL_WIDE, RATE_HIGH)
    for axes, quantity, unit in ((loss, "loss", 1.0), (accuracy, "accuracy", 100.0)):
        for split, color, line, marker in SPLITS:
            values = [unit * value for value in history.column(f"{split}_{quantity}")]
            _line(axes, epochs, values, color, line, marker)
    rates = history.column("learning_rate")
    rate.fill_between(epochs, rates, color=RULE, linewidth=0, step=None)
    _line(rate, epochs, rates, MUTED, "solid", ".")
    _loss_axis(loss, history.column("train_loss") + history.column("val_loss"))
    _accuracy_axis(accuracy, history.column("train_accuracy") + history.column("val_accuracy"))
    _rate_axis(rate, rates)
    for axes in (loss, accuracy, rate):
        _epoch_axis(axes, epochs, labelled=axes is rate)
        axes.yaxis.set_label_coords(-LABELS_LEFT / PANEL_WIDE, 0.5)
        axes.axvline(best_epoch, color=INK, linewidth=0.9, linestyle=(0, (1, 2)), zorder=1)
    for axes, value in ((loss, kept["val_loss"]), (accuracy, 100 * kept["val_accuracy"])):
        axes.plot(
            [best_epoch],
            [value],
            "o",
            markersize=9,
            markerfacecolor="none",
            markeredgecolor=INK,
            markeredgewidth=1.2,
        )
    _kept_label(sheet, loss, best_epoch, tops[0] - 0.09)
    return figure


def _one_epoch(row: Mapping[str, float], title: str, counts: Mapping[str, int]) -> Figure:
    """The figures of the only epoch, a line per split."""
    figure, sheet = page(LEAST_WIDE, HEADING + 1.55)
    heading(sheet, title, f"one epoch, at a learning rate of {row['learning_rate']:.3g}", note=READ)
    columns = (MARGIN, MARGIN + 2.0, MARGIN + 3.4)
    y = HEADING + 0.35
    for x, text in zip(columns[1:], ("loss (nats)", "accuracy"), strict=True):
        write(sheet, x, y, text, size=LABEL, color=MUTED)
    for split, color, _, _ in SPLITS:
        y += 0.32
        n = f", n = {lettering.count(counts[split])}" if split in counts else ""
        accuracy = lettering.percent(row[f"{split}_accuracy"], 2)
        write(sheet, columns[0], y, split + n, size=LABEL, color=color, bold=True)
        write(sheet, columns[1], y, f"{row[f'{split}_loss']:.4f}", size=LABEL)
        write(sheet, columns[2], y, accuracy, size=LABEL)
    write(sheet, MARGIN, y + 0.4, "Curves need two epochs or more.", color=MUTED)
    return figure


def _key(sheet: Axes, counts: Mapping[str, int], *, marked: bool) -> None:
    x, y = LEFT, HEADING + 0.18
    for split, color, line, marker in SPLITS:
        n = f", n = {lettering.count(counts[split])}" if split in counts else ""
        sheet.plot(
            [x, x + 0.25, x + 0.5],
            [y, y, y],
            color=color,
            linestyle=line,
            marker=marker if marked else "None",
            linewidth=1.8,
            markersize=5,
            markeredgewidth=0,
            markevery=[1],
        )
        write(sheet, x + 0.6, y, split + n, size=LABEL, down="center_baseline")
        x += 0.6 + lettering.width(split + n, LABEL) + 0.4


def _line(axes: Axes, epochs: list[int], values: list[float], color: str, line: object, marker: str) -> None:
    few = len(epochs) <= MARKED
    axes.plot(
        epochs,
        values,
        color=color,
        linestyle=line,
        linewidth=1.8 if few else 1.3,
        marker=marker if few else "None",
        markersize=4.5,
        markeredgewidth=0,
    )


def _loss_axis(axes: Axes, values: Sequence[float]) -> None:
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    if low > 0 and high / low > LOG_FROM:
        axes.set_yscale("log")
        axes.minorticks_off()
        low, high = low / 1.15, high * 1.15
        marks = log_places(low, high)
        axis_label(axes, "y", "loss (nats, log scale)")
    else:
        low, high = 0.0, 1.06 * high or 1.0
        marks = places(low, high)
        axis_label(axes, "y", "loss (nats)")
    axes.set_ylim(low, high)
    _scale(axes, marks)


def _accuracy_axis(axes: Axes, values: Sequence[float]) -> None:
    finite = [100 * value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=100.0)
    margin = max(0.08 * (high - low), 0.5)
    low, high = max(0.0, low - margin), min(100.0, high + margin)
    axes.set_ylim(low, high + 0.02 * (high - low))
    axis_label(axes, "y", "accuracy (%)")
    _scale(axes, places(low, high))


def _rate_axis(axes: Axes, values: Sequence[float]) -> None:
    highest = max(values) or 1.0
    axes.set_ylim(0, 1.15 * highest)
    axis_label(axes, "y", "learning\nrate")
    _scale(axes, [0.0, highest])


def _epoch_axis(axes: Axes, epochs: list[int], *, labelled: bool) -> None:
    first, last = epochs[0], epochs[-1]
    margin = max(0.5, 0.02 * (last - first))
    axes.set_xlim(first - margin, last + margin)
    marks = places(first, last, whole=True)
    ticks(axes, "x", marks, [f"{place:.0f}" if labelled else "" for place in marks])
    if labelled:
        axis_label(axes, "x", "epoch")


def _scale(axes: Axes, marks: list[float]) -> None:
    ticks(axes, "y", marks, [f"{mark:.3g}" for mark in marks])
    for place in marks:
        axes.axhline(place, color=RULE, linewidth=0.6, zorder=0)


def _kept_label(sheet: Axes, axes: Axes, epoch: int, y: float) -> None:
    text = f"kept: epoch {epoch}"
    first, last = axes.get_xlim()
    half = lettering.width(text, SMALL) / 2
    x = LEFT + PANEL_WIDE * (epoch - first) / (last - first)
    write(sheet, min(max(x, MARGIN + half), WIDE - MARGIN - half), y, text, across="center")
