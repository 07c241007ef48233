"""Of small networks the names and shapes that torchvision would save, written after its source.

(torchvision/models/*.py; not after ours.)
"""

from __future__ import annotations

import zlib

import torch
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]

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
"""The arguments of torchvision's inception blocks."""


def norm(name: str, channels: int) -> Shapes:
    vectors = ("weight", "bias", "running_mean", "running_var")
    return {**{f"{name}.{part}": (channels,) for part in vectors}, f"{name}.num_batches_tracked": ()}


def linear(name: str, out: int, *rest: int) -> Shapes:
    """A linear layer, or a convolution with a bias."""
    return {f"{name}.weight": (out, *rest), f"{name}.bias": (out,)}


def alexnet_shapes() -> Shapes:
    """With 2 channels first for 64 and 3 hidden units for 4096."""
    return {
        **linear("features.0", 2, 3, 11, 11),
        **linear("features.3", 6, 2, 5, 5),
        **linear("features.6", 12, 6, 3, 3),
        **linear("features.8", 8, 12, 3, 3),
        **linear("features.10", 8, 8, 3, 3),
        **linear("classifier.1", 3, 8 * 36),
        **linear("classifier.4", 3, 3),
        **linear("classifier.6", 1000, 3),
    }


def vgg_shapes(batch_norm: bool) -> Shapes:
    """[2, "M", 4, 4, "M"], 3 hidden units; ReLU and pools count, batch norms too."""
    if batch_norm:
        features = {
            **linear("features.0", 2, 3, 3, 3),
            **norm("features.1", 2),
            **linear("features.4", 4, 2, 3, 3),
            **norm("features.5", 4),
            **linear("features.7", 4, 4, 3, 3),
            **norm("features.8", 4),
        }
    else:
        features = {
            **linear("features.0", 2, 3, 3, 3),
            **linear("features.3", 4, 2, 3, 3),
            **linear("features.5", 4, 4, 3, 3),
        }
    hidden = {**linear("classifier.0", 3, 4 * 49), **linear("classifier.3", 3, 3)}
    return {**features, **hidden, **linear("classifier.6", 1000, 3)}


def resnet18_shapes() -> Shapes:
    """layers=[2, 1], 2 channels first for 64."""
    return {
        "conv1.weight": (2, 3, 7, 7),
        **norm("bn1", 2),
        "layer1.0.conv1.weight": (2, 2, 3, 3),
        **norm("layer1.0.bn1", 2),
        "layer1.0.conv2.weight": (2, 2, 3, 3),
        **norm("layer1.0.bn2", 2),
        "layer1.1.conv1.weight": (2, 2, 3, 3),
        **norm("layer1.1.bn1", 2),
        "layer1.1.conv2.weight": (2, 2, 3, 3),
        **norm("layer1.1.bn2", 2),
        "layer2.0.conv1.weight": (4, 2, 3, 3),
        **norm("layer2.0.bn1", 4),
        "layer2.0.conv2.weight": (4, 4, 3, 3),
        **norm("layer2.0.bn2", 4),
        "layer2.0.downsample.0.weight": (4, 2, 1, 1),
        **norm("layer2.0.downsample.1", 4),
        **linear("fc", 1000, 4),
    }


def resnet50_shapes() -> Shapes:
    """layers=[1, 1], 2 channels first for 64."""
    return {
        "conv1.weight": (2, 3, 7, 7),
        **norm("bn1", 2),
        "layer1.0.conv1.weight": (2, 2, 1, 1),
        **norm("layer1.0.bn1", 2),
        "layer1.0.conv2.weight": (2, 2, 3, 3),
        **norm("layer1.0.bn2", 2),
        "layer1.0.conv3.weight": (8, 2, 1, 1),
        **norm("layer1.0.bn3", 8),
        "layer1.0.downsample.0.weight": (8, 2, 1, 1),
        **norm("layer1.0.downsample.1", 8),
        "layer2.0.conv1.weight": (4, 8, 1, 1),
        **norm("layer2.0.bn1", 4),
        "layer2.0.conv2.weight": (4, 4, 3, 3),
        **norm("layer2.0.bn2", 4),
        "layer2.0.conv3.weight": (16, 4, 1, 1),
        **norm("layer2.0.bn3", 16),
        "layer2.0.downsample.0.weight": (16, 8, 1, 1),
        **norm("layer2.0.downsample.1", 16),
        **linear("fc", 1000, 16),
    }


