"""The handwritten-digit network (Raschka, Liu, Mirjalili, ch. 14).

3,274,634 parameters for 1 channel, 28x28, 10 classes.
"""

from __future__ import annotations

from torch import Tensor, nn

from fieldmark.models.blocks import convolution, pooled_size, stage, stages
from fieldmark.models.dropping import Dropout
from fieldmark.models.network import Network


class Digits(Network):
    """conv5 1-32, max2, ReLU; conv5 32-64, max2, ReLU; linear to 1,024, ReLU, dropout; linear to the classes.

    The book pools after ReLU. Pooling first is the same function (maximum and ReLU commute) and leaves ReLU a
    quarter of the values. `width` is the channels of the first convolution, the second has twice as many;
    `hidden` the units of the linear layer. The book's are 32 and 1,024.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        image_size: tuple[int, int],
        dropout: float = 0.5,
        width: int = 32,
        hidden: int = 1024,
    ) -> None:
        super().__init__()
        height, columns = pooled_size(image_size, 2)
        self.features = stages(
            stage1=stage(
                convolution=convolution(in_channels, width, 5), pool=nn.MaxPool2d(2), activation=nn.ReLU()
            ),
            stage2=stage(
                convolution=convolution(width, 2 * width, 5), pool=nn.MaxPool2d(2), activation=nn.ReLU()
            ),
        )
        self.hidden = nn.Linear(2 * width * height * columns, hidden)
        self.activation = nn.ReLU()
        self.dropout = Dropout(dropout)
        self.head = nn.Linear(hidden, num_classes)

    def embed(self, maps: Tensor) -> Tensor:
        return self.dropout(self.activation(self.hidden(maps.flatten(1))))  # (N, hidden)
