"""The small convolutional nets for 32x32 photographs: baseline and its relatives, each with 16,000 to
160,000 weights.

Chosen on birds against airplanes, 8,000 of CIFAR-10's training pictures to train on and 2,000 to judge by,
four different cuts of them, seeds from 100 up, by a grid over rate, decay, smoothing, crop, colour, erasing
and starting weights. SGD at a high rate beat Adam by about half a point, smoothing .1 and mirrored, shifted
pictures gave one and two points; erasing, mixup and weight averaging gave nothing at this size.
"""

from __future__ import annotations

from fieldmark.recipe import Recipe

PHOTOGRAPHS: tuple[str, ...] = ("crop", "alternating_mirror")


def small() -> Recipe:
    """For tanh nets: Xavier weights and a high rate."""
    return Recipe(
        model="baseline",
        init="xavier",
        epochs=42,
        batch_size=256,
        optimizer="sgd",
        learning_rate=0.3,
        weight_decay=0.0015,
        warmup=0.2,
        label_smoothing=0.1,
        augment=PHOTOGRAPHS,
    )


def deeper() -> Recipe:
    """For the ReLU nets with three convolutions or more: a third of the rate.

    Torch's own starting weights.
    """
    return small().replace(model="deep", init="default", epochs=40, learning_rate=0.1, weight_decay=0.001)


def gentle() -> Recipe:
    """For tanh nets with batch norm or dropout, which a third of the rate suits better."""
    return small().replace(model="batch_norm", learning_rate=0.1)


def chain() -> Recipe:
    """For the long chain of residual blocks: AdamW .002; SGD at the others' rates does not train it."""
    return small().replace(
        model="deep_residual",
        init="default",
        epochs=15,
        optimizer="adamw",
        learning_rate=0.002,
        weight_decay=0.01,
    )
