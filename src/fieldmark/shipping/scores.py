"""What a classifier says of one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Score:
    """A class and its probability, 0 to 1."""

    label: str
    score: float


@dataclass(frozen=True)
class Prediction:
    """One row of an answer.

    file: the name as it was given; "array[3]" for the fourth input when that was an array, and likewise
    "tensor", "picture" (PIL's) and "bytes". status: "ok", or
    why there is no answer: "missing", "unreadable", "unsupported", "too_large", with the reason in words.
    label, score: the most probable class; scores: the best classes, most probable first. Without an answer
    label and score are None and scores is empty.
    """

    file: str
    status: str
    reason: str | None = None
    label: str | None = None
    score: float | None = None
    scores: tuple[Score, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """{file, status, reason, label, score, scores: [{label, score}]}.

        >>> Prediction("a.jpg", "missing", "no such file").to_json()["scores"]
        []
        """
        return {**asdict(self), "scores": [asdict(score) for score in self.scores]}


def answer(file: str, logits: Tensor, classes: Sequence[str], top_k: int) -> Prediction:
    """The row for a picture with logits float (K,): softmax, the `top_k` best classes, ties in class order.

    >>> import torch
    >>> answer("a.jpg", torch.tensor([0.0, 0.0, 1.0]), ["cat", "dog", "owl"], 2).scores
    (Score(label='owl', score=0.576...), Score(label='cat', score=0.211...))
    """
    probabilities = logits.double().softmax(0).tolist()
    order = logits.sort(descending=True, stable=True).indices[:top_k].tolist()
    scores = tuple(Score(classes[i], probabilities[i]) for i in order)
    return Prediction(file, "ok", None, scores[0].label, scores[0].score, scores)
