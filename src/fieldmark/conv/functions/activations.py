"""Softmax, relu, sigmoid and tanh as their definitions read, without overflow, and their slopes."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from fieldmark.conv.arrays import give_back, real_tensor
from fieldmark.conv.geometry import spell
from fieldmark.errors import UserError


def softmax(logits: ArrayLike | Tensor, axis: int = -1) -> Any:
    """Logits as probabilities: positive, and 1 in sum along `axis`. In torch: logits.softmax(axis).

    softmax(z)_k = exp(z_k - max z) / sum_j exp(z_j - max z)

    The maximum cancels; without it exp(1000) overflows. A logit of -inf has probability 0; a row of nothing
    but -inf has no answer and gives nan, as does one with +inf, in torch too.

    Args:
        logits: Real numbers of any shape, computed in their dtype (integers in float64).
        axis: Along which the probabilities sum to 1.

    Returns:
        The probabilities, in the same shape: a tensor with its gradient for a tensor, else a numpy array.

    Raises:
        UserError: The logits are complex, or the axis is not there or is empty.

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

    A logit of -inf gives -inf. Arguments, results and errors are those of `softmax`.

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


def relu(x: ArrayLike | Tensor) -> Any:
    """max(x, 0), element by element (Nair & Hinton 2010). In torch: x.relu().

    Args:
        x: Real numbers of any shape, computed in their dtype (integers in float64).

    Returns:
        The same shape, nan where x is nan: a tensor with its gradient for a tensor, else a numpy array.

    Raises:
        UserError: x is complex.

    >>> relu([-2, 0, 3])
    array([0., 0., 3.])
    """
    return give_back(real_tensor(x, "x").relu(), not isinstance(x, Tensor))


def relu_slope(x: ArrayLike | Tensor) -> Any:
    """The derivative of `relu`: 1 where x > 0, else 0, at 0 itself too, where there is none (as in torch).

    Shapes, dtypes and errors as `relu`; it is constant, so its own gradient is none.

    >>> relu_slope([-2, 0, 3])
    array([0., 0., 1.])
    """
    values = real_tensor(x, "x")
    slope = torch.where(values.isnan(), values.detach(), (values > 0).to(values.dtype))
    return give_back(slope, not isinstance(x, Tensor))


def sigmoid(x: ArrayLike | Tensor) -> Any:
    """1 / (1 + exp(-x)), element by element: any number as a probability. In torch: x.sigmoid().

    Where x < 0 it is exp(x) / (1 + exp(x)), the same number; exp(-x) would overflow there. Shapes, dtypes and
    errors as `relu`.

    >>> sigmoid([-1000, 0, 2]).round(4)
    array([0.    , 0.5   , 0.8808])
    """
    values = real_tensor(x, "x")
    small = _decay(values)
    found = torch.where(values < 0, small, 1.0) / (1 + small)
    return give_back(found, not isinstance(x, Tensor))


def sigmoid_slope(x: ArrayLike | Tensor) -> Any:
    """The derivative of `sigmoid`: s (1 - s) with s = sigmoid(x), at most 1/4.

    Computed as exp(-|x|) / (1 + exp(-|x|))^2, which keeps its digits where 1 - s would round to 0. Shapes,
    dtypes and errors as `relu`.

    >>> sigmoid_slope([0, 2]).round(4)
    array([0.25 , 0.105])
    """
    small = _decay(real_tensor(x, "x"))
    return give_back(small / (1 + small).square(), not isinstance(x, Tensor))


def tanh(x: ArrayLike | Tensor) -> Any:
    """(exp(x) - exp(-x)) / (exp(x) + exp(-x)), element by element: 2 sigmoid(2x) - 1. In torch: x.tanh().

    Computed as -e / (2 + e) with e = exp(-2|x|) - 1, and the sign of x: nothing overflows, and numbers near 0
    keep their digits. Shapes, dtypes and errors as `relu`.

    >>> tanh([-1000, 0, 0.5]).round(4)
    array([-1.    ,  0.    ,  0.4621])
    """
    values = real_tensor(x, "x")
    less = torch.where(values < 0, 2 * values, -2 * values).expm1()
    size = -less / (2 + less)
    return give_back(torch.where(values < 0, -size, size), not isinstance(x, Tensor))


def tanh_slope(x: ArrayLike | Tensor) -> Any:
    """The derivative of `tanh`: 1 - tanh(x)^2, at most 1; 4 sigmoid_slope(2x) is the same with more digits.

    Shapes, dtypes and errors as `relu`.

    >>> tanh_slope([0, 0.5]).round(4)
    array([1.    , 0.7864])
    """
    small = _decay(2 * real_tensor(x, "x"))
    return give_back(4 * small / (1 + small).square(), not isinstance(x, Tensor))


def _decay(x: Tensor) -> Tensor:
    """exp(-|x|), at most 1. Not by abs, which has no gradient at 0."""
    return torch.where(x < 0, x, -x).exp()


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
