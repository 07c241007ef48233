"""LeNet-5, the first convolutional network in wide use (LeCun et al. 1998, Gradient-Based Learning Applied to
Document Recognition), in the form of Dive into Deep Learning, section 7.6.

61,706 parameters for 1 channel, 28x28, 10 classes.
"""

from __future__ import annotations

from torch import Tensor, nn

from fieldmark.models.blocks import check_positive, stage, stages, window_size
from fieldmark.models.network import Network
from fieldmark.models.stems import Stem


class LeNet(Network):
    """conv5 1-6 of the same size, mean2; conv5 6-16, mean2; linear 400-120-84; head; sigmoids between.

    width: channels of the first convolution; the second has 8/3 of it. stem: taken as by its successors, but
    LeNet was published for small pictures, so "published" and "small" are one network.

    The form differs from 1998's in what nobody kept: trained scales after the pools, a sparse table of which
    map sees which, outputs of radial basis functions. Weights start Xavier-uniform, as there (D2L); torch's
    own start leaves the sigmoids so flat that a plain SGD does not get away from guessing.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        image_size: tuple[int, int],
        *,
        stem: Stem | None = None,
        width: int = 6,
    ) -> None:
        super().__init__()
        check_positive("lenet", width=width)
        second = max(8 * width // 3, 1)
        self.features = stages(
            stage1=stage(
                convolution=nn.Conv2d(in_channels, width, 5, padding=2),
                activation=nn.Sigmoid(),
                pool=nn.AvgPool2d(2),
            ),
            stage2=stage(
                convolution=nn.Conv2d(width, second, 5), activation=nn.Sigmoid(), pool=nn.AvgPool2d(2)
            ),
        )
        size = window_size(image_size, 2, 2)  # 14x14 of 28x28
        height, columns = window_size(window_size(size, 5, 1), 2, 2)  # 5x5
        self.hidden = stage(
            linear1=nn.Linear(second * height * columns, 120),
            activation1=nn.Sigmoid(),
            linear2=nn.Linear(120, 84),
            activation2=nn.Sigmoid(),
        )
        self.head = nn.Linear(84, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)

    def embed(self, maps: Tensor) -> Tensor:
        return self.hidden(maps.flatten(1))  # (N, 84)
