"""The most confident mistakes: where to look first."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure

from fieldmark.figures import lettering
from fieldmark.figures.page import frame, heading, page, show, write
from fieldmark.figures.style import HEADING, LEAST_WIDE, MARGIN, SMALL, TITLE
from fieldmark.figures.tiles import Tiles, box_high, original_of, positions, seen_at
from fieldmark.palette import MUTED
from fieldmark.vocabulary import ImageSet, Predictions

COLUMNS = 6
SIDE = 1.55  # inches
GAP = 0.25
LINE = 0.17
KEY_WIDE = 0.74  # the words "actual", "predicted", "confidence"


def mistakes(
    images: ImageSet,
    predictions: Predictions,
    *,
    source: str,
    count: int = 24,
    title: str = "The most confident mistakes",
) -> Figure:
    """The wrong answers the network was surest of, each with its file's name (its position without files).

    Pictures from files are shown as the files have them, and not in the few pixels that the network gets.

    Args:
        images: The pictures that were predicted.
        predictions: With labels; `index` says which picture each row belongs to (row i is picture i without
            one). The confidence is the largest softmax probability.
        source: The split, e.g. "mnist, test split".
        count: At most so many mistakes.
        title: The page's first line.

    Returns:
        The page, which says so where there are no mistakes.

    >>> pictures = ImageSet(torch.zeros(2, 1, 8, 8, dtype=torch.uint8), torch.tensor([0, 1]), ("cat", "dog"))
    >>> right = Predictions(logits=torch.eye(2), labels=torch.tensor([0, 1]))
    >>> [text.get_text() for text in mistakes(pictures, right, source="test split").axes[0].texts][-1]
    'No mistakes among 2 pictures.'
    """
    assert predictions.labels is not None, "mistakes need labels"
    confidence, answers = predictions.logits.float().softmax(dim=1).max(dim=1)  # (N,), (N,)
    wrong = torch.nonzero(answers != predictions.labels)[:, 0]  # (M,)
    n = len(predictions)
    if len(wrong) == 0:
        return _none(title, source, n)
    rows = wrong[confidence[wrong].argsort(descending=True, stable=True)][:count]
    high = box_high(SIDE, images)
    tiles = Tiles(min(COLUMNS, len(rows)), SIDE, high + 4 * LINE, GAP)
    figure, sheet = tiles.page(len(rows))
    wrong_of_n = f"{lettering.count(len(wrong))} of n = {lettering.count(n)} wrong"
    share = lettering.percent(len(wrong) / n)
    heading(sheet, title, source, f"{wrong_of_n} ({share})", f"{len(rows)} shown", note=seen_at(images))
    names = lettering.short_names(images.classes, SMALL, SIDE + GAP - 0.1 - KEY_WIDE, bold=True)
    for tile, (row, position) in enumerate(
        zip(rows.tolist(), positions(predictions)[rows].tolist(), strict=True)
    ):
        left, top = tiles.corner(tile)
        frame(sheet, show(sheet, original_of(images, position), left, top, SIDE, high), MUTED)
        y = top + high + LINE
        for key, value in (
            ("actual", names[int(predictions.labels[row])]),
            ("predicted", names[int(answers[row])]),
            ("confidence", lettering.percent(float(confidence[row]))),
        ):
            write(sheet, left, y, key, color=MUTED)
            write(sheet, left + KEY_WIDE, y, value, bold=True)
            y += LINE
        name = images.files[position] if images.files else f"picture {position}"
        write(sheet, left, y, lettering.shorten(name, SMALL, SIDE), color=MUTED)
    return figure


def _none(title: str, source: str, n: int) -> Figure:
    figure, sheet = page(LEAST_WIDE, HEADING + 0.9)
    heading(sheet, title, source, f"n = {lettering.count(n)}")
    write(sheet, MARGIN, HEADING + 0.35, f"No mistakes among {lettering.pictures(n)}.", size=TITLE)
    return figure
