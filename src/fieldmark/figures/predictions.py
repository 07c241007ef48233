"""A page of predictions: pictures with what the network says about them."""

from __future__ import annotations

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from fieldmark.figures import lettering
from fieldmark.figures.page import Box, bar, frame, heading, show, write
from fieldmark.figures.style import RIGHT_MARK, SMALL, WRONG_MARK
from fieldmark.figures.tiles import Tiles, box_high, evenly, original_of, positions, seen_at
from fieldmark.palette import BLUE, MUTED, VERMILLION
from fieldmark.vocabulary import ImageSet, Predictions

COLUMNS = 4
SIDE = 1.15  # inches
BARS_WIDE = 1.45
SCORE_WIDE = 0.55  # ">99.9 %"
BETWEEN = 0.12  # the picture and its bars
GAP = 0.25
LINE = 0.17
TOP = 3  # scores
LEAST_STEP = 0.28  # from one score to the next


def predictions_page(
    images: ImageSet,
    predictions: Predictions,
    *,
    source: str,
    generator: torch.Generator,
    count: int = 20,
    title: str = "Predictions",
) -> Figure:
    """Pictures drawn evenly from all classes, each with its three highest scores.

    Args:
        images: The pictures that were predicted.
        predictions: With labels, right and wrong are told apart by mark, word, frame and colour; without,
            only the scores are shown. `index` says which picture each row belongs to (row i is picture i
            without one).
        source: The split, e.g. "mnist, test split".
        generator: Draws the pictures.
        count: At most so many pictures.
        title: The page's first line.

    Returns:
        The page.

    >>> pictures = ImageSet(torch.zeros(2, 1, 8, 8, dtype=torch.uint8), torch.tensor([0, 1]), ("cat", "dog"))
    >>> answers = Predictions(logits=torch.eye(2), labels=torch.tensor([0, 1]))
    >>> page = predictions_page(pictures, answers, source="test split", generator=torch.Generator())
    >>> page.axes[0].texts[1].get_text()
    'test split, 2 of n = 2 pictures, 2 of these 2 right'
    """
    probabilities = predictions.logits.float().softmax(dim=1)  # (N, K)
    labels = predictions.labels
    rows = evenly(probabilities.argmax(dim=1) if labels is None else labels, count, generator)  # (M,)
    scores, answers = probabilities[rows].topk(min(TOP, probabilities.shape[1]), dim=1)  # (M, 3), (M, 3)
    high = max(box_high(SIDE, images), TOP * LEAST_STEP)
    tiles = Tiles(COLUMNS, SIDE + BETWEEN + BARS_WIDE, high + 1.3 * LINE, GAP)
    figure, sheet = tiles.page(len(rows))
    n = f"{len(rows)} of n = {lettering.pictures(len(predictions))}"
    right = (
        "" if labels is None else f"{int((answers[:, 0] == labels[rows]).sum())} of these {len(rows)} right"
    )
    heading(sheet, title, source, n, right, note=seen_at(images))
    names = lettering.short_names(images.classes, SMALL, BARS_WIDE - SCORE_WIDE, bold=True)
    long_names = lettering.short_names(images.classes, SMALL, SIDE + 0.5, bold=True)
    for tile, position in enumerate(positions(predictions)[rows].tolist()):
        left, top = tiles.corner(tile)
        box = show(sheet, original_of(images, position), left, top, SIDE, high)
        actual = None if labels is None else int(labels[rows[tile]])
        right_left = left + SIDE + BETWEEN
        _scores(sheet, right_left, top, high / TOP, names, answers[tile], scores[tile], actual)
        if actual is None:
            frame(sheet, box, MUTED)
        else:
            _verdict(sheet, box, left, top + high + LINE, long_names[actual], actual == int(answers[tile, 0]))
    return figure


def _verdict(sheet: Axes, box: Box, left: float, y: float, name: str, right: bool) -> None:
    if right:
        frame(sheet, box, BLUE)
        write(sheet, left, y, f"{RIGHT_MARK} right: {name}", color=MUTED)
    else:
        frame(sheet, box, VERMILLION, dashed=True)
        write(sheet, left, y, f"{WRONG_MARK} wrong: is {name}", bold=True)


def _scores(
    sheet: Axes,
    left: float,
    top: float,
    step: float,
    names: list[str],
    answers: Tensor,
    scores: Tensor,
    actual: int | None,
) -> None:
    for place, (answer, score) in enumerate(zip(answers.tolist(), scores.tolist(), strict=True)):
        y = top + place * step
        color = MUTED if actual is None or place > 0 else BLUE if answer == actual else VERMILLION
        write(sheet, left, y + 0.13, names[answer], bold=place == 0)
        write(sheet, left + BARS_WIDE, y + 0.13, lettering.percent(score), across="right")
        bar(sheet, left, y + 0.18, BARS_WIDE, 0.07, score, color)
