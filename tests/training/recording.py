"""What a training run does, written down from outside: a network that notes its batches, a hook on its steps.

Everything here goes through public doors (a network of one's own, torch's hooks on optimisers): how the loop
is built inside does not matter.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from fieldmark.vocabulary import Dataset, ImageSet

SIDE, CLASSES = 6, ("many", "some", "few")
COUNTS = (30, 12, 6)
"""Training pictures of each class."""
BRIGHT = 128
"""Pixels of training pictures are darker than this, those of validation pictures are not."""


def coded_pictures() -> Dataset:
    """48 training and 24 validation pictures of noise, 6x6 grey, no two alike, none like its mirror image."""
    generator = torch.Generator().manual_seed(7)

    def noise(labels: Tensor, least: int) -> ImageSet:
        shape = (len(labels), 1, SIDE, SIDE)
        pixels = torch.randint(least, least + BRIGHT, shape, generator=generator, dtype=torch.uint8)
        return ImageSet(pixels.contiguous(memory_format=torch.channels_last), labels, CLASSES)

    train = torch.tensor([label for label, count in enumerate(COUNTS) for _ in range(count)])
    return Dataset(noise(train, 0), noise(torch.arange(24) % 3, BRIGHT), None, "noise", (SIDE, SIDE))


def levels(images: Tensor) -> Tensor | None:
    """uint8 (N, C, H, W): the pictures before normalising by mean 0 and deviation 1.

    None for a batch that is made up, to try a network out: black, or with values that no pixel has.
    """
    values = images.detach().float() * 255
    whole = values.round()
    if not values.any() or (whole - values).abs().max() > 0.01 or whole.min() < 0 or whole.max() > 255:
        return None
    return whole.to(torch.uint8)


@dataclass
class Call:
    """A batch of pictures that a network was given.

    pixels uint8 (N, 1, H, W): before normalising; training: the mode of every module; weights: what the
    network held; dtype: of its logits.
    """

    pixels: Tensor
    training: bool
    weights: dict[str, Tensor]
    dtype: torch.dtype


class RecordingModel(nn.Module):
    """One linear layer that writes down every batch. Train it with mean=(0.0,) and std=(1.0,).

    clock: goes on by one second with every training batch.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__()
        self.linear = nn.Linear(SIDE * SIDE, len(CLASSES))
        with torch.no_grad():
            generator = torch.Generator().manual_seed(3)
            self.linear.weight.copy_(torch.randn(self.linear.weight.shape, generator=generator) / 10)
            self.linear.bias.zero_()
        self.calls: list[Call] = []
        self.clock = clock

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.linear(images.reshape(len(images), -1))
        modes = {module.training for module in self.modules()}
        assert len(modes) == 1, "every part is in the same mode"
        pixels = levels(images)
        if pixels is not None:
            weights = {name: tensor.clone() for name, tensor in self.state_dict().items()}
            self.calls.append(Call(pixels, modes.pop(), weights, logits.dtype))
        if pixels is not None and self.clock is not None and self.training:
            self.clock.now += 1
        return logits

    def batches(self, of: str) -> list[Call]:
        """The batches of "train" or of "val" pictures."""
        return [call for call in self.calls if (int(call.pixels.max()) >= BRIGHT) == (of == "val")]


@dataclass
class Step:
    """A step of an optimiser, just before it. By the position of each parameter in the optimiser's groups."""

    optimizer: int
    rates: list[float]
    weights: list[Tensor]
    gradients: list[Tensor]


@dataclass
class Steps:
    """All steps while `recorded_steps` is open."""

    all: list[Step] = field(default_factory=list)

    @property
    def last_run(self) -> list[Step]:
        """Those of the optimiser that stepped last: without the trial run that looks for a rate."""
        return [step for step in self.all if step.optimizer == self.all[-1].optimizer]


@contextmanager
def recorded_steps() -> Iterator[Steps]:
    """Write down every optimiser step that is made inside."""
    steps, kept = Steps(), []

    def hook(optimizer: torch.optim.Optimizer, args: object, kwargs: object) -> None:
        kept.append(optimizer)  # so that no other one gets its id
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        steps.all.append(
            Step(
                optimizer=id(optimizer),
                rates=[float(group["lr"]) for group in optimizer.param_groups],
                weights=[parameter.detach().clone() for parameter in parameters],
                gradients=[parameter.grad.clone() for parameter in parameters if parameter.grad is not None],
            )
        )

    handle = register_optimizer_step_pre_hook(hook)
    try:
        yield steps
    finally:
        handle.remove()


@dataclass
class Clock:
    """A clock that stands still unless told; it never shows 0."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now

    @classmethod
    def installed(cls, monkeypatch: pytest.MonkeyPatch) -> Clock:
        """One that the code under test takes for time.perf_counter and time.monotonic."""
        clock = cls()
        monkeypatch.setattr(time, "perf_counter", clock)
        monkeypatch.setattr(time, "monotonic", clock)
        return clock


class ScriptedModel(nn.Module):
    """Counts its training batches in a buffer, and answers by the script of the epoch it has reached.

    script: of each epoch, the share of pictures that is answered right and the margin of every answer. It
    knows the right answer because the pictures' first pixel is the class (two classes).
    """

    def __init__(self, batches_per_epoch: int, script: tuple[tuple[float, float], ...]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.batches_per_epoch, self.script = batches_per_epoch, script
        self.batches: Tensor
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))

    def forward(self, images: Tensor) -> Tensor:
        if self.training and levels(images) is not None:
            self.batches += 1
        right, margin = self.script[max(0, int(self.batches) // self.batches_per_epoch - 1)]
        truth = (images[:, 0, 0, 0] * 255).round()  # (N,)
        sign = torch.where(torch.arange(len(images)) < right * len(images), 1.0, -1.0)
        logit = sign * (2 * truth - 1) * margin + 0 * self.weight
        return torch.stack([torch.zeros_like(logit), logit], 1)


def scripted_pictures() -> Dataset:
    """20 training and 20 validation pictures of two classes, whose first pixel is the class."""

    def made(background: int) -> ImageSet:
        labels = torch.arange(20) % 2
        images = torch.full((20, 1, 2, 2), background, dtype=torch.uint8)
        images[:, 0, 0, 0] = labels.to(torch.uint8)
        return ImageSet(images.contiguous(memory_format=torch.channels_last), labels, ("0", "1"))

    return Dataset(made(10), made(20), None, "script", (2, 2))
