"""GoogLeNet as its paper has it, with batch norm and without auxiliary heads."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from fieldmark.errors import UserError
from fieldmark.models import create
from fieldmark.models.googlenet import GoogLeNet, Inception, Rescale

TABLE_1 = {
    "3a": (256, 28),
    "3b": (480, 28),
    "4a": (512, 14),
    "4b": (512, 14),
    "4c": (512, 14),
    "4d": (528, 14),
    "4e": (832, 14),
    "5a": (832, 7),
    "5b": (1024, 7),
}
"""Output channels and side of every inception block for 224x224 pictures."""


def on_meta(size: int = 224, **options: object) -> nn.Module:
    with torch.device("meta"):
        return create("googlenet", 1000, 3, size, **options).eval()


def block_shapes(model: nn.Module, size: int) -> dict[str, tuple[int, int]]:
    found = {}
    for name, layer in model.named_modules():
        if isinstance(layer, Inception):
            key = name.rpartition("inception")[2]
            layer.register_forward_hook(
                lambda _, __, out, key=key: found.update({key: tuple(out.shape[1:3])})
            )
    model.features(torch.empty(1, 3, size, size, device="meta"))
    return found


@pytest.mark.parametrize(("kernel5", "expected"), [(5, 7_005_832), (3, 6_624_904)])
def test_parameters(kernel5, expected):
    assert sum(parameter.numel() for parameter in on_meta(kernel5=kernel5).parameters()) == expected


def test_channels_and_sizes_are_those_of_table_1():
    assert block_shapes(on_meta(), 224) == TABLE_1


def test_32_pixels_reach_the_blocks_as_16_8_and_4_and_with_the_published_stem_as_4_2_and_1():
    for options, sides in (({}, (16, 8, 4)), ({"stem": "published"}, (4, 2, 1))):
        found = block_shapes(on_meta(32, **options), 32)
        assert tuple(found[name][1] for name in ("3a", "4a", "5a")) == sides
    assert "pool" not in dict(on_meta(95).features.stem.named_children())
    assert on_meta(96).features.stem.convolution.kernel_size == (7, 7)


def test_pools_round_up():
    """224, 112, 56, 28, 14 as in the paper, where torch's pools would round 55.5 down; 7 at the end."""
    sides, maps = [], torch.empty(1, 3, 224, 224, device="meta")
    for part in on_meta().features:
        maps = part(maps)
        sides.append(maps.shape[2])
    assert sides == [56, 28, 14, 7, 7]


def test_15_pixels_are_the_least_for_the_published_stem_and_4_for_the_small():
    """torchvision states 15 as the least for its GoogLeNet, which has the published stem."""
    for stem, least in (("published", 15), ("small", 4)):
        model = GoogLeNet(3, 3, (least, least), stem=stem, width=4).eval()
        assert model(torch.zeros(1, 3, least, least)).shape == (1, 3)
        with pytest.raises(RuntimeError, match="Output size is too small"):
            model(torch.zeros(1, 3, least - 1, least - 1))


def test_an_inception_block_is_four_branches_side_by_side():
    torch.manual_seed(0)
    block = Inception(6, (2, 3, 4, 3, 5, 1), kernel5=5).eval()
    maps = torch.randn(2, 6, 7, 7)
    branches = [block.branch1, block.branch3, block.branch5, block.branch_pool]
    assert torch.equal(block(maps), torch.cat([branch(maps) for branch in branches], 1))
    assert [branch(maps).shape[1] for branch in branches] == [2, 4, 5, 1]
    kernels = [
        [layer.kernel_size[0] for layer in branch.modules() if isinstance(layer, nn.Conv2d)]
        for branch in branches
    ]
    assert kernels == [[1], [1, 3], [1, 5], [1]]
    assert all(layer.eps == 0.001 for layer in block.modules() if isinstance(layer, nn.BatchNorm2d))


def test_rescaling_turns_one_normalisation_into_the_other():
    pixels = torch.rand(2, 3, 5, 4, dtype=torch.float64)
    mean = torch.tensor([0.485, 0.456, 0.406], dtype=torch.float64).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225], dtype=torch.float64).view(3, 1, 1)
    assert torch.allclose(Rescale()((pixels - mean) / std), (pixels - 0.5) / 0.5, atol=1e-14)


def test_transform_input_is_the_same_network_on_rescaled_pictures():
    torch.manual_seed(0)
    plain = create("googlenet", 3, 3, 16, width=4).eval()
    nn.init.normal_(plain.features.stem.convolution.weight)  # the start is so small that all maps are alike
    rescaling = create("googlenet", 3, 3, 16, width=4, transform_input=True).eval()
    rescaling.load_state_dict(plain.state_dict())
    images = torch.randn(2, 3, 16, 16)
    maps = rescaling.features(images)
    assert torch.equal(maps, plain.features(Rescale()(images)))
    assert not torch.allclose(maps, plain.features(images), rtol=0.01, atol=0)
    with pytest.raises(UserError, match=r"transform_input is for 3 channels .*; got 1"):
        create("googlenet", 3, 1, 32, transform_input=True)


def test_weights_start_normal_with_one_hundredth():
    torch.manual_seed(0)
    model = create("googlenet", 10, 3, 224, width=16)
    for name in (
        "features.stage2.spread.convolution",
        "features.stage5.inception5b.branch3.spread.convolution",
        "head",
    ):
        weight = model.get_submodule(name).weight.detach()
        assert float(weight.std()) == pytest.approx(0.01, rel=0.05)
        assert weight.abs().max() > 0.025, "not cut off at two standard deviations, see torchvision"
    assert model.head.bias.any()
    assert model.head.bias.abs().max() <= 1 / math.sqrt(256)


def test_dropout_stands_before_the_head_in_training_only():
    torch.manual_seed(0)
    model = create("googlenet", 3, 3, 8, width=4)
    maps = torch.ones(8, 64, 2, 2)
    assert model.train().embed(maps).unique().tolist() == pytest.approx([0, 1.25], rel=0.01)
    assert torch.equal(model.eval().embed(maps), torch.ones(8, 64))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel5": 7}, r"kernel5 is 5 \(the paper\) or 3 \(public weights\); got 7"),
        ({"kernel5": 5.0}, r"kernel5=5.0 does not fit; it takes a whole number"),
        ({"width": 0}, r"width=0 is too small"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(UserError, match=message):
        create("googlenet", 3, 3, 32, **options)


def test_public_weights_need_other_options():
    assert GoogLeNet.public_options == {"kernel5": 3, "transform_input": True}
