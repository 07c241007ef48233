"""A page of predictions says what was predicted of what, and whether that is right."""

from __future__ import annotations

import numpy as np
import torch
from figures.made_up_runs import FOUR, FOUR_LOGITS
from figures.overlap import drawn_texts
from matplotlib.figure import Figure

from fieldmark.figures.predictions import predictions_page
from fieldmark.figures.style import RIGHT_MARK, WRONG_MARK
from fieldmark.vocabulary import Predictions


def _texts(figure: Figure) -> list[str]:
    return [text for text, _ in drawn_texts(figure)]


def _values(figure: Figure) -> list[int]:
    return [int(np.asarray(image.get_array())[0, 0, 0]) for image in figure.axes[0].images]


def test_each_picture_stands_with_its_own_verdict_whatever_the_order_of_the_rows() -> None:
    verdicts = {
        10: f"{WRONG_MARK} wrong: is dog",
        20: f"{RIGHT_MARK} right: dog",
        30: f"{WRONG_MARK} wrong: is cat",
        40: f"{RIGHT_MARK} right: cat",
    }
    for order in (torch.arange(4), torch.tensor([2, 0, 3, 1])):
        rows = Predictions(FOUR_LOGITS[order], FOUR.labels[order], index=order)
        figure = predictions_page(FOUR, rows, source="x", generator=torch.Generator())
        said = [text for text in _texts(figure) if text[0] in (RIGHT_MARK, WRONG_MARK)]
        assert sorted(_values(figure)) == [10, 20, 30, 40]
        assert said == [verdicts[value] for value in _values(figure)]


def test_right_and_wrong_differ_in_mark_word_frame_and_not_only_in_colour() -> None:
    figure = predictions_page(
        FOUR, Predictions(FOUR_LOGITS, FOUR.labels), source="x", generator=torch.Generator()
    )
    texts = _texts(figure)
    assert "x, 4 of n = 4 pictures, 2 of these 4 right" in texts
    assert texts.count(f"{RIGHT_MARK} right: cat") == texts.count(f"{RIGHT_MARK} right: dog") == 1
    assert texts.count(f"{WRONG_MARK} wrong: is cat") == texts.count(f"{WRONG_MARK} wrong: is dog") == 1
    frames = [patch for patch in figure.axes[0].patches if not patch.get_fill()]
    assert sorted(patch.get_linestyle() == "solid" for patch in frames) == [False, False, True, True]


def test_bars_are_as_long_as_the_scores() -> None:
    figure = predictions_page(FOUR, Predictions(FOUR_LOGITS), source="x", generator=torch.Generator())
    bars = [patch for patch in figure.axes[0].patches if patch.get_fill()]
    shares = sorted(
        bar.get_width() / track.get_width() for track, bar in zip(bars[::2], bars[1::2], strict=True)
    )
    np.testing.assert_allclose(shares, np.sort(FOUR_LOGITS.softmax(1).flatten().numpy()), rtol=1e-6)


def test_pictures_without_labels_get_scores_and_no_verdict() -> None:
    figure = predictions_page(FOUR, Predictions(FOUR_LOGITS), source="x", generator=torch.Generator())
    texts = _texts(figure)
    assert "x, 4 of n = 4 pictures" in texts
    assert not any(RIGHT_MARK in text or WRONG_MARK in text for text in texts)