def densenet_shapes() -> Shapes:
    """growth_rate=2, block_config=(2, 1), num_init_features=6."""
    return {
        "features.conv0.weight": (6, 3, 7, 7),
        **norm("features.norm0", 6),
        **norm("features.denseblock1.denselayer1.norm1", 6),
        "features.denseblock1.denselayer1.conv1.weight": (8, 6, 1, 1),
        **norm("features.denseblock1.denselayer1.norm2", 8),
        "features.denseblock1.denselayer1.conv2.weight": (2, 8, 3, 3),
        **norm("features.denseblock1.denselayer2.norm1", 8),
        "features.denseblock1.denselayer2.conv1.weight": (8, 8, 1, 1),
        **norm("features.denseblock1.denselayer2.norm2", 8),
        "features.denseblock1.denselayer2.conv2.weight": (2, 8, 3, 3),
        **norm("features.transition1.norm", 10),
        "features.transition1.conv.weight": (5, 10, 1, 1),
        **norm("features.denseblock2.denselayer1.norm1", 5),
        "features.denseblock2.denselayer1.conv1.weight": (8, 5, 1, 1),
        **norm("features.denseblock2.denselayer1.norm2", 8),
        "features.denseblock2.denselayer1.conv2.weight": (2, 8, 3, 3),
        **norm("features.norm5", 7),
        **linear("classifier", 1000, 7),
    }


