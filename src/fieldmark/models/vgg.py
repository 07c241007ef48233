"""VGG: nothing but 3x3 convolutions, in blocks (Simonyan, Zisserman 2015, arXiv 1409.1556).

Parameters for 3 channels, 224x224, 1000 classes: 132,863,336 (11 layers), 133,047,848 (13), 138,357,544 (16),
143,667,240 (19); with batch norm 132,868,840, 133,053,736, 138,365,992 and 143,678,248.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

from torch import Tensor, nn

from fieldmark.errors import UserError
from fieldmark.models.blocks import check_positive, pooled_size, stage
from fieldmark.models.dropping import Dropout
from fieldmark.models.network import Network
from fieldmark.models.stems import Stem, chosen

GRID = 7
"""Side of the map that the first linear layer takes: what five pools leave of 224x224 pictures."""

WIDEST = 8
"""Channels double from stage to stage, up to this many times the first stage's."""


def block(in_channels: int, channels: int, convolutions: int, batch_norm: bool, pool: bool) -> nn.Sequential:
    """Convolutions 3x3 of the same size, each with ReLU, and a 2x2 max-pool; maps to maps of half the side.

    Two 3x3 convolutions see 5x5 pixels, three 7x7, with fewer weights than one such convolution and a ReLU
    more (section 2.3).
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for i in range(1, convolutions + 1):
        layers[f"convolution{i}"] = nn.Conv2d(in_channels, channels, 3, padding=1)
        if batch_norm:
            layers[f"normalisation{i}"] = nn.BatchNorm2d(channels)
        layers[f"activation{i}"] = nn.ReLU(inplace=True)
        in_channels = channels
    if pool:  # not before ReLU: zeros make PyTorch's search for the maximum 3 % of the whole faster
        layers["pool"] = nn.MaxPool2d(2)
    return nn.Sequential(layers)


class VGG(Network):
    """Blocks of convolutions, a pool after each, then two hidden linear layers and the head (table 1).

    convolutions: how many in each block. batch_norm: one after each convolution; the paper is older.
    width: channels of the first block; the next have 2, 4, 8 and again 8 times as many. hidden: units of both
    hidden linear layers. dropout: its rate, after each of them. stem: the first layer is small as published;
    "small" leaves out the first pool, so that 28x28 pictures pass four others, at up to four times the work;
    None takes small below 96 pixels. The map is averaged down to 7x7 where more arrives; where less does, it
    is taken as it is.

    Convolutions start Kaiming-normal by fan-out, linear layers normal with standard deviation .01, biases 0;
    the paper drew all from the latter, and needed a shallow network's weights to start a deep one.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        image_size: tuple[int, int],
        *,
        convolutions: tuple[int, ...],
        batch_norm: bool,
        stem: Stem | None = None,
        width: int = 64,
        hidden: int = 4096,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        check_positive("VGG", width=width, hidden=hidden)
        if not 1 <= len(convolutions) <= 8 or min(convolutions) < 1 or sum(convolutions) > 1000:
            raise UserError(
                f"VGG: convolutions={convolutions}; it takes 1 to 8 blocks of at least 1 convolution each, "
                "1000 convolutions in all at most."
            )
        self.stem = chosen(stem, image_size)
        small = self.stem == "small"
        self.public_names = public_names(convolutions, batch_norm)  # type: ignore[misc]  # by depth, not class
        blocks: OrderedDict[str, nn.Module] = OrderedDict()
        inputs = in_channels
        for i, count in enumerate(convolutions):
            channels = width * min(2**i, WIDEST)
            blocks[f"stage{i + 1}"] = block(inputs, channels, count, batch_norm, pool=i > 0 or not small)
            inputs = channels
        self.features = nn.Sequential(blocks)
        size = pooled_size(image_size, len(convolutions) - small)
        height, columns = (min(max(side, 1), GRID) for side in size)  # where none is left, the pool says so
        self.grid = nn.AdaptiveAvgPool2d((height, columns))
        self.hidden = stage(
            linear1=nn.Linear(inputs * height * columns, hidden),
            activation1=nn.ReLU(inplace=True),
            dropout1=Dropout(dropout),
            linear2=nn.Linear(hidden, hidden),
            activation2=nn.ReLU(inplace=True),
            dropout2=Dropout(dropout),
        )
        self.head = nn.Linear(hidden, num_classes)
        start(self)

    def embed(self, maps: Tensor) -> Tensor:
        return self.hidden(self.grid(maps).flatten(1))  # (N, hidden)


def public_names(convolutions: tuple[int, ...], batch_norm: bool) -> tuple[tuple[str, str], ...]:
    """Public names count all layers through, ReLU and pools too, so the numbers go by the depth.

    >>> public_names((1, 1), batch_norm=False)[1]
    ('features\\\\.3\\\\.(\\\\w+)', 'features.stage2.convolution1.\\\\1')
    """
    names, index = [], 0
    for i, count in enumerate(convolutions, start=1):
        for j in range(1, count + 1):
            for layer in ("convolution", "normalisation")[: 1 + batch_norm]:
                names.append((rf"features\.{index}\.(\w+)", rf"features.stage{i}.{layer}{j}.\1"))
                index += 1
            index += 1  # ReLU
        index += 1  # the pool
    linear = (("0", "hidden.linear1"), ("3", "hidden.linear2"), ("6", "head"))
    return (*names, *((rf"classifier\.{number}\.(\w+)", rf"{ours}.\1") for number, ours in linear))


def start(network: VGG) -> None:
    """Starting weights (He et al. 2015, arXiv 1502.01852, by fan-out: the gradient keeps its size)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0, 0.01)
        if isinstance(module, nn.Conv2d | nn.Linear):
            assert module.bias is not None
            nn.init.zeros_(module.bias)


# the columns A, B, D and E of table 1
vgg11 = partial(VGG, convolutions=(1, 1, 2, 2, 2), batch_norm=False)
vgg13 = partial(VGG, convolutions=(2, 2, 2, 2, 2), batch_norm=False)
vgg16 = partial(VGG, convolutions=(2, 2, 3, 3, 3), batch_norm=False)
vgg19 = partial(VGG, convolutions=(2, 2, 4, 4, 4), batch_norm=False)
vgg11_bn = partial(VGG, convolutions=(1, 1, 2, 2, 2), batch_norm=True)
vgg13_bn = partial(VGG, convolutions=(2, 2, 2, 2, 2), batch_norm=True)
vgg16_bn = partial(VGG, convolutions=(2, 2, 3, 3, 3), batch_norm=True)
vgg19_bn = partial(VGG, convolutions=(2, 2, 4, 4, 4), batch_norm=True)
