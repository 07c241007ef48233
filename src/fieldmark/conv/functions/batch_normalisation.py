"""Batch normalisation as its paper defines it: Ioffe & Szegedy 2015, arXiv 1502.03167, algorithms 1, 2."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike
from torch import Tensor

from fieldmark.conv.arrays import give_back, real_tensor
from fieldmark.conv.geometry import spell
from fieldmark.errors import UserError


@dataclass(frozen=True, eq=False)
class NormalisedBatch:
    """What `batch_norm` gives: output (N, C, *spatial), running statistics (C,) to go on with, or None.

    >>> NormalisedBatch(output=[[0.0]], running_mean=None, running_var=None).output
    [[0.0]]
    """

    output: Any
    running_mean: Any
    running_var: Any


def batch_norm(
    x: ArrayLike | Tensor,
    *,
    training: bool,
    weight: ArrayLike | Tensor | None = None,
    bias: ArrayLike | Tensor | None = None,
    running_mean: ArrayLike | Tensor | None = None,
    running_var: ArrayLike | Tensor | None = None,
    momentum: float = 0.1,
    epsilon: float = 1e-5,
) -> NormalisedBatch:
    """Every channel shifted to mean 0 and scaled to variance 1. In torch: torch.nn.functional.batch_norm.

    y = weight * (x - mean) / sqrt(variance + epsilon) + bias

    In training, mean and variance are those of the batch, over N and the spatial axes, the variance with its
    sum divided by n, the number of values. The running statistics come back moved towards them,
    running = (1 - momentum) * running + momentum * batch, here with the sum divided by n - 1; torch changes
    its arguments in place. In evaluation, mean and variance are the running ones, and come back as they are.

    Args:
        x: Real numbers (N, C, *spatial), computed in their dtype (integers in float64).
        training: Whether mean and variance are those of the batch.
        weight: (C,); None counts as 1.
        bias: (C,); None counts as 0.
        running_mean: (C,), keeps its own dtype.
        running_var: (C,), keeps its own dtype.
        momentum: How far the running statistics move towards those of the batch, 0 to 1.
        epsilon: What is added to the variance, above 0.

    Returns:
        The output and the running statistics. With a tensor among the arguments all are tensors, with
        gradients (none through the new running statistics), else numpy arrays.

    Raises:
        UserError: Shapes do not fit, one running statistic is given without the other, evaluation has none,
            training has a single value per channel, or momentum or epsilon are outside of their range.

    >>> import torch
    >>> x, mean, var = torch.tensor([[1.0], [3.0]]), torch.zeros(1), torch.ones(1)
    >>> batch = batch_norm(x, training=True, running_mean=mean, running_var=var)
    >>> batch.output.flatten(), batch.running_mean, batch.running_var
    (tensor([-1.0000, 1.0000]), tensor([0.2000]), tensor([1.1000]))
    >>> torch.nn.functional.batch_norm(x, mean, var, training=True).flatten(), mean, var
    (tensor([-1.0000, 1.0000]), tensor([0.2000]), tensor([1.1000]))
    """
    given = (x, weight, bias, running_mean, running_var)
    numpy_in = not any(isinstance(argument, Tensor) for argument in given)
    values = real_tensor(x, "x")
    if values.ndim < 2:
        raise UserError(f"x {spell(values.shape)} has {values.ndim} axes; (N, C, *spatial) is needed.")
    scale, shift, old_mean, old_variance = (
        _per_channel(numbers, name, values)
        for numbers, name in zip(given[1:], ("weight", "bias", "running_mean", "running_var"), strict=True)
    )
    _check(training, old_mean, old_variance, momentum, epsilon)

    axes = [0, *range(2, values.ndim)]  # all but the channels
    along = _along_channels(values)
    if training:
        mean = values.mean(axes)  # (C,)
        variance = (values - along(mean)).square().mean(axes)
        new_mean, new_variance = _moved(old_mean, old_variance, mean, variance, values, momentum)
    else:
        assert old_mean is not None
        assert old_variance is not None
        mean, variance = new_mean, new_variance = old_mean, old_variance

    output = (values - along(mean)) / (along(variance) + epsilon).sqrt()
    if scale is not None:
        output = output * along(scale)
    if shift is not None:
        output = output + along(shift)
    return NormalisedBatch(
        give_back(output, numpy_in),
        None if new_mean is None else give_back(new_mean, numpy_in),
        None if new_variance is None else give_back(new_variance, numpy_in),
    )


def _moved(
    old_mean: Tensor | None,
    old_variance: Tensor | None,
    mean: Tensor,
    variance: Tensor,
    x: Tensor,
    momentum: float,
) -> tuple[Tensor | None, Tensor | None]:
    """The running statistics a step towards those of the batch."""
    count = x.numel() // max(x.shape[1], 1)
    if count < 2:
        raise UserError(
            f"x {spell(x.shape)} has too few values per channel, {count}: a variance takes at least 2. "
            "Give a larger batch, or training=False."
        )
    if old_mean is None or old_variance is None:
        return None, None
    unbiased = variance.detach() * count / (count - 1)
    return (
        (1 - momentum) * old_mean.detach() + momentum * mean.detach().to(old_mean.dtype),
        (1 - momentum) * old_variance.detach() + momentum * unbiased.to(old_variance.dtype),
    )


def _along_channels(x: Tensor) -> Callable[[Tensor], Tensor]:
    """What makes numbers (C,) line up with the channels of x (N, C, *spatial)."""
    shape = (1, -1, *[1] * (x.ndim - 2))
    return lambda numbers: numbers.to(x.dtype).reshape(shape)


def _per_channel(numbers: ArrayLike | Tensor | None, name: str, x: Tensor) -> Tensor | None:
    if numbers is None:
        return None
    tensor = real_tensor(numbers, name).to(x.device)
    if tensor.shape != x.shape[1:2]:
        raise UserError(
            f"{name} {spell(tensor.shape)} for x {spell(x.shape)}: one number per channel is needed, "
            f"{x.shape[1]}."
        )
    return tensor


def _check(
    training: bool, mean: Tensor | None, variance: Tensor | None, momentum: float, epsilon: float
) -> None:
    if (mean is None) != (variance is None):
        missing = "running_mean" if mean is None else "running_var"
        raise UserError(f"{missing} is missing: give both running statistics, or neither.")
    if not training and mean is None:
        raise UserError("evaluation needs running_mean and running_var; without them, give training=True.")
    if not 0 <= momentum <= 1:
        raise UserError(f"momentum={momentum} is outside of 0 to 1.")
    if not epsilon > 0:
        raise UserError(f"epsilon={epsilon} is not above 0: a constant channel would be divided by 0.")
