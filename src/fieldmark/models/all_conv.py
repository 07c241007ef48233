"""The baseline without pooling: each pool becomes a convolution of stride 2.

After Springenberg et al. 2015, arXiv 1412.6806.
"""

from __future__ import annotations

from torch import Tensor, nn

from fieldmark.models.blocks import convolution, stage, stages
from fieldmark.models.network import Network


class AllConv(Network):
    """conv 3-16, conv 16-16 stride 2; conv 16-8, conv 8-8 stride 2; linear 32; head; tanh between them all.

    The strided convolution learns its own way to shrink the map, where a pool always takes the maximum.
    20,994 parameters for 3 channels, 32x32, 2 classes: the baseline's 18,090 + (16*16*9 + 16) + (8*8*9 + 8).
    """

    def __init__(
        self, num_classes: int, in_channels: int, image_size: tuple[int, int], width: int = 16
    ) -> None:
        super().__init__()
        half = width // 2
        self.features = stages(
            stage1=stage(
                convolution=convolution(in_channels, width, 3),
                activation=nn.Tanh(),
                shrink=convolution(width, width, 3, stride=2),
                shrunk=nn.Tanh(),
            ),
            stage2=stage(
                convolution=convolution(width, half, 3),
                activation=nn.Tanh(),
                shrink=convolution(half, half, 3, stride=2),
                shrunk=nn.Tanh(),
            ),
        )
        height, columns = (-(-side // 4) for side in image_size)  # stride 2 rounds up, twice
        self.hidden = nn.Linear(half * height * columns, 32)
        self.activation = nn.Tanh()
        self.head = nn.Linear(32, num_classes)

    def embed(self, maps: Tensor) -> Tensor:
        return self.activation(self.hidden(maps.flatten(1)))  # (N, 32)
