"""The network without convolutions.

Chosen on cats against dogs as `small` was, on pictures of CIFAR-10's training split: a low rate and a
strong decay, since 1.6 million weights learn 8,000 pictures by heart.

Test accuracy on cats against dogs: 63.13 % (benchmarks/accuracy.py, seeds 0-2).
"""

from __future__ import annotations

from fieldmark.recipe import Recipe
from fieldmark.training.presets.small import PHOTOGRAPHS


def mlp() -> Recipe:
    """SGD .02, strong decay, shifted and mirrored pictures."""
    return Recipe(
        model="mlp",
        epochs=40,
        batch_size=256,
        optimizer="sgd",
        learning_rate=0.02,
        weight_decay=0.03,
        warmup=0.2,
        label_smoothing=0.1,
        augment=PHOTOGRAPHS,
    )
