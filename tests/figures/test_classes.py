"""Recall per class: sorted, with intervals, nothing dropped in silence."""

from __future__ import annotations

import numpy as np
import pytest
from figures.made_up_runs import class_names, recalls
from figures.overlap import drawn_texts, problems

from fieldmark.figures.classes import class_recalls

ROWS = [
    {"class": "cat", "recall": 0.95, "support": 100},
    {"class": "dog", "recall": 0.5, "support": 10},
    {"class": "emu", "recall": None, "support": 0},
]


def test_lowest_first_with_wilson_intervals() -> None:
    figure = class_recalls(ROWS, source="x, test split")
    axes = figure.axes[1]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["dog", "cat"]
    assert [bar.get_width() for bar in axes.patches] == [50.0, 95.0]
    segments = [segment[:, 0].tolist() for segment in axes.collections[0].get_segments()]
    # scipy.stats.binomtest(5, 10) and (95, 100), proportion_ci(method="wilson")
    np.testing.assert_allclose(segments, [[23.6593, 76.3407], [88.8247, 97.8458]], atol=1e-3)
    texts = [text for text, _ in drawn_texts(figure)]
    assert "x, test split, n = 110 pictures, 3 classes (1 without pictures)" in texts
    assert {"50.0 %", "95.0 %", "10", "100"} <= set(texts)


@pytest.mark.parametrize("classes", [1, 49, 51, 99, 101, 300])
def test_of_more_than_a_hundred_the_two_ends_are_shown_and_that_is_said(classes: int) -> None:
    figure = class_recalls(recalls(class_names(classes)), source="x")
    assert problems(figure) == []
    assert sum(len(axes.patches) for axes in figure.axes[1:]) == min(classes, 100)
    assert ("50 lowest and 50 highest" in figure.axes[0].texts[1].get_text()) == (classes > 100)
