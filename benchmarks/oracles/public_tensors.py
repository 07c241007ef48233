"""Names and shapes of the tensors in the public (torchvision's) files of each architecture.

Written down here, so that the fast tests can make such a state dict without torchvision;
`public_logits.py` and `make test-peers` compare them with torchvision's own. Names of 1,000 classes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from torch import Tensor

Shapes = dict[str, tuple[int, ...]]


def with_bias(name: str, *shape: int) -> Shapes:
    """A convolution or linear layer."""
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def norm(name: str, channels: int) -> Shapes:
    """A batch norm."""
    names = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{each}": (channels,) for each in names} | {f"{name}.num_batches_tracked": ()}


def alexnet() -> Shapes:
    """Krizhevsky 2014, one column."""
    return (
        with_bias("features.0", 64, 3, 11, 11)
        | with_bias("features.3", 192, 64, 5, 5)
        | with_bias("features.6", 384, 192, 3, 3)
        | with_bias("features.8", 256, 384, 3, 3)
        | with_bias("features.10", 256, 256, 3, 3)
        | with_bias("classifier.1", 4096, 256 * 6 * 6)
        | with_bias("classifier.4", 4096, 4096)
        | with_bias("classifier.6", 1000, 4096)
    )


def vgg(convolutions: tuple[int, ...], batch_norm: bool = False) -> Shapes:
    """Simonyan and Zisserman 2014: so many convolutions of 64, 128, 256, 512 and 512 channels."""
    shapes: Shapes = {}
    position, before = 0, 3
    for channels, count in zip((64, 128, 256, 512, 512), convolutions, strict=True):
        for _ in range(count):
            shapes |= with_bias(f"features.{position}", channels, before, 3, 3)
            if batch_norm:
                shapes |= norm(f"features.{position + 1}", channels)
            position, before = position + (3 if batch_norm else 2), channels  # a ReLU follows
        position += 1  # the pool
    return (
        shapes
        | with_bias("classifier.0", 4096, 512 * 7 * 7)
        | with_bias("classifier.3", 4096, 4096)
        | with_bias("classifier.6", 1000, 4096)
    )


def convolved(name: str, *shape: int) -> Shapes:
    """GoogLeNet's convolution with its batch norm."""
    return {f"{name}.conv.weight": shape} | norm(f"{name}.bn", shape[0])


INCEPTIONS = {
    "3a": (192, 64, 96, 128, 16, 32, 32),
    "3b": (256, 128, 128, 192, 32, 96, 64),
    "4a": (480, 192, 96, 208, 16, 48, 64),
    "4b": (512, 160, 112, 224, 24, 64, 64),
    "4c": (512, 128, 128, 256, 24, 64, 64),
    "4d": (512, 112, 144, 288, 32, 64, 64),
    "4e": (528, 256, 160, 320, 32, 128, 128),
    "5a": (832, 256, 160, 320, 32, 128, 128),
    "5b": (832, 384, 192, 384, 48, 128, 128),
}
"""Channels that come, then as in table 1 of the paper: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool's."""


def googlenet() -> Shapes:
    """Szegedy et al. 2014, with 3x3 where the paper has 5x5, and without the auxiliary heads."""
    shapes = (
        convolved("conv1", 64, 3, 7, 7) | convolved("conv2", 64, 64, 1, 1) | convolved("conv3", 192, 64, 3, 3)
    )
    for name, (before, one, three_reduce, three, five_reduce, five, pool) in INCEPTIONS.items():
        shapes |= (
            convolved(f"inception{name}.branch1", one, before, 1, 1)
            | convolved(f"inception{name}.branch2.0", three_reduce, before, 1, 1)
            | convolved(f"inception{name}.branch2.1", three, three_reduce, 3, 3)
            | convolved(f"inception{name}.branch3.0", five_reduce, before, 1, 1)
            | convolved(f"inception{name}.branch3.1", five, five_reduce, 3, 3)
            | convolved(f"inception{name}.branch4.1", pool, before, 1, 1)
        )
    return shapes | with_bias("fc", 1000, 1024)


def auxiliary_heads() -> Shapes:
    """GoogLeNet's two further heads, which the public file holds and prediction does not need."""
    shapes: Shapes = {}
    for name, channels in (("aux1", 512), ("aux2", 528)):
        shapes |= convolved(f"{name}.conv", 128, channels, 1, 1)
        shapes |= with_bias(f"{name}.fc1", 1024, 2048) | with_bias(f"{name}.fc2", 1000, 1024)
    return shapes


