"""The figures of a run: the curves of training, and what the answers on a split look like."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from fieldmark.errors import UserError
from fieldmark.figures.classes import class_recalls
from fieldmark.figures.confusion import confusion_matrix
from fieldmark.figures.curves import curves
from fieldmark.figures.mistakes import mistakes
from fieldmark.figures.page import save
from fieldmark.figures.predictions import predictions_page
from fieldmark.files import reason, refuse_links
from fieldmark.training.session import Trained
from fieldmark.vocabulary import ImageSet, Predictions


def draw_training(folder: Path, trained: Trained, counts: Mapping[str, int]) -> None:
    """curves.png into `folder`; nothing for a run that was stopped within its first epoch.

    counts: how many pictures "train" and "val" have.
    """
    make(folder)
    if trained.best_epoch:
        save(curves(trained.history, trained.best_epoch, counts=counts), folder / "curves.png")


def draw_answers(
    folder: Path, images: ImageSet, predictions: Predictions, metrics: Mapping[str, Any], source: str
) -> None:
    """confusion.png, recalls.png, mistakes.png and predictions.png of one split into `folder`.

    metrics: what evaluation.metrics.evaluate says of these predictions; source: which pictures they are.
    """
    make(folder)
    save(confusion_matrix(metrics["confusion"], metrics["classes"], source=source), folder / "confusion.png")
    save(class_recalls(metrics["per_class"], source=source), folder / "recalls.png")
    save(mistakes(images, predictions, source=source), folder / "mistakes.png")
    generator = torch.Generator().manual_seed(0)
    page = predictions_page(images, predictions, source=source, generator=generator)
    save(page, folder / "predictions.png")


def make(folder: Path) -> None:
    """Make a folder for figures where there is none. Raises UserError when that fails or it is a link."""
    refuse_links(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the folder {folder}: {reason(error)}") from error
