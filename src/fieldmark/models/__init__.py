"""Architectures: one file each, made by name with `create`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fieldmark.errors import UserError
from fieldmark.families import resolve, unknown

if TYPE_CHECKING:
    from torch import nn

    from fieldmark.models.public_weights import load_public_weights as load_public_weights

MODELS = {
    "alexnet": "fieldmark.models.alexnet:AlexNet",
    "all_conv": "fieldmark.models.all_conv:AllConv",
    "baseline": "fieldmark.models.baseline:Baseline",
    "batch_norm": "fieldmark.models.batch_norm:BatchNorm",
    "deep": "fieldmark.models.deep:Deep",
    "deep_residual": "fieldmark.models.deep_residual:DeepResidual",
    "densenet121": "fieldmark.models.densenet:densenet121",
    "densenet161": "fieldmark.models.densenet:densenet161",
    "densenet169": "fieldmark.models.densenet:densenet169",
    "densenet201": "fieldmark.models.densenet:densenet201",
    "digits": "fieldmark.models.digits:Digits",
    "dropout": "fieldmark.models.dropout:Dropout",
    "googlenet": "fieldmark.models.googlenet:GoogLeNet",
    "lenet": "fieldmark.models.lenet:LeNet",
    "mlp": "fieldmark.models.mlp:MLP",
    "nin": "fieldmark.models.nin:NiN",
    "residual": "fieldmark.models.residual:Residual",
    "resnet101": "fieldmark.models.resnet:resnet101",
    "resnet152": "fieldmark.models.resnet:resnet152",
    "resnet18": "fieldmark.models.resnet:resnet18",
    "resnet34": "fieldmark.models.resnet:resnet34",
    "resnet50": "fieldmark.models.resnet:resnet50",
    "smiles": "fieldmark.models.smiles:Smiles",
    "vgg11": "fieldmark.models.vgg:vgg11",
    "vgg11_bn": "fieldmark.models.vgg:vgg11_bn",
    "vgg13": "fieldmark.models.vgg:vgg13",
    "vgg13_bn": "fieldmark.models.vgg:vgg13_bn",
    "vgg16": "fieldmark.models.vgg:vgg16",
    "vgg16_bn": "fieldmark.models.vgg:vgg16_bn",
    "vgg19": "fieldmark.models.vgg:vgg19",
    "vgg19_bn": "fieldmark.models.vgg:vgg19_bn",
    "wide": "fieldmark.models.wide:wide",
}
"""Name to "module:class" or "module:function", taking (num_classes, in_channels, image_size, **options)."""
TIMM = "timm:"
"""What the name of a network of timm begins with."""


@dataclass(frozen=True)
class About:
    """What `fieldmark list models` says of one architecture.

    published_size: the side in pixels of the pictures it was published for; smallest: the smallest side that
    it can take with its standard options; summary: one line, with the year in which it first appeared.
    """

    published_size: int
    smallest: int
    summary: str


ABOUT = {
    "alexnet": About(224, 7, "five convolutions, overlapping pools, three linear layers with dropout (2012)"),
    "all_conv": About(32, 1, "baseline with strided convolutions for pools (after Springenberg 2015)"),
    "baseline": About(32, 4, "two 3x3 convolutions with tanh and max-pooling, two linear layers"),
    "batch_norm": About(32, 4, "wide with batch norm after each convolution"),
    "deep": About(32, 8, "three 3x3 convolutions with ReLU and max-pooling, two linear layers"),
    "deep_residual": About(32, 4, "a chain of residual blocks with batch norm; option blocks"),
    "densenet121": About(224, 8, "every layer is given the maps of all before it; 121 layers (2016)"),
    "densenet161": About(224, 8, "densenet121 with 161 layers, each adding 48 maps for 32"),
    "densenet169": About(224, 8, "densenet121 with 169 layers"),
    "densenet201": About(224, 8, "densenet121 with 201 layers"),
    "digits": About(28, 4, "two 5x5 convolutions and 1,024 hidden units, for digits and the like"),
    "dropout": About(32, 4, "wide with whole channels dropped after each pooled map"),
    "googlenet": About(224, 4, "nine blocks of 1x1, 3x3 and 5x5 kernels side by side, batch norm (2014)"),
    "lenet": About(28, 12, "two 5x5 convolutions with sigmoids and mean pools, three linear layers (1998)"),
    "mlp": About(32, 1, "one hidden layer, no convolution: what the convolutional nets are compared with"),
    "nin": About(
        224, 7, "1x1 convolutions after each convolution, global mean, no hidden linear layer (2013)"
    ),
    "residual": About(32, 8, "deep with one skip connection"),
    "resnet101": About(224, 1, "33 bottleneck blocks, each added to what it was given (2015)"),
    "resnet152": About(224, 1, "50 bottleneck blocks, each added to what it was given (2015)"),
    "resnet18": About(224, 1, "8 blocks of two 3x3 convolutions, each added to what it was given (2015)"),
    "resnet34": About(224, 1, "16 blocks of two 3x3 convolutions, each added to what it was given (2015)"),
    "resnet50": About(224, 1, "16 bottleneck blocks, each added to what it was given (2015)"),
    "smiles": About(64, 8, "four 3x3 convolutions, global mean, one output unit for two classes"),
    "vgg11": About(224, 16, "8 3x3 convolutions in five blocks, three linear layers (2014)"),
    "vgg11_bn": About(224, 16, "vgg11 with batch norm after each convolution"),
    "vgg13": About(224, 16, "10 3x3 convolutions in five blocks, three linear layers (2014)"),
    "vgg13_bn": About(224, 16, "vgg13 with batch norm after each convolution"),
    "vgg16": About(224, 16, "13 3x3 convolutions in five blocks, three linear layers (2014)"),
    "vgg16_bn": About(224, 16, "vgg16 with batch norm after each convolution"),
    "vgg19": About(224, 16, "16 3x3 convolutions in five blocks, three linear layers (2014)"),
    "vgg19_bn": About(224, 16, "vgg19 with batch norm after each convolution"),
    "wide": About(32, 4, "baseline with twice the channels"),
}


def create(
    name: str, /, num_classes: int, in_channels: int, image_size: int | tuple[int, int], **options: Any
) -> nn.Module:
    """A fresh network, weights drawn from torch's global generator (seed it first for the same weights).

    name: one of MODELS, or timm:NAME (`models.timm_backbone`). image_size: pixels, one side or
    (height, width). options: what the architecture takes, `init="default" | "xavier" | "kaiming"` among them
    for all. The network maps float (N, in_channels, H, W) to logits float (N, num_classes), or (N, 1) where
    two classes share one unit.

    Raises UserError for an unknown name or option, a value that does not fit it, fewer than two classes, and
    a picture too small for the network (the error names the layer that fails, the shape that reaches it and
    the smallest size that fits).

    >>> net = create("baseline", num_classes=2, in_channels=3, image_size=32)
    >>> sum(parameter.numel() for parameter in net.parameters())
    18090
    """
    from fieldmark.models.building import build

    network = _maker(name)
    size = (image_size, image_size) if isinstance(image_size, int) else image_size
    if num_classes < 2:
        raise UserError(f"a classifier needs at least two classes; got {num_classes}.")
    if in_channels < 1:
        raise UserError(f"pictures have at least one channel; got {in_channels}.")
    return build(network, name, about(name), num_classes, in_channels, size, options)


def settled(name: str, image_size: int | tuple[int, int], options: dict[str, Any]) -> dict[str, Any]:
    """`options`, with what would depend on the picture's size made explicit: the stem.

    Networks without stems keep theirs; those published for small pictures (lenet) are always as published. A
    classifier folder keeps the result, so that what it holds is said and never a matter of a default. Raises
    UserError for an unknown name.

    >>> settled("baseline", 32, {"width": 8})
    {'width': 8}
    """
    import inspect

    from fieldmark.models.stems import SMALL_BELOW, chosen

    if "stem" not in inspect.signature(_maker(name)).parameters:
        return dict(options)
    if about(name).published_size < SMALL_BELOW and options.get("stem") is None:
        return {**options, "stem": "published"}
    size = (image_size, image_size) if isinstance(image_size, int) else image_size
    return {**options, "stem": chosen(options.get("stem"), size)}


def __getattr__(name: str) -> Any:
    if name != "load_public_weights":
        raise AttributeError(f"module 'fieldmark.models' has no attribute '{name}'")
    from fieldmark.models.public_weights import load_public_weights

    return load_public_weights


def is_own(name: str) -> bool:
    """Whether `name` is module:function, a network of the user's own, and none that fieldmark knows.

    >>> is_own("nets:make"), is_own("resnet18"), is_own("timm:resnet18")
    (True, False, False)
    """
    return ":" in name and not name.startswith(TIMM)


def about(name: str) -> About:
    """What is known of a model. Raises UserError for an unknown name.

    >>> about("digits").published_size
    28
    """
    if name in ABOUT:
        return ABOUT[name]
    if not name.startswith(TIMM):
        raise UserError(unknown(name, MODELS, "model"))
    from fieldmark.models.timm_library import configuration

    side = max(configuration(name.removeprefix(TIMM)).input_size[1:])
    return About(side, 1, "a network of timm")


def _maker(name: str) -> Callable[..., nn.Module]:
    if not name.startswith(TIMM):
        made: Callable[..., nn.Module] = resolve(MODELS, name, "model")
        return made
    from fieldmark.models.timm_backbone import maker

    return maker(name.removeprefix(TIMM))
