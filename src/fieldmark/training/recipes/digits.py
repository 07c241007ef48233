"""Handwritten digits and other small grey drawings.

Chosen on the validation pictures of MNIST, seeds from 100 up. No mirror: a mirrored digit is another digit,
or none.
"""

from __future__ import annotations

from fieldmark.recipe import Recipe


def digits() -> Recipe:
    """SGD .2, batches of 128, shifts by up to 2 pixels and turns by up to 8 degrees."""
    return Recipe(
        model="digits",
        epochs=7,
        batch_size=128,
        optimizer="sgd",
        learning_rate=0.2,
        weight_decay=0.0005,
        warmup=0.25,
        label_smoothing=0.1,
        augment=({"name": "crop", "padding": 2, "mode": "zero"}, {"name": "rotate", "degrees": 8}),
    )
