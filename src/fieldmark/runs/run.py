"""Run: a run folder, read."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from torch import nn

from fieldmark.data.load import load_split
from fieldmark.errors import ClassifierError, DataError
from fieldmark.evaluation.metrics import evaluate
from fieldmark.evaluation.prediction import Progress, predict
from fieldmark.recipe import Recipe
from fieldmark.runs import run_folder as files
from fieldmark.shipping.classifier import Classifier
from fieldmark.shipping.description import shown
from fieldmark.vocabulary import Dataset, ImageSet, Predictions

SUMMARY = ("model", "epochs", "best_epoch", "train", "val", "seconds", "images_per_second", "status")


def checked(document: dict[str, Any], path: Path) -> dict[str, Any]:
    """What run.json holds, if all that is used of it is there. Raises ClassifierError, naming the file."""
    data = document.get("dataset")
    found = {**document, "dataset.fingerprint": data.get("fingerprint") if isinstance(data, dict) else None}
    for name in ("status", "started", "dataset.fingerprint"):
        if not isinstance(found.get(name), str):
            raise ClassifierError(f"{path} is broken: {name} is {shown(found.get(name))}, not text.")
    if not isinstance(document.get("data"), str | None):
        raise ClassifierError(f"{path} is broken: data is {shown(document['data'])}, not a name or a path.")
    seconds = document.get("seconds", 0)
    if type(seconds) not in (int, float) or not 0 <= seconds < 1e9:
        raise ClassifierError(f"{path} is broken: seconds is {shown(seconds)}, not a number of seconds.")
    return document


class Run:
    """A finished, stopped or running run on disk.

    folder: the run folder. dataset: the data it was trained on, where it is in memory already. Raises
    ClassifierError when the folder is no run.
    """

    def __init__(
        self, folder: str | Path, *, dataset: Dataset | None = None, model: nn.Module | None = None
    ) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise ClassifierError(f"no such run: {self.folder}. It is the folder that training wrote.")
        self.document = checked(files.read_json(self.folder / files.RUN), self.folder / files.RUN)
        self.fingerprint = self.document["dataset"]["fingerprint"]
        self._dataset, self._model = dataset, model

    @property
    def seconds(self) -> float:
        """What the run took so far, all sittings together."""
        seconds = self.document.get("seconds")
        return float(seconds) if isinstance(seconds, int | float) else 0.0

    @cached_property
    def recipe(self) -> Recipe:
        return Recipe.load(self.folder / files.RECIPE)

    @cached_property
    def classifier(self) -> Classifier:
        return Classifier.load(self.folder / files.CLASSIFIER, model=self._model)

    def data(self) -> str:
        """The name or path the run was trained on.

        Raises DataError for a run on data from memory, and for a path that is not there any more.
        """
        data = self.document.get("data")
        if not isinstance(data, str):
            raise DataError(f"{self.folder} was trained on data from memory. Say which data with --data.")
        if Path(data).is_absolute() and not Path(data).exists():
            raise DataError(
                f"{self.folder} was trained on {data}, which is not there any more. Put it back; or, to "
                "evaluate on it elsewhere: --data PATH --split test."
            )
        return data

    def check_same(self, dataset: Dataset) -> None:
        """Raises DataError when the pictures are not those the run was trained on."""
        if dataset.fingerprint != self.fingerprint:
            raise DataError(
                f"the pictures of {dataset.name} are not those that {self.folder} was trained on: "
                "files were added, removed or changed. Put them back, or start a new run."
            )

    def summary(self) -> dict[str, Any]:
        """What `fieldmark train --json` prints.

        {run, classifier, model, epochs, best_epoch, train: {loss, accuracy}, val: {loss, accuracy}, seconds,
        images_per_second, status}
        """
        found = {name: self.document[name] for name in SUMMARY if name in self.document}
        return {"run": str(self.folder), "classifier": str(self.folder / files.CLASSIFIER), **found}

    def images(self, split: str = "test", progress: Progress | None = None) -> ImageSet:
        """The pictures of a split of the run's own data, as the classifier wants them."""
        if self._dataset is not None:
            images = self._dataset.split(split)
            if images is None:
                raise DataError(f"{self._dataset.name} has no {split} split.")
            return images
        recipe = self.recipe
        images, _, _ = load_split(
            self.data(),
            split,
            classes=self.classifier.classes,
            preprocessing=self.classifier.preprocessing,
            select=recipe.classes,
            label=recipe.label,
            file_column=recipe.file_column,
            split_column=recipe.split_column,
            group=recipe.group,
            allow_unreadable=recipe.allow_unreadable,
            limit=recipe.limit,
            val=recipe.val,
            test=recipe.test,
            seed=recipe.seed,
            progress=progress,
        )
        return images

    def predict(self, split: str = "test", *, tta: bool = False, device: str = "cpu") -> Predictions:
        """One float32 pass of the classifier over a split of the run's own data."""
        classifier = self.classifier
        preprocessing = classifier.preprocessing
        return predict(
            classifier.model,
            self.images(split),
            mean=preprocessing.mean,
            std=preprocessing.std,
            image_size=preprocessing.image_size,
            tta=tta,
            device=device,
        )

    def evaluate(self, split: str = "test", *, tta: bool = False, device: str = "cpu") -> dict[str, Any]:
        """Loss, accuracy with interval, balanced accuracy, per-class figures and confusion of a split."""
        return evaluate(
            self.predict(split, tta=tta, device=device), self.classifier.classes, split=split, k=5
        )
