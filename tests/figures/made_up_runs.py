"""Made-up runs to draw: pictures, answers and histories of any number of classes and epochs."""

from __future__ import annotations

import math

import torch

from fieldmark.evaluation.metrics import confusion, per_class
from fieldmark.vocabulary import History, ImageSet, Predictions

SHORT, LONG, HOSTILE = "short", "long", "hostile"
AWKWARD = (
    "$x^2_{$",
    "two\nlines",
    "tab\there",
    "\N{DOG FACE} dog",
    "100 % \\frac{1}{2} _a^b",
    "\u6b4c\u9d17 robin",
    "",
    " ",
    "\udcff broken",
    "nul\0",
)


def class_names(count: int, kind: str = SHORT) -> tuple[str, ...]:
    """`count` different names."""
    if kind == SHORT:
        return tuple(f"class {i}" for i in range(count))
    if kind == LONG:
        return tuple(
            f"a rather long name of a class of birds, variant {i}, in its winter plumage"
            for i in range(count)
        )
    return tuple(AWKWARD[i % len(AWKWARD)] + (str(i) if i >= len(AWKWARD) else "") for i in range(count))


def pictures(
    classes: tuple[str, ...],
    n: int = 120,
    *,
    channels: int = 3,
    size: tuple[int, int] = (12, 12),
    files: bool = True,
) -> ImageSet:
    """n pictures of noise; file names are as long as names get."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (n, *size, channels), dtype=torch.uint8, generator=generator)
    names = tuple(f"folder/of $pictures$/{'deeper/' * 9}{i:05d}\n.jpg" for i in range(n)) if files else None
    return ImageSet(images.permute(0, 3, 1, 2), torch.arange(n) % len(classes), classes, names)


def answers(images: ImageSet, *, strength: float = 3.0) -> Predictions:
    """Logits that are right more often, the larger `strength` is."""
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(len(images), len(images.classes), generator=generator)
    logits[torch.arange(len(images)), images.labels] += strength
    return Predictions(logits, images.labels)


def counts(classes: tuple[str, ...], n: int = 3000) -> list[list[int]]:
    """A confusion matrix."""
    return confusion(_many(classes, n)).tolist()


def recalls(classes: tuple[str, ...], n: int = 3000) -> list[dict[str, object]]:
    """What evaluate says per class."""
    return per_class(_many(classes, n), classes)


def _many(classes: tuple[str, ...], n: int) -> Predictions:
    return answers(pictures(classes, n, size=(1, 1), files=False))


def history(epochs: int) -> History:
    """A run that learns, overfits a little and follows a one-cycle schedule."""
    rows = []
    for epoch in range(1, epochs + 1):
        done = epoch / epochs
        values = (
            2.3 * math.exp(-5 * done) + 0.01,
            1 - 0.9 * math.exp(-5 * done),
            2.0 * math.exp(-4 * done) + 0.1 + 0.2 * done,
            0.95 - 0.85 * math.exp(-5 * done),
            0.01234567 * math.sin(math.pi * done) ** 2 + 1e-9,
            12.3,
            4321.0,
        )
        rows.append(dict(zip(History.COLUMNS, (float(epoch), *values), strict=True)))
    return History(rows)


# Four pictures of one pixel, told apart by their value. The answers: cat (wrong), dog, dog (wrong), cat.
FOUR = ImageSet(
    torch.tensor([10, 20, 30, 40], dtype=torch.uint8).reshape(4, 1, 1, 1),
    torch.tensor([1, 1, 0, 0]),
    ("cat", "dog"),
    ("p10.png", "p20.png", "p30.png", "p40.png"),
)
FOUR_LOGITS = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 3.0], [9.0, 0.0]])
