"""The numbers in the matrix are the numbers given."""

from __future__ import annotations

import numpy as np
import pytest
from figures.made_up_runs import class_names
from figures.overlap import drawn_texts
from matplotlib.colors import to_rgb

from fieldmark.figures.confusion import confusion_matrix
from fieldmark.figures.style import blend, ink_on
from fieldmark.palette import BLUE, INK, PAPER, VERMILLION


def test_two_classes_show_counts_and_shares_of_the_row() -> None:
    figure = confusion_matrix([[90, 10], [3, 37]], ["bird", "plane"], source="x, test split")
    sheet, matrix = figure.axes
    at = {(round(text.get_position()[0]), round(text.get_position()[1])): [] for text in matrix.texts}
    for text in matrix.texts:
        at[round(text.get_position()[0]), round(text.get_position()[1])].append(text.get_text())
    assert at == {
        (0, 0): ["90", "90.0 %"],
        (1, 0): ["10", "10.0 %"],
        (0, 1): ["3", "7.5 %"],
        (1, 1): ["37", "92.5 %"],
    }
    assert sheet.texts[1].get_text() == "x, test split, n = 140 pictures, 90.7 % right"
    assert [text.get_text() for text in matrix.get_yticklabels()] == ["bird", "plane"]
    assert [text.get_text() for text in matrix.get_xticklabels()] == ["bird", "plane"]
    assert (matrix.get_xlabel(), matrix.get_ylabel()) == ("predicted", "actual")


def test_actual_classes_are_rows_and_predicted_ones_columns() -> None:
    figure = confusion_matrix([[0, 7], [0, 0]], ["bird", "plane"], source="x")
    image = np.asarray(figure.axes[1].images[0].get_array())
    assert image[0, 1].tolist() == pytest.approx(to_rgb(VERMILLION))
    assert image[0, 0].tolist() == image[1, 0].tolist() == image[1, 1].tolist() == [1.0, 1.0, 1.0]


def test_a_class_without_pictures_is_an_empty_row() -> None:
    texts = [text for text, _ in drawn_texts(confusion_matrix([[5, 0], [0, 0]], ["a", "b"], source="x"))]
    assert texts.count("0") == 4  # three cells and the row's n
    assert "x, n = 5 pictures, 100 % right" in texts


def test_no_pictures_at_all_is_no_division_by_zero() -> None:
    texts = [text for text, _ in drawn_texts(confusion_matrix([[0, 0], [0, 0]], ["a", "b"], source="x"))]
    assert "x, n = 0 pictures, - right" in texts


def test_a_hundred_classes_list_the_most_frequent_mistakes_and_thin_the_names() -> None:
    counts = np.diag(np.full(100, 50))
    counts[7, 93], counts[40, 41], counts[3, 2] = 9, 50, 1
    figure = confusion_matrix(counts.tolist(), class_names(100), source="x")
    texts = [text for text, _ in drawn_texts(figure)]
    start = texts.index("most frequent mistakes")
    assert texts[start + 5 : start + 17] == [
        *("class 40", "class 41", "50", "50 %"),
        *("class 7", "class 93", "9", "15 %"),
        *("class 3", "class 2", "1", "2 %"),
    ]
    ticks = [text.get_text() for text in figure.axes[1].get_yticklabels()]
    assert ticks[:3] == ["class 0", "class 5", "class 10"]
    assert len(ticks) == 20
    assert "share of the actual class" in texts


def test_a_perfect_matrix_lists_no_mistakes() -> None:
    figure = confusion_matrix(np.diag(np.full(100, 5)).tolist(), class_names(100), source="x")
    assert "none" in [text for text, _ in drawn_texts(figure)]


@pytest.mark.parametrize("colour", [BLUE, VERMILLION])
def test_numbers_stand_out_on_every_colour_of_a_cell(colour: str) -> None:
    def luminance(rgb: np.ndarray) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for cell in blend(colour, np.linspace(0, 1, 101)[None])[0]:
        pair = sorted([luminance(cell), luminance(np.asarray(to_rgb(ink_on(cell))))])
        assert ink_on(cell) in (INK, PAPER)
        assert (pair[1] + 0.05) / (pair[0] + 0.05) > 3.9  # WCAG 2.2 asks 3 to 1 of large or bold letters
