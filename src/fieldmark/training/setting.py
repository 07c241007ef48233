"""What stays the same from step to step of a run."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fieldmark.models.own import logits_of, rows
from fieldmark.recipe import Recipe
from fieldmark.training.augmentation import Pipeline
from fieldmark.training.freezing import Freezing
from fieldmark.training.losses import CrossEntropy
from fieldmark.vocabulary import Preprocessing, gather


@dataclass(frozen=True)
class Setting:
    """What stays the same from step to step."""

    recipe: Recipe
    images: Tensor  # uint8 (N, C, H, W), on the device where it fits there
    labels: Tensor  # int64 (N,)
    augment: Pipeline
    criterion: CrossEntropy
    decayed: list[nn.Parameter]
    freezing: Freezing
    preprocessing: Preprocessing
    device: torch.device
    dtype: torch.dtype
    num_classes: int
    batch_size: int
    total_steps: int
    learning_rate: float
    channels_last: bool = True  # how the network gets its pictures

    def gather(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """The pictures uint8 (B, C, H, W), channels_last, and labels int64 (B,) at these positions."""
        images = gather(self.images, index.to(self.images.device))
        return images, self.labels[index.to(self.labels.device)]

    def logits(self, model: nn.Module, inputs: Tensor) -> Tensor:
        """What the network makes of normalised pictures (B, C, H, W), given in the memory format it takes."""
        logits: Tensor = logits_of(model, inputs if self.channels_last else rows(inputs))
        return logits
