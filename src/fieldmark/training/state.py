"""Everything a run of training is, between two steps."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from fieldmark.data.batches import TrainingOrder
from fieldmark.errors import ClassifierError
from fieldmark.models.own import logits_of, rows
from fieldmark.recipe import Recipe
from fieldmark.training.augmentation import Pipeline
from fieldmark.training.averaging import Average
from fieldmark.training.freezing import Freezing
from fieldmark.training.losses import CrossEntropy
from fieldmark.training.precision import autocast
from fieldmark.vocabulary import History, ImageSet, Preprocessing, gather


@dataclass
class Best:
    """The epoch that is kept: the lowest score so far, and copies of the weights it was measured with."""

    epoch: int = 0
    score: float = math.inf
    weights: dict[str, Tensor] = field(default_factory=dict)


@dataclass
class State:
    """A run between two steps: what stays the same from step to step, and from `model` on what they change.

    train, val: uint8 pictures (N, C, H, W) and int64 labels (N,), on the device where they fit there.
    learning_rate: the peak, as found where the recipe says "find". channels_last: how the network gets its
    pictures.

    generator: draws order and augmentation; torch_generator, cuda_generator: where torch's own draws, say of
    dropout, stand; step: batches done; stop_at: the step that is not begun any more; seen, loss_sum, correct:
    sums over the epoch so far, the latter two on the device; seconds: training time of the epoch so far;
    elapsed: seconds of all earlier epochs and sittings, validation included; training_seconds: the same
    without validation.
    """

    recipe: Recipe
    train: ImageSet
    val: ImageSet
    augment: Pipeline
    criterion: CrossEntropy
    decayed: list[nn.Parameter]
    freezing: Freezing
    preprocessing: Preprocessing
    device: torch.device
    dtype: torch.dtype
    batch_size: int
    total_steps: int
    learning_rate: float
    channels_last: bool

    model: nn.Module
    optimizer: torch.optim.Optimizer
    generator: torch.Generator
    order: TrainingOrder
    average: Average | None
    loss_sum: Tensor
    correct: Tensor
    torch_generator: Tensor = field(default_factory=torch.get_rng_state)
    cuda_generator: Tensor | None = None
    history: History = field(default_factory=History)
    best: Best = field(default_factory=Best)
    step: int = 0
    stop_at: float = math.inf
    seen: int = 0
    seconds: float = 0.0
    elapsed: float = 0.0
    training_seconds: float = 0.0

    def gather(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Training pictures uint8 (B, C, H, W), channels_last, and labels int64 (B,) at these positions."""
        images, labels = self.train.images, self.train.labels
        return gather(images, index.to(images.device)), labels[index.to(labels.device)]

    def logits(self, inputs: Tensor) -> Tensor:
        """What the network makes of normalised pictures (B, C, H, W), in the run's precision and layout."""
        with autocast(self.device, self.dtype):
            logits: Tensor = logits_of(self.model, inputs if self.channels_last else rows(inputs))
        return logits

    @contextmanager
    def own_randomness(self) -> Iterator[None]:
        """Inside, torch draws on from where this run's last draw left off; outside, nothing is seen of it."""
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.set_rng_state(self.torch_generator)
            if self.cuda_generator is not None:
                torch.cuda.set_rng_state(self.cuda_generator, self.device)
            try:
                yield
            finally:
                self.keep_randomness()

    def keep_randomness(self) -> None:
        """Remember where torch's draws stand now."""
        self.torch_generator = torch.get_rng_state()
        if self.device.type == "cuda":
            self.cuda_generator = torch.cuda.get_rng_state(self.device)

    def tick(self, began: float) -> None:
        """Add the training time since `began` (time.perf_counter)."""
        seconds = time.perf_counter() - began
        self.seconds += seconds
        self.elapsed += seconds
        self.training_seconds += seconds

    def start_epoch(self) -> None:
        """Forget the sums of the epoch that is over."""
        self.seen, self.seconds = 0, 0.0
        self.loss_sum.zero_()
        self.correct.zero_()

    def to_document(self) -> dict[str, Any]:
        """Tensors, numbers and text in dicts, lists and tuples: what a checkpoint can hold."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "torch_generator": self.torch_generator,
            "cuda_generator": self.cuda_generator,
            "order": self.order.state(),
            "average": self.average.state() if self.average else None,
            "loss_sum": self.loss_sum,
            "correct": self.correct,
            "history": self.history.rows,
            "best": {"epoch": self.best.epoch, "score": self.best.score, "weights": self.best.weights},
            "learning_rate": self.learning_rate,
            "step": self.step,
            "images": self.seen,
            "seconds": self.seconds,
            "elapsed": self.elapsed,
            "training_seconds": self.training_seconds,
        }

    def restore(self, document: Mapping[str, Any]) -> None:
        """Go on exactly where `to_document` was called; torch's random state is set to what it was, too.

        Raises ClassifierError for the document of another network or another run.
        """
        try:
            self._restore(document)
        except (LookupError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            raise ClassifierError(
                "the checkpoint does not fit this run: "
                f"{' '.join(str(error).split())[:200]}. Was the network changed since?"
            ) from error

    def _restore(self, document: Mapping[str, Any]) -> None:
        self.model.load_state_dict(document["model"])
        self.optimizer.load_state_dict(document["optimizer"])
        self._check_optimizer()
        self.generator.set_state(document["generator"].cpu())
        torch.set_rng_state(document["torch_generator"].cpu())
        if document["cuda_generator"] is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(document["cuda_generator"].cpu(), self.device)
        self.keep_randomness()
        self.order.restore({name: _cpu(value) for name, value in document["order"].items()})
        if self.average is not None:
            self.average.restore(document["average"]["steps"], document["average"]["tensors"])
        self.loss_sum.copy_(document["loss_sum"])
        self.correct.copy_(document["correct"])
        self.history = History([_row(row) for row in document["history"]])
        self.best = Best(**document["best"])
        self.step, self.seen = int(document["step"]), int(document["images"])
        self.seconds, self.elapsed = float(document["seconds"]), float(document["elapsed"])
        self.training_seconds = float(document["training_seconds"])

    def _check_optimizer(self) -> None:
        # torch takes averages of any shape here and fails, or writes past their end, at the next step.
        for parameter, kept in self.optimizer.state.items():
            for name, value in kept.items():
                if isinstance(value, Tensor) and value.dim() and value.shape != parameter.shape:
                    raise ValueError(f"{name} is {tuple(value.shape)} for a weight {tuple(parameter.shape)}")


def _cpu(value: Any) -> Any:
    return value.cpu() if isinstance(value, Tensor) else value


def _row(row: dict[str, Any]) -> dict[str, float]:
    return {name: float(row[name]) for name in History.COLUMNS}
