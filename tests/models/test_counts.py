"""Parameter counts of the textbooks and of public weights, on the meta device."""

from __future__ import annotations

import pytest
import torch

from fieldmark.models import create


@pytest.mark.parametrize(
    ("name", "classes", "channels", "size", "options", "expected"),
    [
        ("mlp", 2, 3, 32, {}, 1572864 + 512 + 1024 + 2),
        (
            "mlp",
            10,
            1,
            28,
            {"hidden": (32, 16), "activation": "relu"},
            785 * 32 + 33 * 16 + 17 * 10,
        ),
        ("digits", 10, 1, 28, {}, 3_274_634),
        ("smiles", 2, 3, 64, {}, 388_673),
        ("baseline", 2, 3, 32, {}, 432 + 16 + 1152 + 8 + 16384 + 32 + 64 + 2),
        ("baseline", 2, 3, 32, {"kernel_size": 5}, 20_906),
        ("baseline", 2, 3, 32, {"kernel_size": (1, 3)}, 17_034),
        ("baseline", 2, 3, 32, {"width": 32}, 38_386),
        ("wide", 2, 3, 32, {}, 38_386),
        ("dropout", 2, 3, 32, {}, 38_386),
        ("batch_norm", 2, 3, 32, {}, 38_482),
        ("all_conv", 2, 3, 32, {}, 18_090 + (16 * 16 * 9 + 16) + (8 * 8 * 9 + 8)),
        ("deep", 2, 3, 32, {}, 16_130),
        ("residual", 2, 3, 32, {}, 16_130),
        ("deep_residual", 2, 3, 32, {}, 159_330),
        ("deep_residual", 2, 3, 32, {"blocks": 100}, 994_530),
        ("deep_residual", 2, 3, 32, {"blocks": 100, "skips": False}, 994_530),
    ],
)
def test_parameters(name, classes, channels, size, options, expected):
    with torch.device("meta"):
        model = create(name, classes, channels, size, **options)
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("alexnet", {}, 61_100_840),
        ("vgg11", {}, 132_863_336),
        ("vgg13", {}, 133_047_848),
        ("vgg16", {}, 138_357_544),
        ("vgg19", {}, 143_667_240),
        ("vgg11_bn", {}, 132_868_840),
        ("vgg13_bn", {}, 133_053_736),
        ("vgg16_bn", {}, 138_365_992),
        ("vgg19_bn", {}, 143_678_248),
        ("googlenet", {"kernel5": 5}, 7_005_832),
        ("googlenet", {"kernel5": 3}, 6_624_904),
        ("resnet18", {}, 11_689_512),
        ("resnet34", {}, 21_797_672),
        ("resnet50", {}, 25_557_032),
        ("resnet101", {}, 44_549_160),
        ("resnet152", {}, 60_192_808),
        ("densenet121", {}, 7_978_856),
        ("densenet161", {}, 28_681_000),
        ("densenet169", {}, 14_149_480),
        ("densenet201", {}, 20_013_928),
    ],
)
def test_parameters_at_224_pixels_and_1000_classes(name, options, expected):
    """The papers' networks as their public weights have them (torchvision's documentation)."""
    with torch.device("meta"):
        model = create(name, 1000, 3, 224, **options)
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


@pytest.mark.parametrize(("name", "size", "expected"), [("lenet", 28, 61_706), ("nin", 224, 1_992_166)])
def test_parameters_in_dive_into_deep_learning(name, size, expected):
    with torch.device("meta"):
        model = create(name, 10, 1, size)
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


def test_lenet_counts_layer_by_layer():
    with torch.device("meta"):
        counts = [parameter.numel() for parameter in create("lenet", 10, 1, 28).parameters()]
    assert counts == [150, 6, 2400, 16, 48_000, 120, 10_080, 84, 840, 10]


def test_without_the_mean_the_smile_net_would_need_16384_inputs():
    with torch.device("meta"):
        model = create("smiles", 2, 3, 64)
        maps = model.features(torch.empty(1, 3, 64, 64))
    assert maps.shape == (1, 256, 8, 8)
    assert maps[0].numel() == 16_384
    assert model.head.in_features == 256


def test_the_printed_repeat_of_one_block_would_have_75810():
    """n * [Block()] is one block n times: the count that the distinct blocks must not have."""
    with torch.device("meta"):
        model = create("deep_residual", 2, 3, 32, blocks=10)
        one = create("deep_residual", 2, 3, 32, blocks=1)
    assert sum(parameter.numel() for parameter in one.parameters()) == 75_810
    blocks = list(model.features.blocks)
    assert len({id(block) for block in blocks}) == 10
    assert len({id(parameter) for block in blocks for parameter in block.parameters()}) == 30
