"""The smile network (Raschka, Liu, Mirjalili, ch. 14): 388,673 parameters for 3 channels, 2 classes."""

from __future__ import annotations

from torch import Tensor, nn

from fieldmark.models.blocks import convolution, stage, stages
from fieldmark.models.dropping import Dropout
from fieldmark.models.network import Network


class Smiles(Network):
    """Four 3x3 convolutions (32, 64, 128, 256), three pools, the mean over the map, one output unit.

    With two classes the single unit z stands for logits (0, z); more classes get one unit each. Without the
    mean the last layer would take 16,384 inputs instead of 256 on 64x64 pictures.
    """

    def __init__(
        self, num_classes: int, in_channels: int, image_size: tuple[int, int], dropout: float = 0.5
    ) -> None:
        super().__init__()
        self.features = stages(
            stage1=stage(
                convolution=convolution(in_channels, 32, 3),
                pool=nn.MaxPool2d(2),
                activation=nn.ReLU(),
                dropout=Dropout(dropout),
            ),
            stage2=stage(
                convolution=convolution(32, 64, 3),
                pool=nn.MaxPool2d(2),
                activation=nn.ReLU(),
                dropout=Dropout(dropout),
            ),
            stage3=stage(convolution=convolution(64, 128, 3), pool=nn.MaxPool2d(2), activation=nn.ReLU()),
            stage4=stage(convolution=convolution(128, 256, 3), activation=nn.ReLU()),
        )
        self.head = nn.Linear(256, 1 if num_classes == 2 else num_classes)

    def embed(self, maps: Tensor) -> Tensor:
        return maps.mean((2, 3))  # (N, 256)
