"""A classifier measured on labelled pictures: the figures as JSON, as text, and as pictures in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldmark.cli.output import percent, print_table, to_json
from fieldmark.errors import UserError
from fieldmark.files import write_text

TOP = 5
"""Of top-k accuracy; fewer where there are fewer classes."""

if TYPE_CHECKING:
    import torch

    from fieldmark.runs.screen import Screen
    from fieldmark.shipping.classifier import Classifier
    from fieldmark.vocabulary import ImageSet, Predictions


def measure(
    classifier: Classifier, images: ImageSet, split: str, *, tta: bool, device: torch.device, display: Screen
) -> tuple[dict[str, Any], Predictions]:
    """Everything `evaluate --json` prints, and the predictions it comes from."""
    from fieldmark.evaluation.metrics import evaluate
    from fieldmark.evaluation.prediction import predict

    preprocessing = classifier.preprocessing
    predictions = predict(
        classifier.model,
        images,
        mean=preprocessing.mean,
        std=preprocessing.std,
        image_size=preprocessing.image_size,
        device=device,
        tta=tta,
        progress=display.stage,
    )
    return evaluate(predictions, classifier.classes, split=split, k=TOP), predictions


def draw(
    folder: Path, images: ImageSet, predictions: Predictions, document: dict[str, Any], source: str
) -> None:
    """metrics.json and the figures, into `folder`, which is made."""
    from fieldmark.runs.figures import draw_answers

    draw_answers(folder, images, predictions, document, source)
    write_text(folder / "metrics.json", to_json(document) + "\n")


def check_new_folder(folder: Path, overwrite: bool) -> None:
    """Raises UserError when `folder` is taken: files of this name would be replaced."""
    if folder.is_file():
        raise UserError(f"--out {folder} is a file; figures go into a folder.")
    if folder.is_dir() and any(folder.iterdir()) and not overwrite:
        raise UserError(f"{folder} exists already. Take another --out, or --overwrite to write into it.")


def show(document: dict[str, Any]) -> None:
    """The figures on stdout."""
    low, high = document["accuracy_interval"]
    print(f"{document['split']}: n = {document['n']:,}")
    print(f"accuracy           {percent(document['accuracy'])}  (95 %: {percent(low)} to {percent(high)})")
    top = document["top_k"]
    if top["k"] < len(document["classes"]):
        print(f"top-{top['k']} accuracy     {percent(top['accuracy'])}")
    print(f"balanced accuracy  {percent(document['balanced_accuracy'])}")
    print(f"loss               {document['loss']:.4f}")
    columns = ["class", "precision", "recall", "f1", "n"]
    rows = [[row["class"], *_shares(row), f"{row['support']:,}"] for row in document["per_class"]]
    print_table(columns, rows, numbers=columns[1:])


def _shares(row: dict[str, Any]) -> list[str]:
    return ["-" if row[name] is None else percent(row[name]) for name in ("precision", "recall", "f1")]
