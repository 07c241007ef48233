"""The order in which training pictures are visited."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass
class TrainingOrder:
    """Endless full batches of positions; every epoch visits every picture once, in a new order.

    What an epoch leaves over (fewer than a batch) leads the next epoch, so that no batch is short and no
    picture is skipped. The whole state is `state()`; two orders with equal state go on alike.

    Attributes:
        count: pictures.
        batch_size: pictures per batch, at most `count`.
        generator: draws each epoch's order.
        epoch: that of the batch that `next_batch` returned last, from 0; -1 before the first.
        pending: int64, positions that the epoch has not given out yet.

    >>> order = TrainingOrder(5, 2, torch.Generator().manual_seed(0))
    >>> [len(order.next_batch()) for _ in range(5)], order.epoch
    ([2, 2, 2, 2, 2], 1)
    """

    count: int
    batch_size: int
    generator: torch.Generator
    epoch: int = -1
    pending: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))

    def __post_init__(self) -> None:
        assert 1 <= self.batch_size <= self.count, (self.batch_size, self.count)

    def next_batch(self) -> Tensor:
        """The next positions.

        Returns:
            int64 (batch_size,), on the CPU.
        """
        if len(self.pending) < self.batch_size:
            self.epoch += 1
            fresh = torch.randperm(self.count, generator=self.generator)
            self.pending = torch.cat([self.pending, fresh])
        batch, self.pending = self.pending[: self.batch_size], self.pending[self.batch_size :]
        return batch

    @property
    def epoch_done(self) -> bool:
        """Whether the batch returned last was the last full one of its epoch."""
        return len(self.pending) < self.batch_size

    def state(self) -> dict[str, int | Tensor]:
        return {"epoch": self.epoch, "pending": self.pending.clone()}

    def restore(self, state: dict[str, int | Tensor]) -> None:
        epoch, pending = state["epoch"], state["pending"]
        assert isinstance(epoch, int)
        assert isinstance(pending, Tensor)
        self.epoch, self.pending = epoch, pending
