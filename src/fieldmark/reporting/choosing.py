"""Which pictures to show."""

from __future__ import annotations

import torch
from torch import Tensor

from fieldmark.vocabulary import Predictions


def evenly(labels: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Positions of `count` pictures (all, if there are fewer), as evenly over the classes as can be.

    labels int64 (N,). Every class gives one picture before any gives two; when classes outnumber the places,
    chance says which. The result, int64 (M,), is ordered by class.

    >>> labels = torch.tensor([0, 0, 0, 0, 1, 1, 2])
    >>> labels[evenly(labels, 5, torch.Generator())].tolist()
    [0, 0, 1, 1, 2]
    """
    shuffled = torch.randperm(len(labels), generator=generator)  # (N,)
    by_class = shuffled[labels[shuffled].argsort(stable=True)]  # (N,), shuffled within each class
    ordered = labels[by_class]
    sizes = torch.unique_consecutive(ordered, return_counts=True)[1]  # (K',)
    starts = sizes.cumsum(0) - sizes
    turn = torch.arange(len(labels)) - starts.repeat_interleave(
        sizes
    )  # 0 for the first picture of a class ...
    # Ties between classes in the last round are settled by a second shuffle.
    again = torch.randperm(len(labels), generator=generator)
    rounds = again[turn[again].argsort(stable=True)][:count]
    return by_class[rounds.sort().values]


def positions(predictions: Predictions) -> Tensor:
    """Which picture of its set each row belongs to, int64 (N,): `index`, or the rows in order without one.

    >>> positions(Predictions(logits=torch.zeros(3, 2))).tolist()
    [0, 1, 2]
    """
    return predictions.index if predictions.index is not None else torch.arange(len(predictions))
