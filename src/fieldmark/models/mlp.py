"""Networks without convolutions: what the convolutional ones are compared with."""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal

from torch import Tensor, nn

from fieldmark.errors import UserError
from fieldmark.models.blocks import stages
from fieldmark.models.network import Network

ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU}


class MLP(Network):
    """Pixels to hidden layers to the classes; 3072-512-2 with tanh is 1,574,402 parameters (D2L notes).

    hidden: units of each hidden layer, in order; (32, 16) with ReLU is the small net that the digit network
    is compared with in Raschka, Liu, Mirjalili.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        image_size: tuple[int, int],
        hidden: int | tuple[int, ...] = 512,
        activation: Literal["tanh", "relu"] = "tanh",
    ) -> None:
        super().__init__()
        sizes = [hidden] if isinstance(hidden, int) else list(hidden)
        if min(sizes, default=1) < 1:
            raise UserError(f"mlp: hidden={hidden} must be at least 1.")
        self.features = stages(pixels=nn.Identity())
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        inputs = in_channels * image_size[0] * image_size[1]
        for i, units in enumerate(sizes, start=1):
            layers[f"linear{i}"] = nn.Linear(inputs, units)
            layers[f"activation{i}"] = ACTIVATIONS[activation]()
            inputs = units
        self.hidden = nn.Sequential(layers)
        self.head = nn.Linear(inputs, num_classes)

    def embed(self, maps: Tensor) -> Tensor:
        return self.hidden(maps.flatten(1))  # (N, units of the last hidden layer)
