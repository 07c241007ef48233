"""The four cross-entropies: of two classes or of many, from logits or from probabilities. All in nats.

| | two classes, one number each | K classes |
|---|---|---|
| logits | binary_cross_entropy_with_logits | cross_entropy |
| probabilities, or their logarithms | binary_cross_entropy | nll_loss |

Logits are the better half: a probability that has rounded to 0 or 1 has lost what the loss is about.
"""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from fieldmark.conv.arrays import give_back, real_tensor
from fieldmark.conv.functions.activations import log_softmax
from fieldmark.conv.geometry import spell
from fieldmark.errors import UserError

_LEAST_LOGARITHM = -100.0  # what torch takes for log 0


def binary_cross_entropy(probabilities: ArrayLike | Tensor, targets: ArrayLike | Tensor) -> Any:
    """Mean cross-entropy of the probabilities of class 1. In torch: torch.nn.functional.binary_cross_entropy.

    mean_n -(t_n log p_n + (1 - t_n) log(1 - p_n)),   logarithms at least -100

    log 0 counts as -100, torch's rule: an answer both sure and wrong costs 100, not infinity. The loss is
    flat there, so its gradient is 0; torch divides by 1e-12 instead of 0 and has 1e12. From logits neither
    happens.

    Args:
        probabilities: Any shape, in [0, 1].
        targets: The same shape, 0, 1 or shares between; taken to the dtype and device of the probabilities.

    Returns:
        A tensor () where one of them is a tensor, else a number.

    Raises:
        UserError: The shapes differ, there is nothing to average, or numbers are outside of [0, 1].

    >>> probabilities, targets = torch.tensor([0.8]).sigmoid(), torch.tensor([1.0])
    >>> binary_cross_entropy(probabilities, targets)
    tensor(0.3711)
    >>> torch.nn.functional.binary_cross_entropy(probabilities, targets)
    tensor(0.3711)
    """
    p = real_tensor(probabilities, "probabilities")
    t = _targets(targets, p, "probabilities")
    _check_shares(p, "probabilities")
    losses = -(t * _clamped_log(p) + (1 - t) * _clamped_log(1 - p))
    return _mean(losses, probabilities, targets)


def binary_cross_entropy_with_logits(logits: ArrayLike | Tensor, targets: ArrayLike | Tensor) -> Any:
    """`binary_cross_entropy` of sigmoid(logits).

    In torch: torch.nn.functional.binary_cross_entropy_with_logits.

    mean_n t_n log(1 + exp(-z_n)) + (1 - t_n) log(1 + exp(z_n)),   as log sigmoid(z) = -log(1 + exp(-z))

    Finite for every finite logit, and right where the probability would have rounded to 0 or 1.

    Args:
        logits: Real numbers of any shape.
        targets: As in `binary_cross_entropy`.

    Returns:
        A tensor () where one of them is a tensor, else a number.

    Raises:
        UserError: The shapes differ, there is nothing to average, or targets are outside of [0, 1].

    >>> logits, targets = torch.tensor([0.8]), torch.tensor([1.0])
    >>> binary_cross_entropy_with_logits(logits, targets)
    tensor(0.3711)
    >>> torch.nn.functional.binary_cross_entropy_with_logits(logits, targets)
    tensor(0.3711)
    """
    z = real_tensor(logits, "logits")
    t = _targets(targets, z, "logits")
    zero = torch.zeros_like(z)
    # logaddexp(0, z) = log(exp(0) + exp(z)), without overflow.
    losses = t * torch.logaddexp(zero, -z) + (1 - t) * torch.logaddexp(zero, z)
    return _mean(losses, logits, targets)


def cross_entropy(logits: ArrayLike | Tensor, labels: ArrayLike | Tensor) -> Any:
    """Mean cross-entropy of logits against the true classes. In torch: torch.nn.functional.cross_entropy.

    mean_n -log softmax(z_n)[label_n]

    Finite for finite logits.

    Args:
        logits: Real numbers (N, K).
        labels: (N,), whole numbers from 0 to K-1.

    Returns:
        A tensor () where one of them is a tensor, else a number.

    Raises:
        UserError: The shapes do not fit, there is nothing to average, or a label is outside of 0 to K-1: none
            is passed over in silence, as -100 is in torch.

    >>> logits, labels = torch.tensor([[1.5, 0.8, 2.1]]), torch.tensor([2])
    >>> cross_entropy(logits, labels)
    tensor(0.5996)
    >>> torch.nn.functional.cross_entropy(logits, labels)
    tensor(0.5996)
    """
    scores = real_tensor(logits, "logits")
    classes = _labels(labels, scores, "logits")
    return _mean(_picked(log_softmax(scores, 1), classes), logits, labels)