def googlenet_shapes() -> Shapes:
    """A sixteenth of the channels, with auxiliary heads as the published file has them."""

    def unit(name: str, out: int, inputs: int, kernel: int) -> Shapes:
        return {f"{name}.conv.weight": (out, inputs, kernel, kernel), **norm(f"{name}.bn", out)}

    shapes = {**unit("conv1", 4, 3, 7), **unit("conv2", 4, 4, 1), **unit("conv3", 12, 4, 3)}
    inputs = 12
    for name, arguments in INCEPTIONS.items():
        _, one, reduce3, three, reduce5, five, project = (max(1, n // 16) for n in arguments)
        shapes |= unit(f"inception{name}.branch1", one, inputs, 1)
        shapes |= unit(f"inception{name}.branch2.0", reduce3, inputs, 1)
        shapes |= unit(f"inception{name}.branch2.1", three, reduce3, 3)
        shapes |= unit(f"inception{name}.branch3.0", reduce5, inputs, 1)
        shapes |= unit(f"inception{name}.branch3.1", five, reduce5, 3)
        shapes |= unit(f"inception{name}.branch4.1", project, inputs, 1)
        inputs = one + three + five + project
    for name in ("aux1", "aux2"):
        shapes |= {
            **unit(f"{name}.conv", 128, 32, 1),
            **linear(f"{name}.fc1", 5, 8),
            **linear(f"{name}.fc2", 9, 5),
        }
    return {**shapes, **linear("fc", 1000, 64)}


SMALL = {
    "alexnet": (alexnet_shapes(), 224, {"width": 2, "hidden": 3}),
    "vgg11": (vgg_shapes(False), 28, {"convolutions": (1, 2), "width": 2, "hidden": 3, "stem": "published"}),
    "vgg11_bn": (
        vgg_shapes(True),
        28,
        {"convolutions": (1, 2), "width": 2, "hidden": 3, "stem": "published"},
    ),
    "googlenet": (googlenet_shapes(), 224, {"width": 4, "kernel5": 3}),
    "resnet18": (resnet18_shapes(), 224, {"width": 2, "blocks": (2, 1)}),
    "resnet50": (resnet50_shapes(), 224, {"width": 2, "blocks": (1, 1)}),
    "densenet121": (densenet_shapes(), 224, {"width": 6, "growth": 2, "blocks": (2, 1)}),
}
"""Of each architecture: a small member's public names and shapes, the picture's size, our options for it."""

PAIRS = {
    "alexnet": {
        "features.0.weight": "features.stage1.convolution.weight",
        "features.10.bias": "features.stage5.convolution.bias",
        "classifier.1.weight": "hidden.linear1.weight",
        "classifier.4.bias": "hidden.linear2.bias",
        "classifier.6.weight": "head.weight",
    },
    "vgg11": {
        "features.5.weight": "features.stage2.convolution2.weight",
        "classifier.0.bias": "hidden.linear1.bias",
        "classifier.3.weight": "hidden.linear2.weight",
        "classifier.6.bias": "head.bias",
    },
    "vgg11_bn": {
        "features.0.bias": "features.stage1.convolution1.bias",
        "features.8.running_var": "features.stage2.normalisation2.running_var",
    },
    "googlenet": {
        "conv1.conv.weight": "features.stem.convolution.weight",
        "conv2.bn.running_mean": "features.stage2.reduce.normalisation.running_mean",
        "conv3.conv.weight": "features.stage2.spread.convolution.weight",
        "inception3a.branch1.conv.weight": "features.stage3.inception3a.branch1.convolution.weight",
        "inception3a.branch2.0.conv.weight": "features.stage3.inception3a.branch3.reduce.convolution.weight",
        "inception4e.branch2.1.bn.bias": "features.stage4.inception4e.branch3.spread.normalisation.bias",
        "inception5b.branch3.0.bn.weight": "features.stage5.inception5b.branch5.reduce.normalisation.weight",
        "inception5b.branch3.1.conv.weight": "features.stage5.inception5b.branch5.spread.convolution.weight",
        "inception4a.branch4.1.bn.bias": "features.stage4.inception4a.branch_pool.project.normalisation.bias",
        "fc.bias": "head.bias",
    },
    "resnet18": {
        "conv1.weight": "features.stem.convolution.weight",
        "bn1.bias": "features.stem.normalisation.bias",
        "layer1.0.conv2.weight": "features.stage1.block0.convolution2.weight",
        "layer1.1.bn1.running_var": "features.stage1.block1.normalisation1.running_var",
        "layer2.0.downsample.0.weight": "features.stage2.block0.shortcut.convolution.weight",
        "layer2.0.downsample.1.num_batches_tracked": (
            "features.stage2.block0.shortcut.normalisation.num_batches_tracked"
        ),
        "fc.weight": "head.weight",
    },
    "resnet50": {"layer2.0.bn3.running_mean": "features.stage2.block0.normalisation3.running_mean"},
    "densenet121": {
        "features.conv0.weight": "features.stem.convolution.weight",
        "features.norm0.weight": "features.stem.normalisation.weight",
        "features.denseblock1.denselayer2.norm1.weight": "features.block1.layer2.normalisation1.weight",
        "features.denseblock2.denselayer1.conv2.weight": "features.block2.layer1.convolution2.weight",
        "features.transition1.norm.running_mean": "features.transition1.normalisation.running_mean",
        "features.transition1.conv.weight": "features.transition1.convolution.weight",
        "features.norm5.bias": "features.normalisation.bias",
        "classifier.weight": "head.weight",
    },
}
"""Some public names and ours for the same tensor."""


def filled(shapes: Shapes, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """Other values under every name, whole numbers for the counters."""
    made = {}
    for name, shape in shapes.items():
        generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
        made[name] = torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
        if name.endswith("num_batches_tracked"):
            made[name] = torch.randint(1, 2**40, (), generator=generator)
    return made
