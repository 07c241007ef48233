"""With the same weights our networks give torchvision's logits, by 1e-9 (float32: 1e-4) of the largest.

The expected ones come from torchvision (`make public-logits`). The largest members are left to `make
test-peers`, which compares all of them with torchvision itself.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from formula_weights import formula_pictures, formula_sums, formula_weights, splitmix64
from models.formula_networks import formula_network
from public_tensors import PUBLIC, as_in_old_files, auxiliary_heads
from torch import Tensor, nn

ROWS = json.loads((Path(__file__).parent / "public_logits.json").read_text())["rows"]
TOLERANCES = {"float64": 1e-9, "float32": 1e-4}
HERE = (
    "alexnet",
    "vgg11",
    "vgg11_bn",
    "googlenet",
    "resnet18",
    "resnet50",
    "densenet121",
)


def rows_of(name: str, dtype: str, transform_input: bool = False) -> list[dict[str, Any]]:
    rows = [row for row in ROWS if row["model"] == name and row["dtype"] == dtype]
    return [row for row in rows if row.get("transform_input", False) == transform_input]


@torch.no_grad()
def logits_of(model: nn.Module, height: int, width: int) -> Tensor:
    dtype = next(model.parameters()).dtype
    return torch.cat([model(image[None]) for image in formula_pictures(2, height, width).to(dtype)])


def check(model: nn.Module, row: dict[str, Any]) -> None:
    """`model` gives what is stored in `row`."""
    logits = logits_of(model, *row["size"]).double()
    expected = torch.tensor(row["logits"], dtype=torch.float64)
    tolerance = TOLERANCES[row["dtype"]] * row["largest"]
    assert logits.abs().max().item() == pytest.approx(row["largest"], abs=tolerance)
    assert (logits[:, : expected.shape[1]] - expected).abs().max() <= tolerance
    sums = torch.tensor(formula_sums(logits), dtype=torch.float64)
    assert (sums - torch.tensor(row["sums"], dtype=torch.float64)).abs().max() <= tolerance, "other logits"


def test_what_is_stored_is_complete():
    assert {row["model"] for row in ROWS} == set(PUBLIC)
    assert set(HERE) < set(PUBLIC)
    for name in PUBLIC:
        sizes = [[tuple(row["size"]) for row in rows_of(name, dtype)] for dtype in TOLERANCES]
        assert sizes[0] == sizes[1]
        assert sizes[0]


@pytest.mark.parametrize("name", HERE)
def test_logits_are_torchvisions(name):
    weights = formula_weights(PUBLIC[name]())
    for dtype in TOLERANCES:
        model = formula_network(name, getattr(torch, dtype), weights)
        for row in rows_of(name, dtype):
            check(model, row)


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_googlenet_with_its_input_rescaled(dtype):
    model = formula_network("googlenet", getattr(torch, dtype), transform_input=True)
    for row in rows_of("googlenet", dtype, transform_input=True):
        check(model, row)


@pytest.mark.parametrize("name", ["densenet121", "googlenet"])
def test_old_files_give_the_same(name):
    shapes = PUBLIC[name]() | (auxiliary_heads() if name == "googlenet" else {})
    weights = as_in_old_files(formula_weights(shapes))
    assert not weights.keys() <= PUBLIC[name]().keys(), "names that only old files have"
    check(formula_network(name, torch.float64, weights), rows_of(name, "float64")[0])


SWAPS = {
    "resnet18": [
        ("bn1.weight", "bn1.running_var"),
        ("bn1.bias", "layer1.0.bn2.bias"),
        ("layer1.0.bn1.weight", "layer1.0.bn2.weight"),
        ("layer1.0.conv1.weight", "layer1.1.conv2.weight"),
        ("layer2.0.bn2.running_mean", "layer2.0.downsample.1.running_mean"),
        ("layer2.0.bn2.running_var", "layer2.0.downsample.1.running_var"),
        ("layer4.1.bn1.running_mean", "layer4.1.bn2.bias"),
        ("layer4.0.conv2.weight", "layer4.1.conv1.weight"),
    ],
    "googlenet": [
        ("inception3a.branch3.0.bn.running_mean", "inception4a.branch3.0.bn.bias"),
        ("inception3b.branch1.bn.bias", "inception3b.branch2.0.bn.bias"),
        ("inception4c.branch1.conv.weight", "inception4c.branch2.0.conv.weight"),
        ("inception4e.branch3.1.bn.running_var", "inception4e.branch4.1.bn.running_var"),
    ],
    "densenet121": [
        ("features.denseblock1.denselayer2.conv2.weight", "features.denseblock4.denselayer15.conv2.weight"),
        (
            "features.denseblock3.denselayer15.norm2.running_var",
            "features.denseblock4.denselayer14.norm2.running_var",
        ),
        ("features.denseblock3.denselayer16.norm2.bias", "features.denseblock4.denselayer7.norm2.bias"),
        ("features.norm5.weight", "features.norm5.running_var"),
    ],
    "alexnet": [
        ("features.8.bias", "features.10.bias"),
        ("classifier.1.bias", "classifier.4.bias"),
    ],
}
"""Tensors of the same shape, among them some whose swap changes least (benchmarks/oracles/swaps.py)."""


@pytest.mark.parametrize("name", SWAPS)
def test_two_tensors_in_each_others_place_are_noticed(name):
    weights = formula_weights(PUBLIC[name]())
    size = rows_of(name, "float32")[0]["size"]
    logits = logits_of(formula_network(name, torch.float32, weights), *size)
    for first, second in SWAPS[name]:
        assert weights[first].shape == weights[second].shape
        swapped = {**weights, first: weights[second], second: weights[first]}
        changed = logits_of(formula_network(name, torch.float32, swapped), *size)
        assert (changed - logits).abs().max() >= 0.01 * logits.abs().max(), (first, second)


def test_the_formula_is_splitmix64():
    """The first outputs for the seed 1234567, published with the algorithm's many ports."""
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert next(splitmix64(1234567, 4))[:4].tolist() == expected
    seed, count = 2**64 - 3, 40_000  # across portions, and where the state wraps around
    found = [int(each) for portion in splitmix64(seed, count) for each in portion.tolist()]
    for index in (0, 16_383, 16_384, 39_999):
        z = (seed + (index + 1) * 0x9E3779B97F4A7C15) % 2**64
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        assert found[index] == z ^ (z >> 31)
