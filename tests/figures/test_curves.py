"""The curves show the history, and nothing else."""

from __future__ import annotations

import math

import numpy as np
import pytest
from figures.made_up_runs import history
from figures.overlap import drawn_texts, problems

from fieldmark.figures.curves import curves
from fieldmark.vocabulary import History


def _line(axes: object, length: int) -> list[np.ndarray]:
    lines = [line.get_ydata() for line in axes.get_lines()]  # type: ignore[attr-defined]
    return [np.asarray(values) for values in lines if len(values) == length]


def test_every_value_of_the_history_is_on_the_page() -> None:
    run = history(12)
    loss, accuracy, rate = curves(run, 7).axes[1:]
    assert [values.tolist() for values in _line(loss, 12)] == [
        run.column("train_loss"),
        run.column("val_loss"),
    ]
    shares = [100 * np.array(run.column(name)) for name in ("train_accuracy", "val_accuracy")]
    np.testing.assert_allclose(_line(accuracy, 12), shares)
    assert _line(rate, 12)[0].tolist() == run.column("learning_rate")
    for axes in (loss, accuracy, rate):
        low, high = axes.get_ylim()
        assert all(low <= values.min() <= values.max() <= high for values in _line(axes, 12))


def test_the_kept_epoch_is_marked_and_its_figures_are_named() -> None:
    run = history(12)
    figure = curves(run, 7, title="digits on mnist")
    texts = [text for text, _ in drawn_texts(figure)]
    row = run.rows[6]
    expected = (
        f"kept: epoch 7 of 12, val loss {row['val_loss']:.4f}, val accuracy {100 * row['val_accuracy']:.2f} %"
    )
    assert texts[:2] == ["digits on mnist", expected]
    assert "kept: epoch 7" in texts
    for axes, value in zip(figure.axes[1:3], (row["val_loss"], 100 * row["val_accuracy"]), strict=True):
        rings = [line for line in axes.get_lines() if line.get_markerfacecolor() == "none"]
        assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in rings] == [(7, value)]


def test_a_loss_that_falls_far_gets_a_log_scale_and_says_so() -> None:
    assert curves(history(30), 3).axes[1].get_ylabel() == "loss (nats, log scale)"
    run = history(2)
    for row in run.rows:
        row |= {"train_loss": 1.0, "val_loss": 0.11}
    assert curves(run, 1).axes[1].get_ylabel() == "loss (nats)"


@pytest.mark.parametrize("loss", [0.0, math.nan, math.inf, 1e-9, 1e6])
@pytest.mark.parametrize("accuracy", [0.0, 1.0, math.nan])
def test_extreme_and_missing_values_do_not_break_the_figure(loss: float, accuracy: float) -> None:
    run = history(4)
    run.rows[1] |= {
        "train_loss": loss,
        "val_loss": loss,
        "train_accuracy": accuracy,
        "val_accuracy": accuracy,
    }
    run.rows[2]["learning_rate"] = 0.0
    assert problems(curves(run, 3)) == []


def test_a_history_of_nothing_but_zeros_is_drawn() -> None:
    rows = [dict.fromkeys(History.COLUMNS, 0.0) | {"epoch": epoch} for epoch in (1.0, 2.0)]
    assert problems(curves(History(rows), 1)) == []
    assert problems(curves(History(rows[:1]), 1)) == []


def test_one_epoch_is_figures_and_no_curve_of_a_single_point() -> None:
    run = history(1)
    figure = curves(run, 1, counts={"train": 1600, "val": 400})
    assert len(figure.axes) == 1
    texts = [text for text, _ in drawn_texts(figure)]
    row = run.rows[0]
    for wanted in ("train, n = 1,600", "val, n = 400", f"{row['val_loss']:.4f}", f"{row['train_loss']:.4f}"):
        assert wanted in texts
    assert f"{100 * row['val_accuracy']:.2f} %" in texts
    assert "Curves need two epochs or more." in texts
    assert problems(figure) == []
