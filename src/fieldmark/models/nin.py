"""Network in Network: 1x1 convolutions, and the mean over the map in place of linear layers
(Lin, Chen, Yan 2014, arXiv 1312.4400), in the form of Dive into Deep Learning, section 8.3.

1,992,166 parameters for 1 channel, 10 classes.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from fieldmark.models.blocks import check_positive, stages
from fieldmark.models.dropping import Dropout
from fieldmark.models.network import Network
from fieldmark.models.stems import Stem, chosen


def block(
    in_channels: int,
    channels: int,
    kernel_size: int,
    stride: int = 1,
    padding: int = 0,
    pointwise: int = 2,
    pool: bool = True,
) -> nn.Sequential:
    """A convolution and `pointwise` 1x1 ones, each with ReLU, and a 3x3 pool: at every pixel a small network.

    The paper calls it an mlpconv layer (section 3.1).
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["convolution"] = nn.Conv2d(in_channels, channels, kernel_size, stride, padding)
    layers["activation"] = nn.ReLU(inplace=True)
    for i in range(1, pointwise + 1):
        layers[f"pointwise{i}"] = nn.Conv2d(channels, channels, 1)
        layers[f"activation{i}"] = nn.ReLU(inplace=True)
    if pool:
        layers["pool"] = nn.MaxPool2d(3, stride=2)
    return nn.Sequential(layers)


class NiN(Network):
    """Blocks of 96 channels (k11, stride 4), 256 (k5), 384 (k3), the classes (k3); pools between; the mean.

    width: channels of the first block; the next two have 8/3 and 4 times as many. dropout: its rate, before
    the last block. stem: "published" is the 11x11 convolution of stride 4 and a 3x3 pool of stride 2 (224x224
    pictures leave 26x26), "small" a 3x3 convolution of stride 1 alone; None takes small below 96 pixels.

    The last 1x1 convolution is the head, a linear layer behind the mean: both are linear, so they commute,
    and the one network is the other. D2L has a ReLU between them, which would keep logits from falling
    below 0; it is left out. Weights start Xavier-uniform, biases as torch's (D2L).
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        image_size: tuple[int, int],
        *,
        stem: Stem | None = None,
        width: int = 96,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        check_positive("nin", width=width)
        second, third = max(8 * width // 3, 1), 4 * width
        self.stem = chosen(stem, image_size)
        if self.stem == "small":
            first = block(in_channels, width, 3, padding=1, pool=False)
        else:
            first = block(in_channels, width, 11, stride=4)
        self.features = stages(
            stage1=first,
            stage2=block(width, second, 5, padding=2),
            stage3=block(second, third, 3, padding=1),
            dropout=Dropout(dropout),
            stage4=block(third, num_classes, 3, padding=1, pointwise=1, pool=False),
        )
        self.head = nn.Linear(num_classes, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)

    def embed(self, maps: Tensor) -> Tensor:
        return maps.mean((2, 3))  # (N, K), a value for each class
