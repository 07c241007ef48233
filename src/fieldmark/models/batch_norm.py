"""The wide baseline with batch norm (Deep Learning with PyTorch, ch. 8): 38,482 parameters."""

from __future__ import annotations

from torch import Tensor, nn

from fieldmark.models.blocks import convolution, pooled_size, stage, stages
from fieldmark.models.network import Network


class BatchNorm(Network):
    """The wide baseline; each convolution's output is normalised over the batch before tanh.

    The convolutions keep the bias that batch norm makes redundant, as the book's do; the count includes it.
    Batch norm sees the whole map, as in the book; only tanh and the pool have changed places.
    """

    def __init__(
        self, num_classes: int, in_channels: int, image_size: tuple[int, int], width: int = 32
    ) -> None:
        super().__init__()
        height, columns = pooled_size(image_size, 2)
        half = width // 2
        self.features = stages(
            stage1=stage(
                convolution=convolution(in_channels, width, 3),
                normalisation=nn.BatchNorm2d(width),
                pool=nn.MaxPool2d(2),
                activation=nn.Tanh(),
            ),
            stage2=stage(
                convolution=convolution(width, half, 3),
                normalisation=nn.BatchNorm2d(half),
                pool=nn.MaxPool2d(2),
                activation=nn.Tanh(),
            ),
        )
        self.hidden = nn.Linear(half * height * columns, 32)
        self.activation = nn.Tanh()
        self.head = nn.Linear(32, num_classes)

    def embed(self, maps: Tensor) -> Tensor:
        return self.activation(self.hidden(maps.flatten(1)))  # (N, 32)
