"""An exponential moving average of the weights, which is what gets evaluated and kept."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Average:
    """average <- decay * average + (1 - decay) * weights, after every step (Polyak & Juditsky 1992).

    The decay starts small, (1 + step) / (10 + step), so that the first random weights are forgotten. Floating
    buffers (batch norm's statistics) are averaged too; whole numbers are copied.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.tensors = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move the average towards the model's present weights."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        current = model.state_dict()
        floating = [name for name, tensor in self.tensors.items() if tensor.is_floating_point()]
        torch._foreach_lerp_([self.tensors[n] for n in floating], [current[n] for n in floating], 1 - decay)
        for name, tensor in self.tensors.items():
            if not tensor.is_floating_point():
                tensor.copy_(current[name])

    def state(self) -> dict[str, int | dict[str, Tensor]]:
        return {"steps": self.steps, "tensors": self.tensors}

    def restore(self, steps: int, tensors: dict[str, Tensor]) -> None:
        self.steps = steps
        for name, tensor in self.tensors.items():
            tensor.copy_(tensors[name])
