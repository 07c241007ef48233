"""Which net drops what: single values, whole channels, or hidden units."""

from __future__ import annotations

import torch

from fieldmark.models import create


def zeros_per_channel(maps: torch.Tensor) -> torch.Tensor:
    """Share of zeros in every channel of every picture, (N, C)."""
    return (maps == 0).float().mean((2, 3))


def test_the_smile_net_drops_single_values():
    torch.manual_seed(0)
    model = create("smiles", 2, 3, 32).train()
    before = model.features.stage1[:3](torch.randn(4, 3, 32, 32))  # after ReLU, which makes zeros of its own
    after = model.features.stage1.dropout(before)
    dropped = (after == 0) & (before != 0)
    alive = before != 0
    assert 0.47 < dropped.sum() / alive.sum() < 0.53
    rich = alive.sum((2, 3)) > 60
    assert (dropped.sum((2, 3))[rich] < alive.sum((2, 3))[rich]).all(), "no channel is dropped whole"
    assert torch.allclose(after[after != 0], 2 * before[after != 0]), "inverted: scaled by 1 / (1 - p)"


def test_the_dropout_net_drops_whole_channels():
    torch.manual_seed(0)
    model = create("dropout", 2, 3, 32).train()
    shares = zeros_per_channel(model.features.stage1(torch.randn(64, 3, 32, 32)))
    assert set(shares.unique().tolist()) == {0.0, 1.0}
    assert 0.37 < shares.mean() < 0.43
    assert set(zeros_per_channel(model.features(torch.randn(64, 3, 32, 32))).unique().tolist()) == {0.0, 1.0}


def test_the_digit_net_drops_hidden_units():
    torch.manual_seed(0)
    model = create("digits", 10, 1, 28).train()
    vectors = model.embed(model.features(torch.randn(8, 1, 28, 28)))
    relu_alone = model.eval().embed(model.features(torch.randn(8, 1, 28, 28)))
    assert (vectors == 0).float().mean() > (relu_alone == 0).float().mean() + 0.15


def test_evaluation_drops_nothing():
    for name in ("smiles", "dropout", "digits"):
        model = create(name, 3, 3, 16).eval()
        images = torch.randn(2, 3, 16, 16)
        assert torch.equal(model(images), model(images))


def test_two_classes_share_one_unit_in_the_smile_net_only():
    images = torch.randn(2, 3, 16, 16)
    assert create("smiles", 2, 3, 16)(images).shape == (2, 1)
    assert create("smiles", 3, 3, 16)(images).shape == (2, 3)
    assert create("baseline", 2, 3, 16)(images).shape == (2, 2)
