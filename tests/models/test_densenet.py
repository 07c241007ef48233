"""DenseNet as its paper has it: maps are concatenated, never added."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from fieldmark.errors import UserError
from fieldmark.models import create
from fieldmark.models.densenet import Block, DenseNet
from fieldmark.models.dropping import Dropout

COUNTS = {121: 7_978_856, 161: 28_681_000, 169: 14_149_480, 201: 20_013_928}


def on_meta(name: str, size: int = 224, **options: object) -> nn.Module:
    with torch.device("meta"):
        return create(name, 1000, 3, size, **options).eval()


def shapes(model: nn.Module, size: int) -> dict[str, tuple[int, int]]:
    """(C, H) after every stage of the features."""
    maps, found = torch.empty(1, 3, size, size, device="meta"), {}
    for name, part in model.features.named_children():
        maps = part(maps)
        found[name] = (maps.shape[1], maps.shape[2])
    return found


@pytest.mark.parametrize("depth", COUNTS)
def test_parameters_and_layers(depth):
    """The number in the name counts all convolutions and the last layer (table 1)."""
    model = on_meta(f"densenet{depth}")
    assert sum(parameter.numel() for parameter in model.parameters()) == COUNTS[depth]
    assert sum(isinstance(layer, nn.Conv2d | nn.Linear) for layer in model.modules()) == depth


def test_channels_and_sizes_of_densenet_121():
    assert shapes(on_meta("densenet121"), 224) == {
        "stem": (64, 56),
        "block1": (256, 56),
        "transition1": (128, 28),
        "block2": (512, 28),
        "transition2": (256, 14),
        "block3": (1024, 14),
        "transition3": (512, 7),
        "block4": (1024, 7),
        "normalisation": (1024, 7),
        "activation": (1024, 7),
    }


def test_the_small_stem_keeps_the_size():
    assert shapes(on_meta("densenet121", 32), 32)["stem"] == (64, 32)
    assert shapes(on_meta("densenet121", 32), 32)["block4"] == (1024, 4)
    assert "pool" not in dict(on_meta("densenet121", 95).features.stem.named_children())
    assert on_meta("densenet121", 96).features.stem.convolution.kernel_size == (7, 7)


def test_every_layer_is_given_all_maps_before_it_and_the_block_returns_them_all():
    torch.manual_seed(0)
    block = Block(3, 5, 2, dropout=0.0).eval()
    given = []
    for layer in block:
        layer.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0].clone()))
    maps = torch.randn(2, 5, 4, 4)
    kept = maps.clone()
    out = block(maps)
    assert out.shape == (2, 5 + 3 * 2, 4, 4)
    assert torch.equal(out[:, :5], kept), "the block's input goes through as it is"
    for i, seen in enumerate(given):
        assert torch.equal(seen, out[:, : 5 + 2 * i])
    for i, layer in enumerate(block):
        assert torch.equal(layer(given[i]), out[:, 5 + 2 * i : 7 + 2 * i]), "concatenated, not added"
    assert torch.equal(maps, kept)


def test_a_layer_normalises_first_and_narrows_to_four_times_the_growth():
    layer = on_meta("densenet121").features.block2.layer12
    assert [type(part).__name__ for part in layer] == ["BatchNorm2d", "ReLU", "Conv2d"] * 2
    narrow, new = layer.convolution1, layer.convolution2
    assert (narrow.in_channels, narrow.out_channels, narrow.kernel_size) == (128 + 11 * 32, 128, (1, 1))
    assert (new.in_channels, new.out_channels, new.kernel_size) == (128, 32, (3, 3))


def test_the_map_is_what_the_last_relu_makes():
    torch.manual_seed(0)
    model = create("densenet121", 3, 3, 16, width=4, growth=2, blocks=(1, 2)).eval()
    maps = model.features(torch.randn(2, 3, 16, 16))
    assert (maps >= 0).all()
    assert torch.equal(model.embed(maps), maps.mean((2, 3)))


def test_29_pixels_are_the_least_for_the_published_stem_and_8_for_the_small():
    """torchvision states 29 as the least for its DenseNets, which have the published stem."""
    for stem, least in (("published", 29), ("small", 8)):
        model = DenseNet(3, 3, (least, least), stem=stem, width=2, growth=1, blocks=(1, 1, 1, 1)).eval()
        assert model(torch.zeros(1, 3, least, least)).shape == (1, 3)
        with pytest.raises(RuntimeError, match="Output size is too small"):
            model(torch.zeros(1, 3, least - 1, least - 1))


def test_weights_start_kaiming_normal_by_fan_in():
    torch.manual_seed(0)
    model = create("densenet121", 10, 3, 224, blocks=(2,))
    for name, fan_in in (("stem.convolution", 3 * 49), ("block1.layer2.convolution2", 128 * 9)):
        weight = model.features.get_submodule(name).weight.detach()
        assert float(weight.std()) == pytest.approx(math.sqrt(2 / fan_in), rel=0.05)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            assert (layer.weight == 1).all()
            assert not layer.bias.any()
    assert not model.head.bias.any()
    assert model.head.weight.abs().max() <= 1 / math.sqrt(128)


def test_dropout_is_for_those_who_ask():
    options = {"width": 4, "growth": 2, "blocks": (2, 1)}
    assert not any(
        isinstance(layer, Dropout) for layer in create("densenet121", 3, 3, 16, **options).modules()
    )
    model = create("densenet121", 3, 3, 16, dropout=0.5, **options)
    assert [layer.rate for layer in model.modules() if isinstance(layer, Dropout)] == [0.5] * 3
    layer, maps = model.features.block1.layer1, torch.randn(8, 4, 16, 16)
    assert 0.4 < (layer.train()(maps) == 0).float().mean() < 0.6
    assert (layer.eval()(maps) != 0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"blocks": (6, 0, 6)}, r"DenseNet: blocks=\(6, 0, 6\).*at least 1 block each"),
        ({"growth": 0}, r"growth=0 is too small"),
        ({"width": -1}, r"width=-1 is too small"),
        ({"stochastic_depth": 0.2}, r"no option 'stochastic_depth'"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(UserError, match=message):
        create("densenet121", 3, 3, 32, **options)
