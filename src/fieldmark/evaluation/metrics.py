"""Metrics: pure functions of Predictions. Where logits tie, the class with the lowest index is predicted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from fieldmark.errors import UserError
from fieldmark.vocabulary import Predictions
from fieldmark.world import torch_as_it_comes


def predicted(predictions: Predictions) -> Tensor:
    """The class of the largest logit, int64 (N,); the first one where several tie.

    >>> predicted(Predictions(logits=torch.tensor([[1.0, 1.0], [0.0, 2.0]])))
    tensor([0, 1])
    """
    return predictions.logits.argmax(1)


def loss(predictions: Predictions) -> float:
    """Mean cross-entropy, in nats: mean_n -log softmax(logits_n)[label_n]. Raises UserError without labels.

    >>> round(loss(Predictions(logits=torch.tensor([[1.5, 0.8, 2.1]]), labels=torch.tensor([2]))), 4)
    0.5996
    """
    return float(cross_entropy(predictions.logits.double(), _labels(predictions)))


def accuracy(predictions: Predictions) -> float:
    """Share of pictures whose predicted class is the true one. Raises UserError without labels.

    >>> accuracy(Predictions(logits=torch.eye(3), labels=torch.tensor([0, 1, 1])))
    0.6666666666666666
    """
    return _correct(predictions) / len(_labels(predictions))


def wilson_interval(correct: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval for a share of `correct` out of `n`, (low, high) (Wilson 1927).

    With p = correct / n and z the normal quantile:
    (p + z^2/2n +- z sqrt(p (1 - p)/n + z^2/4n^2)) / (1 + z^2/n)

    Raises UserError unless 0 <= correct <= n, n >= 1 and 0 < confidence < 1.

    >>> low, high = wilson_interval(95, 100)
    >>> round(low, 4), round(high, 4)
    (0.8882, 0.9785)
    """
    if not (0 <= correct <= n and n >= 1):
        raise UserError(f"no interval for {correct} correct of {n}: it takes 0 <= correct <= n and n >= 1.")
    if not 0 < confidence < 1:
        raise UserError(f"confidence={confidence} is outside 0 < confidence < 1.")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    p = correct / n
    centre = p + z * z / (2 * n)
    spread = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # At the ends the formula gives 0 and 1 exactly; rounding would miss them by 1e-17.
    low = 0.0 if correct == 0 else (centre - spread) / scale
    high = 1.0 if correct == n else (centre + spread) / scale
    return low, high


def confusion(predictions: Predictions) -> Tensor:
    """How often each class was taken for each, int64 (K, K), [actual][predicted].

    Raises UserError without labels.

    >>> confusion(Predictions(logits=torch.eye(2), labels=torch.tensor([0, 0]))).tolist()
    [[1, 1], [0, 0]]
    """
    classes = predictions.logits.shape[1]
    cells = _labels(predictions) * classes + predicted(predictions)
    return torch.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def balanced_accuracy(predictions: Predictions) -> float:
    """Mean recall over the classes that occur, so that a rare class counts as much as a common one.

    Raises UserError without labels.

    >>> always_first = torch.tensor([[1.0, 0.0]]).repeat(4, 1)
    >>> balanced_accuracy(Predictions(logits=always_first, labels=torch.tensor([0, 0, 0, 1])))
    0.5
    """
    counts = confusion(predictions).double()
    support = counts.sum(1)
    return float((counts.diag() / support)[support > 0].mean())


def per_class(predictions: Predictions, classes: Sequence[str]) -> list[dict[str, Any]]:
    """{class, precision, recall, f1, support} for every class, in the order of `classes`.

    precision = tp / (tp + fp), recall = tp / (tp + fn), f1 = 2 tp / (2 tp + fp + fn), support = tp + fn.
    What would be 0/0 is None, which is null in JSON: the precision of a class never predicted, the recall of
    one that does not occur, the f1 of one that is neither. Raises UserError without labels.

    >>> per_class(Predictions(logits=torch.eye(2), labels=torch.tensor([0, 0])), ["cat", "dog"])[0]
    {'class': 'cat', 'precision': 1.0, 'recall': 0.5, 'f1': 0.6666666666666666, 'support': 2}
    """
    counts = confusion(predictions)
    _check_classes(predictions, classes)
    hits, answers, support = counts.diag().tolist(), counts.sum(0).tolist(), counts.sum(1).tolist()
    return [
        {
            "class": name,
            "precision": _share(hit, answered),
            "recall": _share(hit, true),
            "f1": _share(2 * hit, answered + true),
            "support": true,
        }
        for name, hit, answered, true in zip(classes, hits, answers, support, strict=True)
    ]


