"""GoogLeNet: kernels of several sizes side by side (Szegedy et al. 2014, Going Deeper, arXiv 1409.4842).

With batch norm (Ioffe & Szegedy 2015, arXiv 1502.03167) and without the auxiliary heads. Parameters for 3
channels and 1000 classes: 7,005,832, or 6,624,904 with kernel5=3.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from fieldmark.errors import UserError
from fieldmark.models.bias_free import convolution
from fieldmark.models.blocks import check_positive, stage, stages
from fieldmark.models.dropping import Dropout
from fieldmark.models.network import Network
from fieldmark.models.stems import Stem, chosen

CHANNELS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
"""Of each inception block: 1x1; 3x3 reduce, 3x3; 5x5 reduce, 5x5; pool proj (table 1)."""

PUBLISHED_WIDTH = 64

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""What pictures are normalised with for public weights in general (red, green, blue; 0-1 scale) ..."""

TRAINED = 0.5
"""... and mean and standard deviation that GoogLeNet's were trained with, in every channel."""


class Rescale(nn.Module):
    """Pictures normalised by MEAN and STD to the same pictures normalised by 0.5 and 0.5: float (N, 3, H, W).

    The first convolution could not take this over: it pads with zeros, which are another grey afterwards.
    """

    def forward(self, images: Tensor) -> Tensor:
        channels = [
            images[:, i : i + 1] * (std / TRAINED) + (mean - TRAINED) / TRAINED
            for i, (mean, std) in enumerate(zip(MEAN, STD, strict=True))
        ]
        return torch.cat(channels, 1)