def nll_loss(log_probabilities: ArrayLike | Tensor, labels: ArrayLike | Tensor) -> Any:
    """Mean negative log-likelihood of the true classes. In torch: torch.nn.functional.nll_loss.

    mean_n -log p_n[label_n]

    A true class of probability 0 costs infinity.

    Args:
        log_probabilities: (N, K), as `log_softmax` gives them.
        labels: (N,), whole numbers from 0 to K-1.

    Returns:
        A tensor () where one of them is a tensor, else a number.

    Raises:
        UserError: As `cross_entropy`, or a number is positive, which no logarithm of a probability is.

    >>> log_probabilities, labels = torch.tensor([[1.5, 0.8, 2.1]]).log_softmax(1), torch.tensor([2])
    >>> nll_loss(log_probabilities, labels)
    tensor(0.5996)
    >>> torch.nn.functional.nll_loss(log_probabilities, labels)
    tensor(0.5996)
    """
    logarithms = real_tensor(log_probabilities, "log_probabilities")
    classes = _labels(labels, logarithms, "log_probabilities")
    rounding = 8 * torch.finfo(logarithms.dtype).eps
    if (logarithms > rounding).any():
        raise UserError(
            f"log_probabilities hold {logarithms.max().item():.4g}: the logarithm of a probability is at "
            "most 0. Give log_softmax(logits), or take cross_entropy(logits, labels)."
        )
    return _mean(_picked(logarithms, classes), log_probabilities, labels)


def _clamped_log(shares: Tensor) -> Tensor:
    # The logarithm of 0 must not be taken at all: its infinite slope would make the gradient nan.
    positive = shares > 0
    logarithms = torch.where(positive, shares, 1.0).log()
    return torch.where(positive, logarithms, _LEAST_LOGARITHM).clamp(min=_LEAST_LOGARITHM)


def _picked(log_probabilities: Tensor, labels: Tensor) -> Tensor:
    """-log p of the true class, (N,)."""
    return -log_probabilities.gather(1, labels.unsqueeze(1)).squeeze(1)


def _mean(losses: Tensor, *given: ArrayLike | Tensor) -> Any:
    numpy_in = not any(isinstance(argument, Tensor) for argument in given)
    return give_back(losses.mean(), numpy_in)[()]  # an array () becomes a number, a tensor stays one


def _targets(targets: ArrayLike | Tensor, predictions: Tensor, what: str) -> Tensor:
    shares = real_tensor(targets, "targets").to(predictions)
    if shares.shape != predictions.shape:
        raise UserError(
            f"{what} {spell(predictions.shape)} against targets {spell(shares.shape)}: one target per "
            "prediction is needed, in the same shape."
        )
    _check_filled(predictions, what)
    _check_shares(shares, "targets")
    return shares


def _labels(labels: ArrayLike | Tensor, scores: Tensor, what: str) -> Tensor:
    numbers = real_tensor(labels, "labels").to(scores.device)
    if scores.ndim != 2 or numbers.shape != scores.shape[:1]:
        raise UserError(
            f"{what} {spell(scores.shape)} against labels {spell(numbers.shape)}: (N, K) and (N,) are "
            "needed, a row of classes and one label per picture."
        )
    _check_filled(scores, what)
    classes = scores.shape[1]
    fitting = (numbers == numbers.round()) & (numbers >= 0) & (numbers < classes)
    if not fitting.all():
        raise UserError(
            f"label {numbers[~fitting][0].item():g} for {what} {spell(scores.shape)}: whole numbers from 0 "
            f"to {classes - 1} are needed."
        )
    return numbers.long()


def _check_shares(shares: Tensor, what: str) -> None:
    outside = ~((shares >= 0) & (shares <= 1))  # this way around, nan is outside too
    if outside.any():
        raise UserError(f"{what} hold {shares[outside][0].item():.4g}: numbers from 0 to 1 are needed.")


def _check_filled(predictions: Tensor, what: str) -> None:
    if not predictions.numel():
        raise UserError(f"{what} {spell(predictions.shape)} are empty: there is no loss to average.")
