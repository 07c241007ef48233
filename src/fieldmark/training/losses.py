"""What training minimises: cross-entropy, soft or hard targets, and the penalties on the weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from fieldmark.evaluation.prediction import two_class_logits


@dataclass(frozen=True)
class CrossEntropy:
    """Mean cross-entropy of logits (N, K) or (N, 1), float32, against labels int64 (N,) or shares float (N,
    K).

    label_smoothing e: targets become (1 - e) * target + e / K. class_weights (K,) multiply each picture's
    loss, and the sum is divided by the sum of the weights used, as torch does for hard labels.
    A single-unit output z counts as logits (0, z): the binary cross-entropy of z.

    >>> import torch
    >>> loss = CrossEntropy()(torch.tensor([[0.8]]), torch.tensor([1]))
    >>> round(loss.item(), 4)
    0.3711
    """

    label_smoothing: float = 0.0
    class_weights: Tensor | None = None

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        return functional.cross_entropy(
            two_class_logits(logits),
            labels,
            weight=self.class_weights,
            label_smoothing=self.label_smoothing,
        )


def balanced_weights(labels: Tensor, num_classes: int) -> Tensor:
    """float (K,): N / (K * n_k), so that every class weighs the same in sum; 0 for a class without pictures.

    >>> import torch
    >>> balanced_weights(torch.tensor([0, 0, 0, 1]), 2).tolist()
    [0.6666666865348816, 2.0]
    """
    counts = labels.bincount(minlength=num_classes).float()
    weights = len(labels) / (num_classes * counts.clamp(min=1))
    return weights * (counts > 0)


def penalty(parameters: Iterable[Tensor], l1: float, l2: float) -> Tensor | None:
    """l1 * sum|w| + l2 * sum w^2 over `parameters`; None where both are 0.

    torch's weight_decay = 2 * l2 in SGD adds exactly this l2's gradient.

    >>> import torch
    >>> penalty([torch.tensor([1.0, -2.0])], l1=0.5, l2=0.1).item()
    2.0
    """
    total: Tensor | None = None
    for parameter in parameters:
        for term in (
            l1 * parameter.abs().sum() if l1 else None,
            l2 * parameter.square().sum() if l2 else None,
        ):
            if term is not None:
                total = term if total is None else total + term
    return total


def accuracy_count(logits: Tensor, labels: Tensor) -> Tensor:
    """How many rows the largest logit gets right, on the device.

    Mixed labels count by their largest share.
    """
    hard = labels.argmax(1) if labels.dim() == 2 else labels
    return (two_class_logits(logits.detach()).argmax(1) == hard).sum()
