"""ResNet: blocks that add to what they were given (He et al. 2016, Deep Residual Learning, arXiv 1512.03385).

Parameters for 3 channels and 1000 classes: 11,689,512 (18 layers), 21,797,672 (34), 25,557,032 (50),
44,549,160 (101), 60,192,808 (152).

What a batch norm made is overwritten, by ReLU and by the sum: its gradient needs its input only, and
prediction on a CPU is faster where no fresh memory has to be filled.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import ClassVar

from torch import Tensor, nn

from fieldmark.models.bias_free import convolution
from fieldmark.models.blocks import check_positive, stage
from fieldmark.models.depth import checked_depth
from fieldmark.models.network import Network
from fieldmark.models.stems import Stem, chosen
from fieldmark.models.stochastic_depth import StochasticDepth, rising


def shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """What the branch is added to: the input, or where its shape would not fit its projection (option B)."""
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return stage(
        convolution=convolution(in_channels, out_channels, 1, stride),
        normalisation=nn.BatchNorm2d(out_channels),
    )


class Basic(nn.Module):
    """relu(x + branch(x)), the branch two 3x3 convolutions (figure 5, left); the first one has the stride."""

    expansion = 1

    def __init__(self, in_channels: int, channels: int, stride: int, rate: float) -> None:
        super().__init__()
        self.convolution1 = convolution(in_channels, channels, 3, stride)
        self.normalisation1 = nn.BatchNorm2d(channels)
        self.activation1 = nn.ReLU(inplace=True)
        self.convolution2 = convolution(channels, channels, 3)
        self.normalisation2 = nn.BatchNorm2d(channels)
        self.stochastic_depth = StochasticDepth(rate)
        self.shortcut = shortcut(in_channels, channels, stride)
        self.activation2 = nn.ReLU(inplace=True)

    def forward(self, maps: Tensor) -> Tensor:  # (N, in_channels, H, W)
        branch = self.activation1(self.normalisation1(self.convolution1(maps)))  # (N, C, H / stride, ...)
        branch = self.normalisation2(self.convolution2(branch))
        branch = self.stochastic_depth(branch)
        branch += self.shortcut(maps)
        return self.activation2(branch)


class Bottleneck(nn.Module):
    """relu(x + branch(x)), the branch 1x1 down, 3x3, 1x1 up to four times the channels (figure 5, right).

    The stride is in the 3x3 convolution, as in the form that public weights have; the paper has it in the
    first 1x1, which then never sees three of four pixels.
    """

    expansion = 4

    def __init__(self, in_channels: int, channels: int, stride: int, rate: float) -> None:
        super().__init__()
        out_channels = self.expansion * channels
        self.convolution1 = convolution(in_channels, channels, 1)
        self.normalisation1 = nn.BatchNorm2d(channels)
        self.activation1 = nn.ReLU(inplace=True)
        self.convolution2 = convolution(channels, channels, 3, stride)
        self.normalisation2 = nn.BatchNorm2d(channels)
        self.activation2 = nn.ReLU(inplace=True)
        self.convolution3 = convolution(channels, out_channels, 1)
        self.normalisation3 = nn.BatchNorm2d(out_channels)
        self.stochastic_depth = StochasticDepth(rate)
        self.shortcut = shortcut(in_channels, out_channels, stride)
        self.activation3 = nn.ReLU(inplace=True)

    def forward(self, maps: Tensor) -> Tensor:  # (N, in_channels, H, W)
        branch = self.activation1(self.normalisation1(self.convolution1(maps)))  # (N, C, H, W)
        branch = self.activation2(self.normalisation2(self.convolution2(branch)))  # (N, C, H / stride, ...)
        branch = self.normalisation3(self.convolution3(branch))  # (N, 4 C, H / stride, ...)
        branch = self.stochastic_depth(branch)
        branch += self.shortcut(maps)
        return self.activation3(branch)


class ResNet(Network):
    """A stem, stages of residual blocks, the mean over the map, one linear layer (table 1).

    blocks: how many in each stage. width: channels of the stem and of the first stage's 3x3 convolutions;
    every further stage halves the map and doubles the channels. bottleneck: which kind of block.
    stem: "published" is a 7x7 convolution of stride 2 and a 3x3 max-pool of stride 2 (224x224 pictures leave
    56x56), "small" a 3x3 convolution of stride 1 alone; None takes small below 96 pixels.
    stochastic_depth: the rate at which the last branch is dropped in training, rising linearly from 0.
    zero_init_residual: start the last batch norm of every branch at 0, so that every block starts as its
    shortcut (Goyal et al. 2017, arXiv 1706.02677, section 5.1).

    Convolutions start Kaiming-normal by fan-out, batch norms at 1 and 0, the last layer as torch starts it.
    """

    public_names: ClassVar[tuple[tuple[str, str], ...]] = (
        (r"conv1\.weight", r"features.stem.convolution.weight"),
        (r"bn1\.(\w+)", r"features.stem.normalisation.\1"),
        (r"layer(\d)\.(\d+)\.conv(\d)\.weight", r"features.stage\1.block\2.convolution\3.weight"),
        (r"layer(\d)\.(\d+)\.bn(\d)\.(\w+)", r"features.stage\1.block\2.normalisation\3.\4"),
        (r"layer(\d)\.(\d+)\.downsample\.0\.weight", r"features.stage\1.block\2.shortcut.convolution.weight"),
        (r"layer(\d)\.(\d+)\.downsample\.1\.(\w+)", r"features.stage\1.block\2.shortcut.normalisation.\3"),
        (r"fc\.(\w+)", r"head.\1"),
    )

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        image_size: tuple[int, int],
        *,
        blocks: tuple[int, ...],
        bottleneck: bool,
        width: int = 64,
        stem: Stem | None = None,
        stochastic_depth: float = 0.0,
        zero_init_residual: bool = False,
    ) -> None:
        super().__init__()
        check_positive("ResNet", width=width)
        self.stem = chosen(stem, image_size)
        small = self.stem == "small"
        parts: OrderedDict[str, nn.Module] = OrderedDict(stem=beginning(in_channels, width, small))
        block = Bottleneck if bottleneck else Basic
        rates = iter(rising(stochastic_depth, sum(checked_depth(blocks, "ResNet"))))
        maps = width
        for i, count in enumerate(blocks):
            channels, stride = width * 2**i, 1 if i == 0 else 2
            chain: OrderedDict[str, nn.Module] = OrderedDict()
            for j in range(count):
                chain[f"block{j}"] = block(maps, channels, stride if j == 0 else 1, next(rates))
                maps = channels * block.expansion
            parts[f"stage{i + 1}"] = nn.Sequential(chain)
        self.features = nn.Sequential(parts)
        self.head = nn.Linear(maps, num_classes)
        start(self, zero_init_residual)

    def embed(self, maps: Tensor) -> Tensor:
        return maps.mean((2, 3))  # (N, C)


def beginning(in_channels: int, width: int, small: bool) -> nn.Sequential:
    """The stem: pictures (N, in_channels, H, W) to maps (N, width, H / 4, W / 4), or of the same size."""
    first = convolution(in_channels, width, 3) if small else convolution(in_channels, width, 7, stride=2)
    layers = stage(convolution=first, normalisation=nn.BatchNorm2d(width), activation=nn.ReLU(inplace=True))
    if not small:
        layers.add_module("pool", nn.MaxPool2d(3, stride=2, padding=1))
    return layers


def start(network: ResNet, zero_init_residual: bool) -> None:
    """Starting weights (He et al. 2015, arXiv 1502.01852, by fan-out: the gradient keeps its size)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif zero_init_residual and isinstance(module, Basic):
            nn.init.zeros_(module.normalisation2.weight)
        elif zero_init_residual and isinstance(module, Bottleneck):
            nn.init.zeros_(module.normalisation3.weight)


resnet18 = partial(ResNet, bottleneck=False, blocks=(2, 2, 2, 2))
resnet34 = partial(ResNet, bottleneck=False, blocks=(3, 4, 6, 3))
resnet50 = partial(ResNet, bottleneck=True, blocks=(3, 4, 6, 3))
resnet101 = partial(ResNet, bottleneck=True, blocks=(3, 4, 23, 3))
resnet152 = partial(ResNet, bottleneck=True, blocks=(3, 8, 36, 3))
