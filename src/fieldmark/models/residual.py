"""The deep network with one skip connection (Deep Learning with PyTorch, ch. 8): 16,130 parameters."""

from __future__ import annotations

from torch import Tensor, nn

from fieldmark.models.blocks import convolution, pooled_size, stage, stages
from fieldmark.models.network import Network


class Skip(nn.Module):
    """relu(conv(x)) + x: the input takes a second way around the convolution, and so does the gradient."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = convolution(channels, channels, 3)
        self.activation = nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        return self.activation(self.convolution(maps)) + maps


class Residual(Network):
    """conv 3-32, max2, ReLU; conv 32-16, max2, ReLU; the skip block, max2; linear to 32, ReLU; head."""

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
            stage3=stage(skip=Skip(half), pool=nn.MaxPool2d(2)),
        )
        self.hidden = nn.Linear(half * height * columns, 32)
        self.activation = nn.ReLU()
        self.head = nn.Linear(32, num_classes)

    def embed(self, maps: Tensor) -> Tensor:
        return self.activation(self.hidden(maps.flatten(1)))  # (N, 32)
