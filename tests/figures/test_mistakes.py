"""The surest mistakes, in order, under the right names."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from figures.made_up_runs import FOUR, FOUR_LOGITS, answers, class_names, pictures
from figures.overlap import drawn_texts, problems
from matplotlib.figure import Figure

from fieldmark.figures.mistakes import mistakes
from fieldmark.vocabulary import ImageSet, Predictions


def _texts(figure: Figure) -> list[str]:
    return [text for text, _ in drawn_texts(figure)]


def _values(figure: Figure) -> list[int]:
    return [int(np.asarray(image.get_array())[0, 0, 0]) for image in figure.axes[0].images]


def test_the_surest_mistake_comes_first_with_its_file_and_classes() -> None:
    figure = mistakes(FOUR, Predictions(FOUR_LOGITS, FOUR.labels), source="x")
    assert _values(figure) == [30, 10]
    assert _texts(figure) == [
        *("The most confident mistakes", "x, 2 of n = 4 wrong (50.0 %), 2 shown"),
        *("actual", "cat", "predicted", "dog", "confidence", "95.3 %", "p30.png"),  # 1 / (1 + e^-3)
        *("actual", "dog", "predicted", "cat", "confidence", "73.1 %", "p10.png"),  # 1 / (1 + e^-1)
    ]


def test_rows_are_matched_to_pictures_by_index() -> None:
    order = torch.tensor([2, 0, 3, 1])
    shuffled = mistakes(FOUR, Predictions(FOUR_LOGITS[order], FOUR.labels[order], index=order), source="x")
    assert _texts(shuffled) == _texts(mistakes(FOUR, Predictions(FOUR_LOGITS, FOUR.labels), source="x"))
    assert _values(shuffled) == [30, 10]


def test_pictures_without_files_are_named_by_their_position() -> None:
    images = ImageSet(FOUR.images, FOUR.labels, FOUR.classes)
    assert "picture 2" in _texts(mistakes(images, Predictions(FOUR_LOGITS, images.labels), source="x"))


def test_no_mistakes_are_said_to_be_none() -> None:
    figure = mistakes(FOUR, Predictions(FOUR_LOGITS, FOUR_LOGITS.argmax(1)), source="x")
    assert "No mistakes among 4 pictures." in _texts(figure)
    assert problems(figure) == []


@pytest.mark.parametrize("count", [1, 5, 24, 30])
def test_as_many_mistakes_as_asked_for(count: int) -> None:
    images = pictures(class_names(10))
    figure = mistakes(images, answers(images, strength=0.0), source="x", count=count)
    assert len(figure.axes[0].images) == count
    assert problems(figure) == []
