"""The baseline one convolution deeper, with ReLU (Deep Learning with PyTorch, ch. 8): 16,130 parameters."""

from __future__ import annotations

from torch import Tensor, nn

from fieldmark.models.blocks import convolution, pooled_size, stage, stages
from fieldmark.models.network import Network


class Deep(Network):
    """conv 3-32, 32-16, 16-16, each followed by max2 and ReLU; linear to 32, ReLU; linear to the classes."""

    def __init__(
        self, num_classes: int, in_channels: int, image_size: tuple[int, int], width: int = 32
    ) -> None:
        super().__init__()
        height, columns = pooled_size(image_size, 3)
        half = width // 2
        self.features = stages(
            stage1=stage(
                convolution=convolution(in_channels, width, 3), pool=nn.MaxPool2d(2), activation=nn.ReLU()
            ),
            stage2=stage(convolution=convolution(width, half, 3), pool=nn.MaxPool2d(2), activation=nn.ReLU()),
            stage3=stage(convolution=convolution(half, half, 3), pool=nn.MaxPool2d(2), activation=nn.ReLU()),
        )
        self.hidden = nn.Linear(half * height * columns, 32)
        self.activation = nn.ReLU()
        self.head = nn.Linear(32, num_classes)

    def embed(self, maps: Tensor) -> Tensor:
        return self.activation(self.hidden(maps.flatten(1)))  # (N, 32)
