"""Stochastic depth: residual branches dropped at random in training (Huang et al. 2016, arXiv 1603.09382)."""

from __future__ import annotations

from torch import Tensor, nn

from fieldmark.errors import UserError


class StochasticDepth(nn.Module):
    """In training the branch of each picture is 0 with probability `rate`, else divided by 1 - rate.

    float (N, ...) to the same shape. In evaluation, and at rate 0, it is the identity. The paper scales in
    evaluation by 1 - rate instead; the expectation is the same. It drops a branch for the whole batch, here
    every picture draws by itself, from the global generator of the device that the maps are on.
    Raises UserError for a rate below 0, or of 1 and more.

    >>> import torch
    >>> branch = StochasticDepth(0.5).train()(torch.ones(1000, 3))
    >>> sorted(set(branch.sum(1).tolist()))
    [0.0, 6.0]
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise UserError(f"a stochastic_depth rate is at least 0 and below 1; got {rate}.")
        self.rate = rate

    def forward(self, branch: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return branch
        kept = branch.new_empty(len(branch), *[1] * (branch.dim() - 1))  # (N, 1, 1, 1)
        return branch * kept.bernoulli_(1 - self.rate).div_(1 - self.rate)

    def extra_repr(self) -> str:
        return f"rate={self.rate}"


def rising(last: float, count: int) -> list[float]:
    """The rates of `count` branches, linear from 0 at the picture to `last`: branch l has last * l / count.

    Early branches make what all later ones build on, and are dropped less (section 3, equation 4).

    >>> rising(0.5, 4)
    [0.125, 0.25, 0.375, 0.5]
    """
    return [last * (i + 1) / count for i in range(count)]
