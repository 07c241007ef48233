"""The birds-against-airplanes network: two convolutions, two linear layers, tanh throughout.

Stevens, Antiga, Viehmann, Deep Learning with PyTorch, ch. 8.
18,090 parameters for 3 channels, 32x32, 2 classes.
"""

from __future__ import annotations

from torch import Tensor, nn

from fieldmark.models.blocks import convolution, pooled_size, stage, stages
from fieldmark.models.network import Network


class Baseline(Network):
    """conv 3-16, max2, tanh; conv 16-8, max2, tanh; linear to 32, tanh; linear to the classes.

    width: channels of the first convolution, the second has half. kernel_size: one side or (rows, columns),
    odd.

    The book pools after tanh. Maximum and a rising function commute, so pooling first is the same network
    and calls tanh on a quarter of the values.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        image_size: tuple[int, int],
        width: int = 16,
        kernel_size: int | tuple[int, int] = 3,
    ) -> None:
        super().__init__()
        height, columns = pooled_size(image_size, 2)
        half = width // 2
        self.features = stages(
            stage1=stage(
                convolution=convolution(in_channels, width, kernel_size),
                pool=nn.MaxPool2d(2),
                activation=nn.Tanh(),
            ),
            stage2=stage(
                convolution=convolution(width, half, kernel_size),
                pool=nn.MaxPool2d(2),
                activation=nn.Tanh(),
            ),
        )
        self.hidden = nn.Linear(half * height * columns, 32)
        self.activation = nn.Tanh()
        self.head = nn.Linear(32, num_classes)

    def embed(self, maps: Tensor) -> Tensor:
        return self.activation(self.hidden(maps.flatten(1)))  # (N, 32)
