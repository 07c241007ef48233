"""fieldmark: train, understand, trust and ship image classifiers with convolutional networks.

    import fieldmark as fm

    digits = fm.load("mnist")
    run = fm.train(digits, model="digits")
    run.evaluate("test")["accuracy"]

Everything here is imported on first use, so that `import fieldmark` costs nothing.
"""

from __future__ import annotations

import importlib
import os

TYPE_CHECKING = False  # typing's own would import typing, which takes 5 ms
if TYPE_CHECKING:  # what a type checker, an editor and the reference of the site see; _DOOR says the same
    from typing import Any

    from fieldmark import conv as conv
    from fieldmark.data.decode.decoder import read_image as read_image
    from fieldmark.data.load import load as load
    from fieldmark.errors import UserError as UserError
    from fieldmark.evaluation.metrics import evaluate as evaluate
    from fieldmark.evaluation.prediction import predict as predict
    from fieldmark.inspection.inspector import inspect as inspect
    from fieldmark.models import create as create
    from fieldmark.recipe import Recipe as Recipe
    from fieldmark.runs.keywords import train as train
    from fieldmark.runs.run import Run as Run
    from fieldmark.runs.sitting import resume as resume
    from fieldmark.shipping.classifier import Classifier as Classifier
    from fieldmark.training.presets import preset as preset
    from fieldmark.vocabulary import Dataset as Dataset
    from fieldmark.vocabulary import ImageSet as ImageSet
    from fieldmark.vocabulary import Predictions as Predictions

__version__ = "0.1.0"

# Left to itself, Intel's matrix library picks a kernel by where buffers happen to lie, and a second run in
# one process differs in the last bits. It reads this at its first product; no product is 2 % slower for it.
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")

_DOOR = {
    "Classifier": "fieldmark.shipping.classifier:Classifier",
    "Dataset": "fieldmark.vocabulary:Dataset",
    "ImageSet": "fieldmark.vocabulary:ImageSet",
    "Predictions": "fieldmark.vocabulary:Predictions",
    "Recipe": "fieldmark.recipe:Recipe",
    "Run": "fieldmark.runs.run:Run",
    "UserError": "fieldmark.errors:UserError",
    "create": "fieldmark.models:create",
    "evaluate": "fieldmark.evaluation.metrics:evaluate",
    "inspect": "fieldmark.inspection.inspector:inspect",
    "load": "fieldmark.data.load:load",
    "predict": "fieldmark.evaluation.prediction:predict",
    "preset": "fieldmark.training.presets:preset",
    "read_image": "fieldmark.data.decode.decoder:read_image",
    "resume": "fieldmark.runs.sitting:resume",
    "train": "fieldmark.runs.keywords:train",
}

__all__ = [
    "Classifier",
    "Dataset",
    "ImageSet",
    "Predictions",
    "Recipe",
    "Run",
    "UserError",
    "__version__",
    "conv",
    "create",
    "evaluate",
    "inspect",
    "load",
    "predict",
    "preset",
    "read_image",
    "resume",
    "train",
]

if not TYPE_CHECKING:  # a type checker that knew of it would take every misspelt name for Any

    def __getattr__(name: str) -> Any:
        if name == "conv":
            return importlib.import_module("fieldmark.conv")
        if name not in _DOOR:
            raise AttributeError(f"module 'fieldmark' has no attribute '{name}'; it has {', '.join(__all__)}")
        module, _, member = _DOOR[name].partition(":")
        return getattr(importlib.import_module(module), member)


def __dir__() -> list[str]:
    return __all__
