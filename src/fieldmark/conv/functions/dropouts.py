"""Inverted dropout: what is kept is scaled up in training, so that evaluation has nothing to do.

Srivastava et al. 2014 (JMLR 15) scale down in evaluation instead; whole channels after Tompson et al. 2015
(arXiv 1411.4280): neighbouring pixels of a map are so alike that dropping single ones takes little away.
"""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from fieldmark.conv.arrays import give_back, real_tensor
from fieldmark.conv.geometry import spell
from fieldmark.errors import UserError


def dropout(
    x: ArrayLike | Tensor,
    probability: float,
    *,
    generator: torch.Generator | None = None,
    training: bool = True,
) -> Any:
    """Zero with `probability`, else x / (1 - probability), element by element.

    In torch: torch.nn.functional.dropout, which draws from PyTorch's own generator, as here without a
    `generator`; on a processor the same state drops the same elements.

    The expectation of every element stays x. In evaluation (training=False) and at probability 0 the output
    is x itself, not a copy; at probability 1 everything is 0.

    Args:
        x: Real numbers of any shape; integers are computed as float64.
        probability: That of a zero, from 0 to 1.
        generator: Where the randomness comes from; None for PyTorch's own.
        training: Whether anything is dropped.

    Returns:
        The same shape: a tensor with its gradient for a tensor, else a numpy array.

    Raises:
        UserError: The probability is outside of [0, 1], x is complex, or the generator is on another device.

    >>> dropout([3.0, 4.0], 1)
    array([0., 0.])
    >>> x = torch.ones(6)
    >>> dropped = dropout(x, 0.5, generator=torch.Generator().manual_seed(0))
    >>> sorted(set(dropped.tolist()))
    [0.0, 2.0]
    >>> with torch.random.fork_rng(devices=[]):
    ...     _ = torch.manual_seed(0)
    ...     torch.equal(dropped, torch.nn.functional.dropout(x, 0.5, training=True))
    True
    """
    values = real_tensor(x, "x")
    dropped = _dropped(values, values.shape, probability, generator, training)
    return give_back(dropped, not isinstance(x, Tensor))


def dropout_channels(
    x: ArrayLike | Tensor,
    probability: float,
    *,
    generator: torch.Generator | None = None,
    training: bool = True,
) -> Any:
    """`dropout` of whole channels, each picture its own. In torch: torch.nn.functional.dropout1d, 2d, 3d.

    Channel c of picture n is 0 everywhere with `probability`, else x / (1 - probability). Other arguments,
    results and errors are those of `dropout`.

    Args:
        x: Maps (N, C, *spatial).
        probability: That of a channel of zeros.
        generator: As in `dropout`.
        training: As in `dropout`.

    Raises:
        UserError: As `dropout`, or x has no spatial axes.

    >>> x = torch.ones(1, 4, 2, 2)
    >>> dropped = dropout_channels(x, 0.5, generator=torch.Generator().manual_seed(0))
    >>> set(dropped.sum((2, 3)).flatten().tolist()) <= {0.0, 8.0}
    True
    >>> with torch.random.fork_rng(devices=[]):
    ...     _ = torch.manual_seed(0)
    ...     torch.equal(dropped, torch.nn.functional.dropout2d(x, 0.5, training=True))
    True
    """
    values = real_tensor(x, "x")
    if values.ndim < 3:
        raise UserError(
            f"x {spell(values.shape)} has {values.ndim} axes; (N, C, *spatial) is needed, at least 3. "
            "Without spatial axes, take dropout."
        )
    one_per_channel = (*values.shape[:2], *[1] * (values.ndim - 2))
    dropped = _dropped(values, one_per_channel, probability, generator, training)
    return give_back(dropped, not isinstance(x, Tensor))


def _dropped(
    x: Tensor,
    mask_shape: tuple[int, ...],
    probability: float,
    generator: torch.Generator | None,
    training: bool,
) -> Tensor:
    if not 0 <= probability <= 1:
        raise UserError(f"probability={probability} is outside of 0 to 1.")
    if not training or probability == 0:
        return x
    if generator is not None and generator.device.type != x.device.type:
        raise UserError(
            f"x {spell(x.shape)} is on {x.device} and the generator on {generator.device}; "
            f"make it with torch.Generator('{x.device}')."
        )
    kept = torch.empty(mask_shape, dtype=torch.float32, device=x.device)
    kept.bernoulli_(1 - probability, generator=generator)
    scale = 1 / (1 - probability) if probability < 1 else 0.0
    return torch.where(kept.bool(), x * scale, 0.0)
