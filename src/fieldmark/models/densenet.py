"""DenseNet: every layer is given the maps of all layers before it (Huang et al. 2017, arXiv 1608.06993).

Maps are concatenated, never added. This is DenseNet-BC: bottlenecks, and transitions that halve the channels.
Parameters for 3 channels and 1000 classes: 7,978,856 (121 layers), 28,681,000 (161), 14,149,480 (169),
20,013,928 (201).
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from fieldmark.models.bias_free import convolution
from fieldmark.models.blocks import check_positive, stage
from fieldmark.models.depth import checked_depth
from fieldmark.models.dropping import Dropout
from fieldmark.models.network import Network
from fieldmark.models.stems import Stem, chosen


def layer(in_channels: int, growth: int, dropout: float) -> nn.Sequential:
    """All maps so far (N, in_channels, H, W) to `growth` new ones: 1x1 to 4 * growth channels, then 3x3."""
    narrow = 4 * growth
    layers = stage(
        normalisation1=nn.BatchNorm2d(in_channels),
        activation1=nn.ReLU(inplace=True),
        convolution1=convolution(in_channels, narrow, 1),
        normalisation2=nn.BatchNorm2d(narrow),
        activation2=nn.ReLU(inplace=True),
        convolution2=convolution(narrow, growth, 3),
    )
    if dropout:
        layers.add_module("dropout", Dropout(dropout))
    return layers


class Block(nn.Sequential):
    """`count` layers, each given [x0, x1, ...]: the block's input and what every layer before it made."""

    def __init__(self, count: int, in_channels: int, growth: int, dropout: float) -> None:
        chain: OrderedDict[str, nn.Module] = OrderedDict(
            (f"layer{i + 1}", layer(in_channels + i * growth, growth, dropout)) for i in range(count)
        )
        super().__init__(chain)

    def forward(self, maps: Tensor) -> Tensor:  # (N, C, H, W)
        for layer in self:
            maps = torch.cat([maps, layer(maps)], 1)  # (N, C + i * growth, H, W)
        return maps


def transition(channels: int) -> nn.Sequential:
    """Between blocks: half the channels (a compression of 0.5) and half the size."""
    return stage(
        normalisation=nn.BatchNorm2d(channels),
        activation=nn.ReLU(inplace=True),
        convolution=convolution(channels, channels // 2, 1),
        pool=nn.AvgPool2d(2),
    )


def beginning(in_channels: int, width: int, small: bool) -> nn.Sequential:
    """The stem: pictures (N, in_channels, H, W) to maps (N, width, H / 4, W / 4), or of the same size."""
    first = convolution(in_channels, width, 3) if small else convolution(in_channels, width, 7, stride=2)
    layers = stage(convolution=first, normalisation=nn.BatchNorm2d(width), activation=nn.ReLU(inplace=True))
    if not small:
        layers.add_module("pool", nn.MaxPool2d(3, stride=2, padding=1))
    return layers


class DenseNet(Network):
    """A stem, dense blocks with transitions between them, batch norm, the mean over the map, a linear layer.

    growth: the maps that every layer adds (k in the paper). blocks: the layers in each dense block. width:
    channels of the stem, twice the growth in the paper. stem: "published" is a 7x7 convolution of stride 2
    and a 3x3 max-pool of stride 2 (224x224 pictures leave 56x56), "small" a 3x3 convolution of stride 1
    alone; None takes small below 96 pixels. dropout: the rate after every layer's last convolution (the
    paper takes 0.2 on small sets without augmentation, and has it after the other convolutions too).

    Convolutions start Kaiming-normal, batch norms at 1 and 0, the last layer's bias at 0.
    """

    public_names: ClassVar[tuple[tuple[str, str], ...]] = (
        (r"features\.conv0\.weight", r"features.stem.convolution.weight"),
        (r"features\.norm0\.(\w+)", r"features.stem.normalisation.\1"),
        # norm.1 and conv.1 in the files of torchvision, norm1 and conv1 in its networks
        (
            r"features\.denseblock(\d)\.denselayer(\d+)\.norm\.?([12])\.(\w+)",
            r"features.block\1.layer\2.normalisation\3.\4",
        ),
        (
            r"features\.denseblock(\d)\.denselayer(\d+)\.conv\.?([12])\.weight",
            r"features.block\1.layer\2.convolution\3.weight",
        ),
        (r"features\.transition(\d)\.norm\.(\w+)", r"features.transition\1.normalisation.\2"),
        (r"features\.transition(\d)\.conv\.weight", r"features.transition\1.convolution.weight"),
        (r"features\.norm5\.(\w+)", r"features.normalisation.\1"),
        (r"classifier\.(\w+)", r"head.\1"),
    )

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        image_size: tuple[int, int],
        *,
        growth: int,
        blocks: tuple[int, ...],
        width: int,
        stem: Stem | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_positive("DenseNet", growth=growth, width=width)
        self.stem = chosen(stem, image_size)
        small = self.stem == "small"
        parts: OrderedDict[str, nn.Module] = OrderedDict(stem=beginning(in_channels, width, small))
        channels = width
        for i, count in enumerate(checked_depth(blocks, "DenseNet")):
            if i > 0:
                parts[f"transition{i}"] = transition(channels)
                channels //= 2
            parts[f"block{i + 1}"] = Block(count, channels, growth, dropout)
            channels += count * growth
        parts["normalisation"] = nn.BatchNorm2d(channels)
        parts["activation"] = nn.ReLU()
        self.features = nn.Sequential(parts)
        self.head = nn.Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.zeros_(self.head.bias)

    def embed(self, maps: Tensor) -> Tensor:
        return maps.mean((2, 3))  # (N, C)


densenet121 = partial(DenseNet, growth=32, blocks=(6, 12, 24, 16), width=64)
densenet161 = partial(DenseNet, growth=48, blocks=(6, 12, 36, 24), width=96)
densenet169 = partial(DenseNet, growth=32, blocks=(6, 12, 32, 32), width=64)
densenet201 = partial(DenseNet, growth=32, blocks=(6, 12, 48, 32), width=64)