def top_k(predictions: Predictions, k: int) -> float:
    """Share of pictures whose true class is among the k largest logits; k above the classes is clipped.

    Ties go to the lower index, as in `predicted`. Raises UserError for k below 1, and without labels.

    >>> top_k(Predictions(logits=torch.tensor([[3.0, 2.0, 1.0]]), labels=torch.tensor([1])), k=2)
    1.0
    """
    if k < 1:
        raise UserError(f"top_k takes k of at least 1; got {k}.")
    labels = _labels(predictions).unsqueeze(1)  # (N, 1)
    logits = predictions.logits
    true = logits.gather(1, labels)  # (N, 1)
    lower = torch.arange(logits.shape[1]) < labels  # (N, K)
    rank = ((logits > true) | ((logits == true) & lower)).sum(1)
    return int((rank < k).sum()) / len(labels)


def picture_losses(predictions: Predictions) -> Tensor:
    """The cross-entropy of each picture, float32 (N,); element i belongs to picture i of the set.

    Rows may be in any order: they are paired with their pictures through `index`.
    Raises UserError without labels, and when `index` does not name every picture from 0 to N-1 once.

    >>> logits, labels = torch.tensor([[9.0, 0.0], [0.0, 9.0]]), torch.tensor([1, 1])
    >>> shuffled = Predictions(logits=logits, labels=labels, index=torch.tensor([1, 0]))
    >>> picture_losses(shuffled).round(decimals=2)
    tensor([0., 9.])
    """
    labels = _labels(predictions)
    losses = cross_entropy(predictions.logits, labels, reduction="none")
    if predictions.index is None:
        return losses
    if not torch.equal(predictions.index.sort().values, torch.arange(len(labels))):
        raise UserError(
            f"index must name each of the {len(labels)} pictures once; some are missing or twice."
        )
    return torch.empty_like(losses).index_copy(0, predictions.index, losses)


@torch_as_it_comes()
def evaluate(
    predictions: Predictions, classes: Sequence[str], *, split: str | None = None, k: int | None = None
) -> dict[str, Any]:
    """Everything that `fieldmark evaluate --json` prints, as plain values for JSON.

    {split, n, loss, accuracy, accuracy_interval, balanced_accuracy, per_class, confusion, classes}, and with
    `k` also top_k: {"k": k clipped to the number of classes, "accuracy": its value}. accuracy_interval is
    Wilson's at 95 %, `[low, high]`; confusion is `[actual][predicted]`.

    Raises UserError without labels, when `classes` does not fit the logits, and when a logit is not finite.

    >>> result = evaluate(Predictions(logits=torch.eye(2), labels=torch.tensor([0, 1])), ["cat", "dog"])
    >>> result["accuracy"], result["confusion"]
    (1.0, [[1, 0], [0, 1]])
    """
    labels = _labels(predictions)
    _check_classes(predictions, classes)
    broken = int((~predictions.logits.isfinite()).any(1).sum())
    if broken:
        raise UserError(
            f"the network gives no finite numbers for {broken} of {len(labels)} pictures: its training "
            "diverged. Train again with a lower learning rate."
        )
    result: dict[str, Any] = {
        "split": split,
        "n": len(labels),
        "loss": loss(predictions),
        "accuracy": accuracy(predictions),
        "accuracy_interval": list(wilson_interval(_correct(predictions), len(labels))),
        "balanced_accuracy": balanced_accuracy(predictions),
        "per_class": per_class(predictions, classes),
        "confusion": confusion(predictions).tolist(),
        "classes": list(classes),
    }
    if k is not None:
        result["top_k"] = {"k": min(k, len(classes)), "accuracy": top_k(predictions, k)}
    return result


def _labels(predictions: Predictions) -> Tensor:
    if predictions.labels is None:
        raise UserError("these pictures have no labels, so there is nothing to compare the predictions with.")
    if len(predictions.labels) == 0:
        raise UserError("there are no pictures here, so there is nothing to measure.")
    return predictions.labels


def _correct(predictions: Predictions) -> int:
    return int((predicted(predictions) == _labels(predictions)).sum())


def _check_classes(predictions: Predictions, classes: Sequence[str]) -> None:
    if len(classes) != predictions.logits.shape[1]:
        raise UserError(
            f"{len(classes)} class names were given for logits of {predictions.logits.shape[1]} classes; "
            "the names must be those that the network was trained with."
        )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
