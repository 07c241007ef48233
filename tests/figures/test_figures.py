"""Every figure at 2, 10 and 100 classes, with short, long and awkward names: legible, labelled, honest."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import matplotlib
import numpy as np
import pytest
import torch
from figures.made_up_runs import (
    HOSTILE,
    LONG,
    SHORT,
    answers,
    class_names,
    counts,
    history,
    pictures,
    recalls,
)
from figures.overlap import drawn_texts, problems
from matplotlib.figure import Figure

from fieldmark.figures.classes import class_recalls
from fieldmark.figures.confusion import confusion_matrix
from fieldmark.figures.curves import curves
from fieldmark.figures.gallery import augmentation_rows, grid, resize_rules
from fieldmark.figures.mistakes import mistakes
from fieldmark.figures.page import page, rendered, write
from fieldmark.figures.predictions import predictions_page

SOURCE = "some data, test split"


def _matrix(classes: tuple[str, ...], channels: int) -> Figure:
    return confusion_matrix(counts(classes), classes, source=SOURCE)


def _mistakes(classes: tuple[str, ...], channels: int) -> Figure:
    images = pictures(classes, channels=channels, size=(12, 20))
    return mistakes(images, answers(images, strength=0.0), source=SOURCE)


def _page(classes: tuple[str, ...], channels: int) -> Figure:
    images = pictures(classes, channels=channels)
    return predictions_page(images, answers(images, strength=1.0), source=SOURCE, generator=torch.Generator())


def _recalls(classes: tuple[str, ...], channels: int) -> Figure:
    return class_recalls(recalls(classes), source=SOURCE)


def _grid(classes: tuple[str, ...], channels: int) -> Figure:
    return grid(pictures(classes, channels=channels), source=SOURCE, generator=torch.Generator())


def _augmentation(classes: tuple[str, ...], channels: int) -> Figure:
    images = pictures(classes, n=5, channels=channels)
    steps = (
        "original",
        "a step with a long name, of many words",
        "crop $x$",
        "mirror",
        "erase",
        "rotate",
        "blur",
        "x",
    )
    traces = [(step, images.images[:, :, : 12 - i]) for i, step in enumerate(steps)]
    return augmentation_rows(traces, [classes[label] for label in images.labels.tolist()], source=SOURCE)


def _resizing(classes: tuple[str, ...], channels: int) -> Figure:
    sizes = ((300, 400), (40, 10), (11, 11), (1, 90))
    return resize_rules([np.zeros((*size, channels), np.uint8) for size in sizes], (32, 48), source=SOURCE)


FIGURES: dict[str, Callable[[tuple[str, ...], int], Figure]] = {
    "confusion_matrix": _matrix,
    "mistakes": _mistakes,
    "predictions_page": _page,
    "class_recalls": _recalls,
    "grid": _grid,
    "augmentation_rows": _augmentation,
    "resize_rules": _resizing,
}


@pytest.mark.parametrize(
    ("classes", "names"),
    [(2, SHORT), (10, SHORT), (100, SHORT), (2, LONG), (10, LONG), (100, LONG), (10, HOSTILE)],
)
@pytest.mark.parametrize("name", FIGURES)
def test_no_text_overlaps_or_is_cut_off_and_source_and_n_are_stated(
    name: str, classes: int, names: str
) -> None:
    figure = FIGURES[name](class_names(classes, names), 1 if names == LONG else 3)
    assert problems(figure) == []
    texts = [text for text, _ in drawn_texts(figure)]
    assert any(SOURCE in text and "n = " in text for text in texts)


@pytest.mark.parametrize("epochs", [2, 3, 12, 41, 200, 300])
@pytest.mark.parametrize("best", ["first", "last"])
def test_curves_are_legible_from_two_epochs_to_300(epochs: int, best: str) -> None:
    figure = curves(history(epochs), 1 if best == "first" else epochs, counts={"train": 54000, "val": 6000})
    assert problems(figure) == []
    texts = [text for text, _ in drawn_texts(figure)]
    assert "train, n = 54,000" in texts
    assert "val, n = 6,000" in texts
    assert [axes.get_ylabel().split(" (")[0] for axes in figure.axes[1:]] == [
        "loss",
        "accuracy",
        "learning\nrate",
    ]
    assert "nats" in figure.axes[1].get_ylabel()
    assert "%" in figure.axes[2].get_ylabel()
    assert figure.axes[3].get_xlabel() == "epoch"


@pytest.mark.parametrize("classes", [1, 3, 15, 26, 37, 60, 500])
def test_the_matrix_is_legible_between_the_usual_sizes_too(classes: int) -> None:
    names = class_names(classes)
    assert problems(confusion_matrix(counts(names, 20000), names, source=SOURCE)) == []


@pytest.mark.parametrize("name", FIGURES)
def test_awkward_names_render_without_a_warning(name: str) -> None:
    pixels = np.asarray(rendered(FIGURES[name](class_names(10, HOSTILE), 3)))
    assert pixels.std() > 0


def test_the_check_itself_sees_overlap_and_cut_off_text() -> None:
    figure, sheet = page(4, 3)
    write(sheet, 1.0, 1.0, "one")
    write(sheet, 1.1, 1.05, "two")
    write(sheet, 3.9, 2.0, "beyond the edge")
    assert problems(figure) == ["cut off: 'beyond the edge'", "overlap: 'one' and 'two'"]


def test_figures_do_not_depend_on_the_users_settings() -> None:
    def draw() -> list[bytes]:
        names = class_names(3)
        return [
            rendered(figure).tobytes()
            for figure in (_matrix(names, 3), _recalls(names, 3), curves(history(5), 3))
        ]

    ours = draw()
    hostile = {
        "axes.facecolor": "black",
        "axes.grid": True,
        "axes.labelsize": 30,
        "axes.spines.left": False,
        "axes.spines.top": True,
        "axes.unicode_minus": False,
        "figure.autolayout": True,
        "figure.dpi": 37,
        "figure.facecolor": "black",
        "font.family": "serif",
        "font.size": 30,
        "image.origin": "lower",
        "image.interpolation": "bicubic",
        "lines.markeredgewidth": 0,
        "patch.force_edgecolor": True,
        "savefig.bbox": "tight",
        "text.color": "red",
        "text.usetex": True,
        "xtick.direction": "in",
        "xtick.labelsize": 30,
        "xtick.minor.visible": True,
        "ytick.minor.visible": True,
    }
    with matplotlib.rc_context(hostile):
        theirs = draw()
    assert theirs == ours


def test_figures_leave_the_users_settings_alone() -> None:
    before = dict(matplotlib.rcParams)
    rendered(_matrix(class_names(2), 3))
    assert dict(matplotlib.rcParams) == before


def test_figures_drawn_in_threads_are_the_figures_drawn_alone() -> None:
    def draw(classes: int) -> bytes:
        return rendered(_matrix(class_names(classes), 3)).tobytes()

    sizes = [2, 3, 4, 5]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(draw, sizes)) == [draw(size) for size in sizes]


def test_nothing_imports_pyplot() -> None:
    modules = ["classes", "confusion", "curves", "gallery", "mistakes", "page", "predictions"]
    imports = "; ".join(f"import fieldmark.figures.{module}" for module in modules)
    code = f"{imports}; import sys; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_figure_shows_itself_in_a_notebook() -> None:
    png = _matrix(class_names(2), 3)._repr_png_()  # type: ignore[attr-defined]
    assert io.BytesIO(png).read(8) == b"\x89PNG\r\n\x1a\n"
