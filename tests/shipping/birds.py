"""A small classifier for the tests of its folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from fieldmark.models import create
from fieldmark.shipping.classifier import Classifier
from fieldmark.shipping.integrity import seal
from fieldmark.vocabulary import Preprocessing

CLASSES = ("crow", "swan", "wren")


def small_classifier(name: str = "batch_norm", **options: Any) -> Classifier:
    """An untrained network of three classes for RGB pictures of 8x8."""
    generator = torch.random.get_rng_state()
    torch.manual_seed(7)
    model = create(name, 3, 3, 8, **options)
    torch.random.set_rng_state(generator)
    preprocessing = Preprocessing((8, 8), 3, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3), "pad")
    return Classifier(model, name, options, CLASSES, preprocessing, {"val": {"accuracy": 0.9}})


def edit(folder: Path, change: Any, *, reseal: bool = True) -> None:
    """Apply `change` to the parsed classifier.json; with `reseal` its checksum is made right again."""
    path = folder / "classifier.json"
    document = json.loads(path.read_text())
    document = change(document) or document
    path.write_text(json.dumps(seal(document) if reseal else document))
