"""The smile network: the textbook's pictures and windows, trained in a third of the epochs.

CelebA cannot be fetched where this is developed, so the preset follows the textbook (random window, mirror,
64 pixels) and the optimiser settings of the other small nets; no accuracy is claimed for it.
"""

from __future__ import annotations

from fieldmark.recipe import Recipe


def smiles() -> Recipe:
    """AdamW .002 over 10 epochs, a random part of 60 to 100 % of the picture, mirrored."""
    return Recipe(
        model="smiles",
        epochs=10,
        batch_size=64,
        optimizer="adamw",
        learning_rate=0.002,
        weight_decay=0.01,
        warmup=0.2,
        augment=({"name": "zoom", "area": [0.6, 1.0]}, "alternating_mirror"),
    )
