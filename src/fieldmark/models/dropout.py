"""The wide baseline with dropout of whole channels (Deep Learning with PyTorch, ch. 8): 38,386 parameters."""

from __future__ import annotations

from torch import Tensor, nn

from fieldmark.models.blocks import convolution, pooled_size, stage, stages
from fieldmark.models.network import Network


class Dropout(Network):
    """The wide baseline; after each pooled map a channel is dropped whole with probability `rate`.

    Neighbouring pixels of a map are nearly copies of each other, so dropping single pixels would hide little
    (Tompson et al. 2015, arXiv 1411.4280).
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        image_size: tuple[int, int],
        width: int = 32,
        rate: float = 0.4,
    ) -> None:
        super().__init__()
        height, columns = pooled_size(image_size, 2)
        half = width // 2
        self.features = stages(
            stage1=stage(
                convolution=convolution(in_channels, width, 3),
                pool=nn.MaxPool2d(2),
                activation=nn.Tanh(),
                dropout=nn.Dropout2d(rate),
            ),
            stage2=stage(
                convolution=convolution(width, half, 3),
                pool=nn.MaxPool2d(2),
                activation=nn.Tanh(),
                dropout=nn.Dropout2d(rate),
            ),
        )
        self.hidden = nn.Linear(half * height * columns, 32)
        self.activation = nn.Tanh()
        self.head = nn.Linear(32, num_classes)

    def embed(self, maps: Tensor) -> Tensor:
        return self.activation(self.hidden(maps.flatten(1)))  # (N, 32)
