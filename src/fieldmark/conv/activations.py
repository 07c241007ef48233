"""Softmax and its logarithm, as their definitions read: the maximum is subtracted first."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike
from torch import Tensor

from fieldmark.conv.arrays import give_back, tensor_of
from fieldmark.conv.geometry import spell
from fieldmark.errors import UserError


def softmax(logits: ArrayLike | Tensor, axis: int = -1) -> Any:
    """Logits as probabilities: positive, and 1 in sum along `axis`. In torch: logits.softmax(axis).

    softmax(z)_k = exp(z_k - max z) / sum_j exp(z_j - max z)

    The maximum cancels; without it exp(1000) overflows. A logit of -inf has probability 0; a row of nothing
    but -inf has no answer and gives nan, as does one with +inf, in torch too.

    logits: any shape, real numbers, computed in their dtype (integers in float64). A numpy array or a list
    gives a numpy array, a tensor a tensor with its gradient. Raises UserError for complex numbers, and for an
    axis that is not there or is empty.

    >>> import torch
    >>> logits = torch.tensor([1.0, 2.0, 3.0])
    >>> softmax(logits)
    tensor([0.0900, 0.2447, 0.6652])
    >>> logits.softmax(-1)
    tensor([0.0900, 0.2447, 0.6652])
    """
    exponentials = _shifted(logits, axis).exp()
    return give_back(exponentials / exponentials.sum(axis, keepdim=True), not isinstance(logits, Tensor))


def log_softmax(logits: ArrayLike | Tensor, axis: int = -1) -> Any:
    """The logarithm of `softmax`, finite where softmax rounds to 0. In torch: logits.log_softmax(axis).

    log softmax(z)_k = (z_k - max z) - log sum_j exp(z_j - max z)

    Shapes, dtypes and errors as `softmax`; a logit of -inf gives -inf.

    >>> import torch
    >>> logits = torch.tensor([0.0, 1000.0])
    >>> log_softmax(logits)
    tensor([-1000.,     0.])
    >>> logits.log_softmax(-1)
    tensor([-1000.,     0.])
    >>> softmax(logits).log()
    tensor([-inf, 0.])
    """
    shifted = _shifted(logits, axis)
    return give_back(shifted - shifted.exp().sum(axis, keepdim=True).log(), not isinstance(logits, Tensor))


def _shifted(logits: ArrayLike | Tensor, axis: int) -> Tensor:
    """The logits minus their maximum along `axis`, so that the largest is 0 and no exponential exceeds 1."""
    scores = real_tensor(logits, "logits")
    axes = max(scores.ndim, 1)  # a single number counts as an axis of length 1, as in torch
    if not -axes <= axis < axes:
        raise UserError(
            f"logits {spell(scores.shape)} have no axis {axis}; give one from {-axes} to {axes - 1}."
        )
    if scores.ndim and scores.shape[axis] == 0:
        raise UserError(f"logits {spell(scores.shape)} are empty along axis {axis}: at least one is needed.")
    # Detached, for a constant that cancels has no part in the gradient.
    return scores - scores.amax(axis, keepdim=True).detach()


def real_tensor(x: ArrayLike | Tensor, what: str) -> Tensor:
    """`tensor_of` for what is defined on real numbers only.

    what: its name in an error. Raises UserError for complex numbers and for what holds no numbers.

    >>> real_tensor([1, 2], "logits")
    tensor([1., 2.], dtype=torch.float64)
    """
    tensor = tensor_of(x, what)
    if tensor.is_complex():
        raise UserError(f"{what} {spell(tensor.shape)}: complex numbers, where real ones are needed.")
    return tensor