def resnet(blocks: tuple[int, ...], bottleneck: bool) -> Shapes:
    """He et al. 2015: so many blocks of width 64, 128, 256 and 512."""
    shapes = {"conv1.weight": (64, 3, 7, 7)} | norm("bn1", 64)
    before = 64
    for stage, (width, count) in enumerate(zip((64, 128, 256, 512), blocks, strict=True), start=1):
        after = 4 * width if bottleneck else width
        for block in range(count):
            name = f"layer{stage}.{block}"
            kernels = ((width, before, 1, 1), (width, width, 3, 3), (after, width, 1, 1))
            if not bottleneck:
                kernels = ((width, before, 3, 3), (width, width, 3, 3))
            for number, shape in enumerate(kernels, start=1):
                shapes |= {f"{name}.conv{number}.weight": shape} | norm(f"{name}.bn{number}", shape[0])
            if before != after:
                shapes |= {f"{name}.downsample.0.weight": (after, before, 1, 1)}
                shapes |= norm(f"{name}.downsample.1", after)
            before = after
    return shapes | with_bias("fc", 1000, before)


def densenet(layers: tuple[int, ...], growth: int = 32, stem: int = 64) -> Shapes:
    """Huang et al. 2016, with bottlenecks and compression by half."""
    shapes = {"features.conv0.weight": (stem, 3, 7, 7)} | norm("features.norm0", stem)
    channels = stem
    for block, count in enumerate(layers, start=1):
        for layer in range(1, count + 1):
            name = f"features.denseblock{block}.denselayer{layer}"
            shapes |= norm(f"{name}.norm1", channels) | {f"{name}.conv1.weight": (4 * growth, channels, 1, 1)}
            shapes |= norm(f"{name}.norm2", 4 * growth) | {f"{name}.conv2.weight": (growth, 4 * growth, 3, 3)}
            channels += growth
        if block < len(layers):
            name = f"features.transition{block}"
            shapes |= norm(f"{name}.norm", channels)
            shapes |= {f"{name}.conv.weight": (channels // 2, channels, 1, 1)}
            channels //= 2
    return shapes | norm("features.norm5", channels) | with_bias("classifier", 1000, channels)


PUBLIC: dict[str, Callable[[], Shapes]] = {
    "alexnet": alexnet,
    "vgg11": lambda: vgg((1, 1, 2, 2, 2)),
    "vgg11_bn": lambda: vgg((1, 1, 2, 2, 2), batch_norm=True),
    "vgg13": lambda: vgg((2, 2, 2, 2, 2)),
    "vgg13_bn": lambda: vgg((2, 2, 2, 2, 2), batch_norm=True),
    "vgg16": lambda: vgg((2, 2, 3, 3, 3)),
    "vgg16_bn": lambda: vgg((2, 2, 3, 3, 3), batch_norm=True),
    "vgg19": lambda: vgg((2, 2, 4, 4, 4)),
    "vgg19_bn": lambda: vgg((2, 2, 4, 4, 4), batch_norm=True),
    "googlenet": googlenet,
    "resnet18": lambda: resnet((2, 2, 2, 2), bottleneck=False),
    "resnet34": lambda: resnet((3, 4, 6, 3), bottleneck=False),
    "resnet50": lambda: resnet((3, 4, 6, 3), bottleneck=True),
    "resnet101": lambda: resnet((3, 4, 23, 3), bottleneck=True),
    "resnet152": lambda: resnet((3, 8, 36, 3), bottleneck=True),
    "densenet121": lambda: densenet((6, 12, 24, 16)),
    "densenet161": lambda: densenet((6, 12, 36, 24), growth=48, stem=96),
    "densenet169": lambda: densenet((6, 12, 32, 32)),
    "densenet201": lambda: densenet((6, 12, 48, 32)),
}
"""Every architecture with public weights."""


def as_in_old_files(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors as the first public files name them: no counts of batches, `norm.1` for `norm1`."""
    dotted = re.compile(r"(.*denselayer\d+\.(?:norm|conv))([12])(\..*)")
    return {
        dotted.sub(r"\1.\2\3", name): tensor
        for name, tensor in state_dict.items()
        if not name.endswith("num_batches_tracked")
    }
