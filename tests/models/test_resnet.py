"""ResNet as its paper has it, stride of a bottleneck in its 3x3."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, conv2d, relu

from fieldmark.errors import UserError
from fieldmark.models import create
from fieldmark.models.resnet import Basic, Bottleneck
from fieldmark.models.stochastic_depth import StochasticDepth

COUNTS = {18: 11_689_512, 34: 21_797_672, 50: 25_557_032, 101: 44_549_160, 152: 60_192_808}


def on_meta(name: str, size: int = 224, **options: object) -> nn.Module:
    with torch.device("meta"):
        return create(name, 1000, 3, size, **options).eval()


def stage_shapes(model: nn.Module, size: int) -> list[tuple[int, ...]]:
    """(C, H, W) after the stem and after every stage."""
    maps, shapes = torch.empty(1, 3, size, size, device="meta"), []
    for part in model.features:
        maps = part(maps)
        shapes.append(tuple(maps.shape[1:]))
    return shapes


@pytest.mark.parametrize("depth", COUNTS)
def test_parameters_and_layers(depth):
    """The number in the name counts convolutions outside of shortcuts, and the last layer (table 1)."""
    model = on_meta(f"resnet{depth}")
    assert sum(parameter.numel() for parameter in model.parameters()) == COUNTS[depth]
    layers = [name for name, layer in model.named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert sum("shortcut" not in name for name in layers) == depth


def test_parameters_by_hand():
    model = create("resnet18", 2, 3, 8, width=1, blocks=(1,))
    stem, block, head = 27 + 2, (9 + 2) + (9 + 2), 2 + 2
    assert sum(parameter.numel() for parameter in model.parameters()) == stem + block + head


@pytest.mark.parametrize(("name", "times"), [("resnet18", 1), ("resnet50", 4)])
def test_each_stage_halves_the_map_and_doubles_the_channels(name, times):
    expected = [(64, 56, 56), *((times * 64 * 2**i, 56 // 2**i, 56 // 2**i) for i in range(4))]
    assert stage_shapes(on_meta(name), 224) == expected


def test_the_small_stem_keeps_the_size_and_is_taken_below_96_pixels():
    sides = [side for _, side, _ in stage_shapes(on_meta("resnet18", 32), 32)]
    assert sides == [32, 32, 16, 8, 4]
    assert not any(isinstance(layer, nn.MaxPool2d) for layer in on_meta("resnet18", 95).modules())
    first = on_meta("resnet18", 95).features.stem.convolution
    assert (first.kernel_size, first.stride) == ((3, 3), (1, 1))
    first = on_meta("resnet18", 96).features.stem.convolution
    assert (first.kernel_size, first.stride) == ((7, 7), (2, 2))
    sides = [side for _, side, _ in stage_shapes(on_meta("resnet18", 32, stem="published"), 32)]
    assert sides == [8, 8, 4, 2, 1]


def test_strides_are_in_the_3x3_convolutions_and_the_shortcuts():
    model = on_meta("resnet50")
    strided = {
        name
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Conv2d) and layer.stride == (2, 2)
    }
    stages = (2, 3, 4)
    assert strided == {
        "features.stem.convolution",
        *(f"features.stage{i}.block0.convolution2" for i in stages),
        *(f"features.stage{i}.block0.shortcut.convolution" for i in stages),
    }
    assert all(
        model.get_submodule(f"features.stage{i}.block0.convolution2").kernel_size == (3, 3) for i in stages
    )


@pytest.mark.parametrize(("name", "projecting"), [("resnet34", (2, 3, 4)), ("resnet50", (1, 2, 3, 4))])
def test_shortcuts_project_only_where_the_shape_changes(name, projecting):
    shortcuts = [(path, layer) for path, layer in on_meta(name).named_modules() if path.endswith(".shortcut")]
    projected = {path for path, layer in shortcuts if not isinstance(layer, nn.Identity)}
    assert projected == {f"features.stage{i}.block0.shortcut" for i in projecting}
    assert len(shortcuts) == 16


def by_definition(block: nn.Module, maps: Tensor) -> Tensor:
    """relu(x + branch(x)), nothing overwritten, batch statistics."""

    def normalised(values: Tensor, layer: nn.BatchNorm2d) -> Tensor:
        return batch_norm(values, None, None, layer.weight, layer.bias, training=True)

    branch = conv2d(
        maps, block.convolution1.weight, stride=block.convolution1.stride, padding=block.convolution1.padding
    )
    branch = relu(normalised(branch, block.normalisation1))
    branch = conv2d(branch, block.convolution2.weight, stride=block.convolution2.stride, padding=1)
    branch = normalised(branch, block.normalisation2)
    if isinstance(block, Bottleneck):
        branch = normalised(conv2d(relu(branch), block.convolution3.weight), block.normalisation3)
    if isinstance(block.shortcut, nn.Identity):
        return relu(maps + branch)
    short = conv2d(maps, block.shortcut.convolution.weight, stride=block.shortcut.convolution.stride)
    return relu(normalised(short, block.shortcut.normalisation) + branch)


@pytest.mark.parametrize(
    "block", [Basic(8, 8, 1, 0.0), Basic(6, 8, 2, 0.0), Bottleneck(8, 2, 1, 0.0), Bottleneck(6, 2, 2, 0.0)]
)
def test_blocks_and_their_gradients_are_those_of_the_definition(block):
    torch.manual_seed(0)
    block = block.double().train()
    maps = torch.randn(3, block.convolution1.in_channels, 5, 5, dtype=torch.float64, requires_grad=True)
    kept = maps.detach().clone()
    weights = torch.randn_like(by_definition(block, maps))
    inputs = [maps, *block.parameters()]
    expected = torch.autograd.grad((by_definition(block, maps) * weights).sum(), inputs)
    found = torch.autograd.grad((block(maps) * weights).sum(), inputs)
    assert torch.allclose(block(maps), by_definition(block, maps), atol=1e-12)
    for one, two in zip(found, expected, strict=True):
        assert torch.allclose(one, two, atol=1e-10)
    assert torch.equal(maps, kept), "what a block is given is not overwritten"


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_a_zero_branch_leaves_the_identity(name):
    torch.manual_seed(0)
    model = create(name, 3, 3, 8, width=2, blocks=(2,), zero_init_residual=True)
    maps = torch.randn(4, model.head.in_features, 8, 8).relu()
    assert torch.equal(model.features.stage1.block1(maps), maps)
    zero = {key for key, value in model.named_parameters() if value.dim() == 1 and not value.any()}
    last = "normalisation3" if name == "resnet50" else "normalisation2"
    assert {key for key in zero if key.endswith("weight")} == {
        f"features.stage1.block{i}.{last}.weight" for i in (0, 1)
    }
    model = create(name, 3, 3, 8, width=2, blocks=(2,))
    assert not torch.equal(model.features.stage1.block1(maps), maps), "not unless asked for"


def test_weights_start_kaiming_normal_by_fan_out():
    torch.manual_seed(0)
    model = create("resnet50", 10, 3, 224, blocks=(1, 1))
    for name, fan_out in (("stem.convolution", 64 * 49), ("stage2.block0.convolution1", 128)):
        weight = model.features.get_submodule(name).weight.detach()
        assert float(weight.std()) == pytest.approx(math.sqrt(2 / fan_out), rel=0.05)
        assert weight.abs().max() > 3 * math.sqrt(2 / fan_out), "normal, not uniform"
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            assert (layer.weight == 1).all()
            assert not layer.bias.any()
    assert model.head.bias.any()
    assert model.head.weight.abs().max() <= 1 / math.sqrt(512)


def test_stochastic_depth_rises_linearly_to_the_last_block():
    model = create("resnet18", 3, 3, 8, width=2, stochastic_depth=0.4)
    rates = [layer.rate for layer in model.modules() if isinstance(layer, StochasticDepth)]
    assert rates == pytest.approx([0.05 * i for i in range(1, 9)])


def test_a_dropped_branch_leaves_the_shortcut():
    torch.manual_seed(0)
    block = Basic(4, 4, 1, 0.9).train()
    maps = torch.randn(40, 4, 6, 6).relu()
    same = (block(maps) == maps).flatten(1).all(1)
    assert 0.7 < same.float().mean() < 1
    assert not (block.eval()(maps) == maps).flatten(1).all(1).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"blocks": ()}, r"ResNet: blocks=\(\); it takes 1 to 6 stages"),
        ({"blocks": (1,) * 7}, r"1 to 6 stages"),
        ({"blocks": (2, 0)}, r"blocks=\(2, 0\).*at least 1 block each"),
        ({"blocks": (10**9,)}, r"1000 blocks in all at most"),
        ({"blocks": 3}, r"blocks=3 does not fit; it takes a list of \(a whole number\)"),
        ({"width": 0}, r"width=0 is too small"),
        ({"stem": "tiny"}, r"stem='tiny' does not fit; it takes published \| small"),
        ({"stochastic_depth": 1.0}, r"stochastic_depth rate is at least 0 and below 1; got 1.0"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(UserError, match=message) as caught:
        create("resnet18", 3, 3, 32, **options)
    assert "\n" not in str(caught.value)


def test_lists_from_json_make_any_depth():
    model = create("resnet18", 3, 3, 8, blocks=[1, 1], width=2, bottleneck=True)
    assert [len(stage) for stage in (model.features.stage1, model.features.stage2)] == [1, 1]
    assert model.head.in_features == 16
