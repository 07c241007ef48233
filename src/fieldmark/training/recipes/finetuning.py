"""Fine-tuning: what a run does unless told otherwise when it starts from trained weights."""

from __future__ import annotations

from typing import Any

from fieldmark.models import is_own
from fieldmark.recipe import Recipe
from fieldmark.training.recipes.small import PHOTOGRAPHS

CHANGES: dict[str, Any] = {
    "init": "default",
    "epochs": 15,
    "batch_size": 32,
    "optimizer": "adamw",
    "learning_rate": 0.001,
    "schedule": "one-cycle",
    "warmup": 0.2,
    "weight_decay": 0.01,
    "freeze": 1,
    "layer_decay": 0.7,
}
"""What fine-tuning does differently from a model's own preset."""


def finetuning() -> Recipe:
    """AdamW at a low rate, less for earlier stages; the head alone first."""
    return Recipe(model="resnet18", augment=PHOTOGRAPHS, **CHANGES)


def finetuned(model: str) -> Recipe:
    """The preset of `model` with these changes: augmentation and label smoothing stay the model's.

    A network of the user's own may have no parts to freeze or to tell apart: it learns as a whole.

    >>> finetuned("digits").augment
    ({'name': 'crop', 'padding': 1, 'mode': 'zero'},)
    """
    from fieldmark.training.recipes import preset

    made = preset(model).replace(**CHANGES)
    return made.replace(freeze=0, layer_decay=1.0) if is_own(model) else made