def unit(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> nn.Sequential:
    """relu(norm(conv(x))); the 0.001 is TensorFlow's, where the public weights come from."""
    return stage(
        convolution=convolution(in_channels, out_channels, kernel_size, stride),
        normalisation=nn.BatchNorm2d(out_channels, eps=0.001),
        activation=nn.ReLU(inplace=True),  # batch norm's gradient needs its input, not what it made
    )


def unit_names(theirs: str, ours: str) -> tuple[tuple[str, str], ...]:
    """The public names of a unit, and ours; see Network.public_names."""
    return (
        (rf"{theirs}\.conv\.weight", rf"features.{ours}.convolution.weight"),
        (rf"{theirs}\.bn\.(?P<part>\w+)", rf"features.{ours}.normalisation.\g<part>"),
    )


class Inception(nn.Module):
    """Four branches on the same maps, concatenated (figure 2b): 1x1; 1x1, 3x3; 1x1, 5x5; max-pool, 1x1.

    The first 1x1 of a branch makes the larger kernel cheaper by leaving it fewer channels.
    """

    def __init__(self, in_channels: int, channels: tuple[int, ...], kernel5: int) -> None:
        super().__init__()
        one, reduce3, three, reduce5, five, project = channels
        self.branch1 = unit(in_channels, one, 1)
        self.branch3 = stage(reduce=unit(in_channels, reduce3, 1), spread=unit(reduce3, three, 3))
        self.branch5 = stage(reduce=unit(in_channels, reduce5, 1), spread=unit(reduce5, five, kernel5))
        self.branch_pool = stage(
            pool=nn.MaxPool2d(3, stride=1, padding=1), project=unit(in_channels, project, 1)
        )

    def forward(self, maps: Tensor) -> Tensor:  # (N, in_channels, H, W)
        branches = [self.branch1(maps), self.branch3(maps), self.branch5(maps), self.branch_pool(maps)]
        return torch.cat(branches, 1)  # (N, one + three + five + project, H, W)


def scaled(name: str, width: int) -> tuple[int, ...]:
    """The channels of an inception block in a network of `width`."""
    return tuple(max(1, channels * width // PUBLISHED_WIDTH) for channels in CHANNELS[name])


def out_channels(name: str, width: int) -> int:
    one, _, three, _, five, project = scaled(name, width)
    return one + three + five + project


def inceptions(
    names: tuple[str, ...], in_channels: int, width: int, kernel5: int, pool: nn.Module | None = None
) -> nn.Sequential:
    """Inception blocks one after the other, and the pool that follows them."""
    chain = stage()
    for name in names:
        chain.add_module(f"inception{name}", Inception(in_channels, scaled(name, width), kernel5))
        in_channels = out_channels(name, width)
    if pool is not None:
        chain.add_module("pool", pool)
    return chain


class GoogLeNet(Network):
    """Three convolutions, nine inception blocks, the mean over the map, dropout, one linear layer (table 1).

    kernel5: 5 as in the paper, or 3 as public weights have it (a slip of torchvision's, kept there since).
    width: channels of the stem; all others shrink and grow with it. dropout: the paper's is 0.4, without
    batch norm. stem: "published" is a 7x7 convolution of stride 2 and a 3x3 max-pool of stride 2 (224x224
    pictures leave 56x56), "small" a 3x3 convolution of stride 1 alone; None takes small below 96 pixels.
    Three more pools follow, so 32x32 pictures reach the blocks 3, 4 and 5 as 16x16, 8x8 and 4x4 with the
    small stem, where the published one would leave 4x4, 2x2 and 1x1.
    transform_input: take pictures normalised as for the other public weights (mean .485 .456 .406, standard
    deviation .229 .224 .225; three channels) and normalise them as GoogLeNet's were trained. Public weights
    need this, unless the pictures come with mean and standard deviation 0.5.

    Weights start normal with standard deviation 0.01, cut off at -2 and 2 as torchvision has it (so never),
    batch norms at 1 and 0, the last layer's bias as torch starts it. Pools round up, as torchvision's; the
    fourth is 2x2 where the paper says 3x3.
    """

    public_names: ClassVar[tuple[tuple[str, str], ...]] = (
        *unit_names(r"conv1", r"stem"),
        *unit_names(r"conv2", r"stage2.reduce"),
        *unit_names(r"conv3", r"stage2.spread"),
        *unit_names(r"inception(\d)([a-e])\.branch1", r"stage\1.inception\1\2.branch1"),
        *unit_names(r"inception(\d)([a-e])\.branch2\.0", r"stage\1.inception\1\2.branch3.reduce"),
        *unit_names(r"inception(\d)([a-e])\.branch2\.1", r"stage\1.inception\1\2.branch3.spread"),
        *unit_names(r"inception(\d)([a-e])\.branch3\.0", r"stage\1.inception\1\2.branch5.reduce"),
        *unit_names(r"inception(\d)([a-e])\.branch3\.1", r"stage\1.inception\1\2.branch5.spread"),
        *unit_names(r"inception(\d)([a-e])\.branch4\.1", r"stage\1.inception\1\2.branch_pool.project"),
        (r"fc\.(\w+)", r"head.\1"),
    )
    let_go: ClassVar[tuple[str, ...]] = (r"aux[12]\..+",)  # the auxiliary heads, of use in training only
    public_options: ClassVar[dict[str, object]] = {"kernel5": 3, "transform_input": True}

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        image_size: tuple[int, int],
        *,
        kernel5: int = 5,
        width: int = PUBLISHED_WIDTH,
        stem: Stem | None = None,
        dropout: float = 0.2,
        transform_input: bool = False,
    ) -> None:
        super().__init__()
        check_positive("GoogLeNet", width=width)
        if kernel5 not in (3, 5):
            raise UserError(f"GoogLeNet: kernel5 is 5 (the paper) or 3 (public weights); got {kernel5}.")
        if transform_input and in_channels != 3:
            raise UserError(
                f"GoogLeNet: transform_input is for 3 channels (red, green, blue); got {in_channels}."
            )
        self.stem = chosen(stem, image_size)
        small = self.stem == "small"
        self.features = stages(
            **({"rescale": Rescale()} if transform_input else {}),
            stem=beginning(in_channels, width, small),
            stage2=stage(
                reduce=unit(width, width, 1),
                spread=unit(width, 3 * width, 3),
                pool=nn.MaxPool2d(3, stride=2, ceil_mode=True),
            ),
            stage3=inceptions(("3a", "3b"), 3 * width, width, kernel5, nn.MaxPool2d(3, 2, ceil_mode=True)),
            stage4=inceptions(
                ("4a", "4b", "4c", "4d", "4e"),
                out_channels("3b", width),
                width,
                kernel5,
                nn.MaxPool2d(2, 2, ceil_mode=True),
            ),
            stage5=inceptions(("5a", "5b"), out_channels("4e", width), width, kernel5),
        )
        self.dropout = Dropout(dropout)
        self.head = nn.Linear(out_channels("5b", width), num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.01, a=-2, b=2)

    def embed(self, maps: Tensor) -> Tensor:
        return self.dropout(maps.mean((2, 3)))  # (N, 1024)


def beginning(in_channels: int, width: int, small: bool) -> nn.Sequential:
    """The stem: pictures (N, in_channels, H, W) to maps (N, width, H / 4, W / 4), or of the same size."""
    if small:
        return unit(in_channels, width, 3)
    layers = unit(in_channels, width, 7, stride=2)
    layers.add_module("pool", nn.MaxPool2d(3, stride=2, ceil_mode=True))
    return layers
