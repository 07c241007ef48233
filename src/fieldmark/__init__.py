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
if TYPE_CHECKING:
    from typing import Any

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
    "inspect": "fieldmark.models.inspection.inspecting:inspect",
    "load": "fieldmark.data.loading:load",
    "predict": "fieldmark.evaluation.prediction:predict",
    "preset": "fieldmark.training.presets:preset",
    "read_image": "fieldmark.data.decoding:read_image",
    "resume": "fieldmark.runs.sitting:resume",
    "train": "fieldmark.runs.keywords:train",
}

__all__ = sorted([*_DOOR, "__version__", "conv"])


def __getattr__(name: str) -> Any:
    if name == "conv":
        return importlib.import_module("fieldmark.conv")
    if name not in _DOOR:
        raise AttributeError(f"module 'fieldmark' has no attribute '{name}'; it has {', '.join(__all__)}")
    module, _, member = _DOOR[name].partition(":")
    return getattr(importlib.import_module(module), member)


def __dir__() -> list[str]:
    return __all__
