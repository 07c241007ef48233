"""AlexNet: what began it (Krizhevsky, Sutskever, Hinton 2012), in its one-column form
(Krizhevsky 2014, One weird trick for parallelizing convolutional neural networks, arXiv 1404.5997).

61,100,840 parameters for 3 channels, 224x224, 1000 classes, 37,752,832 of them in the first linear layer.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from fieldmark.models.blocks import check_positive, stage, stages, window_size
from fieldmark.models.dropping import Dropout
from fieldmark.models.network import Network
from fieldmark.models.stems import Stem, chosen

GRID = 6
"""Side of the map that the first linear layer takes: what 224x224 pictures leave."""


class AlexNet(Network):
    """Five convolutions, three overlapping pools, three linear layers; ReLU, and dropout before the linears.

    width: channels of the first convolution; the others have 3, 6, 4 and 4 times as many. hidden: units of
    both hidden linear layers. dropout: its rate. stem: "published" is an 11x11 convolution of stride 4 and a
    pool (224x224 pictures leave 27x27), "small" a 3x3 convolution of stride 1 alone; None takes small below
    96 pixels. The map is averaged down to 6x6 where more arrives; where less does, it is taken as it is.

    The paper's local response normalisation is left out, as in the one-column form. Weights start as torch's
    own, where the paper's were normal with standard deviation .01.
    """

    public_names: ClassVar[tuple[tuple[str, str], ...]] = (
        (r"features\.0\.(\w+)", r"features.stage1.convolution.\1"),
        (r"features\.3\.(\w+)", r"features.stage2.convolution.\1"),
        (r"features\.6\.(\w+)", r"features.stage3.convolution.\1"),
        (r"features\.8\.(\w+)", r"features.stage4.convolution.\1"),
        (r"features\.10\.(\w+)", r"features.stage5.convolution.\1"),
        (r"classifier\.1\.(\w+)", r"hidden.linear1.\1"),
        (r"classifier\.4\.(\w+)", r"hidden.linear2.\1"),
        (r"classifier\.6\.(\w+)", r"head.\1"),
    )

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        image_size: tuple[int, int],
        *,
        stem: Stem | None = None,
        width: int = 64,
        hidden: int = 4096,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        check_positive("alexnet", width=width, hidden=hidden)
        self.stem = chosen(stem, image_size)
        small = self.stem == "small"
        self.features = stages(
            stage1=first_stage(in_channels, width, small),
            stage2=stage(
                convolution=nn.Conv2d(width, 3 * width, 5, padding=2),
                activation=nn.ReLU(inplace=True),
                pool=nn.MaxPool2d(3, stride=2),
            ),
            stage3=stage(
                convolution=nn.Conv2d(3 * width, 6 * width, 3, padding=1), activation=nn.ReLU(inplace=True)
            ),
            stage4=stage(
                convolution=nn.Conv2d(6 * width, 4 * width, 3, padding=1), activation=nn.ReLU(inplace=True)
            ),
            stage5=stage(
                convolution=nn.Conv2d(4 * width, 4 * width, 3, padding=1),
                activation=nn.ReLU(inplace=True),
                pool=nn.MaxPool2d(3, stride=2),
            ),
        )
        size = image_size if small else window_size(window_size(image_size, 11, 4, padding=2), 3, 2)
        size = window_size(window_size(size, 3, 2), 3, 2)
        height, columns = min(size[0], GRID), min(size[1], GRID)
        self.grid = nn.AdaptiveAvgPool2d((height, columns))
        self.hidden = stage(
            dropout1=Dropout(dropout),
            linear1=nn.Linear(4 * width * height * columns, hidden),
            activation1=nn.ReLU(inplace=True),
            dropout2=Dropout(dropout),
            linear2=nn.Linear(hidden, hidden),
            activation2=nn.ReLU(inplace=True),
        )
        self.head = nn.Linear(hidden, num_classes)

    def embed(self, maps: Tensor) -> Tensor:
        return self.hidden(self.grid(maps).flatten(1))  # (N, hidden)


def first_stage(in_channels: int, width: int, small: bool) -> nn.Sequential:
    """Pictures (N, in_channels, H, W) to maps (N, width, about H / 8, W / 8), or of the same size."""
    if small:
        return stage(
            convolution=nn.Conv2d(in_channels, width, 3, padding=1), activation=nn.ReLU(inplace=True)
        )
    return stage(
        convolution=nn.Conv2d(in_channels, width, 11, stride=4, padding=2),
        activation=nn.ReLU(inplace=True),
        pool=nn.MaxPool2d(3, stride=2),
    )
