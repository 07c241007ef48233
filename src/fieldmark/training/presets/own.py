"""A network of the user's own, of which nothing is known: settings that train almost anything."""

from __future__ import annotations

from fieldmark.recipe import Recipe


def own() -> Recipe:
    """AdamW .001 over 20 epochs, batches of 128, no augmentation: whether a mirror helps.

    Only the user knows.
    """
    return Recipe(epochs=20, batch_size=128, learning_rate=0.001, weight_decay=0.01, warmup=0.2)
