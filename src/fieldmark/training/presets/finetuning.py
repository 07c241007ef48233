"""Fine-tuning: what a run does unless told otherwise when it starts from trained weights.

Looked at with a narrow resnet18 that had learned eight classes of CIFAR-10 (82.5 %), on 200 pictures of the
other two, birds and airplanes, judged by 1,000 more of the training split, seeds 100 and 101, 20 epochs:
AdamW at .0003, .001 and .003, layer decay .5, .7 and 1, the head alone for none or two epochs. All eighteen
lay between 86.6 and 88.9 %, which two seeds do not tell apart; rates from .001 up and decays from .7 up did
a little better. The values here lie in the middle, on the side that changes trained weights less, since
weights from a million pictures have more to lose than that backbone had; one epoch of the head alone is
between the two that were tried, and was not itself tried. benchmarks/finetuning.py has the
comparison with training from scratch, and its test figures.
"""

from __future__ import annotations

from typing import Any

from fieldmark.models import is_own
from fieldmark.recipe import Recipe
from fieldmark.training.presets.small import PHOTOGRAPHS

CHANGES: dict[str, Any] = {
    "init": "default",
    "epochs": 20,
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
    from fieldmark.training.presets import preset

    made = preset(model).replace(**CHANGES)
    return made.replace(freeze=0, layer_decay=1.0) if is_own(model) else made
