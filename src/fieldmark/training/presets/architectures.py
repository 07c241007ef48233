"""The published families, from LeNet to DenseNet, trained from scratch.

Looked at on validation pictures of the training splits, seed 100, a minute each and at a quarter of the
widths, to tell rates that train from those that do not; nothing finer was chosen, save for NiN (below).
"""

from __future__ import annotations

from fieldmark.recipe import Recipe
from fieldmark.training.presets.small import PHOTOGRAPHS


def convolutional() -> Recipe:
    """For networks with batch norm: SGD .1, decay .0005, smoothed labels; mirrored and shifted pictures."""
    return Recipe(
        model="resnet18",
        epochs=30,
        batch_size=128,
        optimizer="sgd",
        learning_rate=0.1,
        weight_decay=0.0005,
        warmup=0.2,
        label_smoothing=0.1,
        augment=PHOTOGRAPHS,
    )


def plain() -> Recipe:
    """For deep networks without batch norm: AdamW .001, whose steps do not shrink where gradients do."""
    return convolutional().replace(
        model="vgg11", optimizer="adamw", learning_rate=0.001, weight_decay=0.05, label_smoothing=0.0
    )


def pointwise() -> Recipe:
    """For Network in Network: AdamW .003 from Kaiming's weights, which keep a signal through eleven ReLUs.

    By validation on all of CIFAR-10, width 24, three epochs, seed 100: 44.0 % with AdamW .001 from the
    model's own start (Xavier), 49.6 % from Kaiming's; 57.8 % at .003 and 58.1 % at .006, of which the lower
    is taken, as wider networks bear less; 45.8 % with SGD .03 and decay .0005. Each was one run of
    `fieldmark train cifar10 --model nin --options width=24 --epochs 3 --seed 100 --init kaiming
    --learning-rate 0.003`, with --init, --optimizer, --learning-rate and --weight-decay as said.
    """
    return plain().replace(model="nin", init="kaiming", learning_rate=0.003)


def sigmoid() -> Recipe:
    """For LeNet's sigmoids: AdamW .02, as flat slopes need long steps; shifted by one pixel, not mirrored."""
    return Recipe(
        model="lenet",
        epochs=20,
        batch_size=128,
        optimizer="adamw",
        learning_rate=0.02,
        weight_decay=0.01,
        warmup=0.2,
        label_smoothing=0.1,
        augment=({"name": "crop", "padding": 1, "mode": "zero"},),
    )
