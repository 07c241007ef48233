"""The figures of a run: curves, confusion matrix, the most confident mistakes, a page of predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from fieldmark.reporting.confusion import confusion_matrix
from fieldmark.reporting.curves import curves
from fieldmark.reporting.mistakes import mistakes
from fieldmark.reporting.predictions import predictions_page
from fieldmark.reporting.saving import save
from fieldmark.training.loop import Trained
from fieldmark.vocabulary import ImageSet, Predictions


def draw(
    folder: Path,
    images: ImageSet,
    predictions: Predictions,
    metrics: dict[str, Any],
    trained: Trained,
    *,
    source: str,
    counts: dict[str, int],
) -> None:
    """Write the figures of the validation split as PNG files into `folder`."""
    folder.mkdir(exist_ok=True)
    if trained.best_epoch:
        save(curves(trained.history, trained.best_epoch, counts=counts), folder / "curves.png")
    save(confusion_matrix(metrics["confusion"], images.classes, source=source), folder / "confusion.png")
    save(mistakes(images, predictions, source=source), folder / "mistakes.png")
    generator = torch.Generator().manual_seed(0)
    page = predictions_page(images, predictions, source=source, generator=generator)
    save(page, folder / "predictions.png")
