"""Totals against torch's FLOP counter, against formulas written out, and against the network itself."""

from __future__ import annotations

import pytest
import torch
from models.members import DIFFERENT
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import fieldmark as fm
from fieldmark.errors import UserError
from fieldmark.models import ABOUT, create


def counted(model: nn.Module, shape: tuple[int, ...]) -> int:
    """What torch's FLOP counter says of one picture; all on the meta device."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.empty(1, *shape, device="meta"))
    return counter.get_total_flops()


@pytest.mark.parametrize("name", DIFFERENT)
def test_totals_of_every_model_are_those_of_torch(name: str) -> None:
    side = ABOUT[name].published_size
    found = fm.inspect(name, side, in_channels=1, num_classes=7)
    with torch.device("meta"):
        network = create(name, 7, 1, side).eval()
    parameters = list(network.parameters())
    assert found.flops == sum(layer.flops for layer in found.layers) == counted(network, (1, side, side))
    assert found.parameters == found.trainable == sum(parameter.numel() for parameter in parameters)
    assert found.parameters == sum(layer.parameters for layer in found.layers)
    assert found.parameter_bytes == sum(layer.parameter_bytes for layer in found.layers)
    assert found.layers[-1].output_shape == (7,)
    assert found.layers[0].inputs == (-1,)
    assert len({layer.name for layer in found.layers}) == len(found.layers)
    assert all(source < i for i, layer in enumerate(found.layers) for source in layer.inputs)
    used = {source for layer in found.layers for source in layer.inputs}
    assert used == set(range(-1, len(found.layers) - 1)), "nothing but the logits is left over"


def convolution(inputs: int, outputs: int, kernel: int, side: int) -> int:
    """Two per multiply-add: outputs x side x side results, each of inputs x kernel x kernel products."""
    return 2 * outputs * side * side * inputs * kernel * kernel


LENET = convolution(1, 6, 5, 28) + convolution(6, 16, 5, 10) + 2 * (16 * 5 * 5 * 120 + 120 * 84 + 84 * 10)
ALEXNET = (  # one column: 224 -> 55, pooled to 27, 13, 6
    convolution(3, 64, 11, 55)
    + convolution(64, 192, 5, 27)
    + convolution(192, 384, 3, 13)
    + convolution(384, 256, 3, 13)
    + convolution(256, 256, 3, 13)
    + 2 * (256 * 6 * 6 * 4096 + 4096 * 4096 + 4096 * 1000)
)
VGG16 = (
    convolution(3, 64, 3, 224)
    + convolution(64, 64, 3, 224)
    + convolution(64, 128, 3, 112)
    + convolution(128, 128, 3, 112)
    + convolution(128, 256, 3, 56)
    + 2 * convolution(256, 256, 3, 56)
    + convolution(256, 512, 3, 28)
    + 2 * convolution(512, 512, 3, 28)
    + 3 * convolution(512, 512, 3, 14)
    + 2 * (512 * 7 * 7 * 4096 + 4096 * 4096 + 4096 * 1000)
)


@pytest.mark.parametrize(
    ("name", "side", "channels", "classes", "flops"),
    [
        ("lenet", 28, 1, 10, LENET),
        ("alexnet", 224, 3, 1000, ALEXNET),
        ("vgg16", 224, 3, 1000, VGG16),
    ],
)
def test_flops_are_those_of_a_calculation_by_hand(
    name: str, side: int, channels: int, classes: int, flops: int
) -> None:
    assert fm.inspect(name, side, in_channels=channels, num_classes=classes).flops == flops


@pytest.mark.parametrize(
    ("name", "depth", "billions"),
    [
        ("alexnet", 8, 0.714),
        ("vgg16", 16, 15.47),
        ("vgg19_bn", 19, 19.632),
        ("googlenet", 22, 1.498),
        ("resnet18", 18, 1.814),
        ("resnet50", 50, 4.089),
        ("resnet152", 152, 11.514),
        ("densenet121", 121, 2.834),
        ("densenet201", 201, 4.291),
    ],
)
def test_multiply_adds_are_those_torchvision_publishes_and_the_depth_is_in_the_name(
    name: str, depth: int, billions: float
) -> None:
    """torchvision's figures (`_ops` of its weights) are multiply-adds, half of the FLOPs, in 10^9."""
    options = {"kernel5": 3} if name == "googlenet" else {}
    found = fm.inspect(name, 224, num_classes=1000, **options)
    assert round(found.flops / 2e9, 3) == billions
    assert found.depth == depth


def test_a_convolution_row_by_row() -> None:
    first, *_, head = fm.inspect("lenet", 28, in_channels=1).layers
    assert (first.name, first.type) == ("features.stage1.convolution", "Conv2d")
    assert first.output_shape == (6, 28, 28)
    assert first.parameters == 6 * 25 + 6
    assert first.parameter_bytes == 4 * first.parameters
    assert first.flops == convolution(1, 6, 5, 28)
    assert first.activation_bytes == 4 * 28 * 28  # the picture itself, which its weights' gradient needs
    assert first.receptive_field == (5, 5)
    assert first.stride == (1, 1)
    assert (head.name, head.type, head.output_shape, head.parameters) == ("head", "Linear", (10,), 850)
    assert head.receptive_field is None


def test_options_oblong_pictures_and_channels() -> None:
    found = fm.inspect("resnet18", (64, 96), in_channels=4, num_classes=5, width=8, stem="published")
    assert found.input_shape == (4, 64, 96)
    assert found.layers[0].output_shape == (8, 32, 48)
    assert found.layers[-1].output_shape == (5,)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"model": "resnet1800"}, "Closest: resnet18"),
        ({"model": "vgg16", "image_size": 8}, "at least 16x16"),
        ({"model": "baseline", "depth": 3}, "no option 'depth'"),
        ({"model": "baseline", "batch_size": 0}, "0 pictures"),
        ({"model": "baseline", "image_size": (32, 0)}, "0 pixels"),
        ({"model": nn.Flatten(), "width": 3}, "not for modules"),
    ],
)
def test_what_makes_no_network_is_one_line(arguments: dict[str, object], told: str) -> None:
    with pytest.raises(UserError, match=told) as caught:
        fm.inspect(**{"image_size": 32, **arguments})  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_no_weights_are_drawn() -> None:
    before = torch.get_rng_state()
    fm.inspect("densenet121", 32, growth=4)
    fm.inspect("digits", 28)
    assert torch.equal(torch.get_rng_state(), before)
