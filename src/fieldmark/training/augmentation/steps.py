"""What an augmentation is: a frozen dataclass that is called on a whole batch.

An augmentation comes in two halves: a public function that does exactly what it is told (the twin), and a
small dataclass that draws what it tells it, every picture its own values, from a torch.Generator on the CPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Generator, Tensor


@dataclass(frozen=True)
class Context:
    """What a step may need to know besides the pictures.

    index int64 (N,): which pictures of the training set these are; epoch: from 0; size: what the network
    receives, (height, width).
    """

    index: Tensor
    epoch: int
    size: tuple[int, int]


@runtime_checkable
class Step(Protocol):
    """An augmentation of pictures: uint8 (N, C, H, W) in, uint8 (N, C, h, w) out, in channels_last memory.

    The pictures given are never changed in place. generator: on the CPU, wherever the pictures are.
    """

    @property
    def margin(self) -> float:
        """How many times larger than the network's input the pictures should be stored for this step."""
        return 1.0

    def __call__(self, images: Tensor, generator: Generator, context: Context) -> Tensor: ...


@runtime_checkable
class Mixing(Protocol):
    """An augmentation that mixes pictures and, with them, their labels; it comes after all Steps.

    images uint8 (N, C, H, W), targets float32 (N, K), rows of which sum to 1.
    """

    def mix(self, images: Tensor, targets: Tensor, generator: Generator) -> tuple[Tensor, Tensor]: ...
