"""AlexNet: the one-column form layer by layer, its names in public files, its grid below 224 pixels."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from fieldmark.models import create


def printed(width: int, grid: int, hidden: int) -> nn.ModuleDict:
    """Krizhevsky 2014 as public weights have it: ReLU before the pools, layers numbered through."""
    return nn.ModuleDict(
        {
            "features": nn.Sequential(
                nn.Conv2d(3, width, 11, stride=4, padding=2),
                nn.ReLU(),
                nn.MaxPool2d(3, 2),
                nn.Conv2d(width, 3 * width, 5, padding=2),
                nn.ReLU(),
                nn.MaxPool2d(3, 2),
                nn.Conv2d(3 * width, 6 * width, 3, padding=1),
                nn.ReLU(),
                nn.Conv2d(6 * width, 4 * width, 3, padding=1),
                nn.ReLU(),
                nn.Conv2d(4 * width, 4 * width, 3, padding=1),
                nn.ReLU(),
                nn.MaxPool2d(3, 2),
                nn.AdaptiveAvgPool2d(grid),
            ),
            "classifier": nn.Sequential(
                nn.Dropout(),
                nn.Linear(4 * width * grid * grid, hidden),
                nn.ReLU(),
                nn.Dropout(),
                nn.Linear(hidden, hidden),
                nn.ReLU(),
                nn.Linear(hidden, 5),
            ),
        }
    )


def renamed(name: str, table: tuple[tuple[str, str], ...]) -> str:
    """What the table makes of a public name: the first pattern that matches it whole."""
    return next(re.sub(pattern, ours, name) for pattern, ours in table if re.fullmatch(pattern, name))


@pytest.mark.parametrize(("size", "grid"), [(224, 6), (270, 6), (127, 3), (63, 1)])
def test_the_same_logits_as_the_printed_network_under_its_public_names(size, grid):
    torch.manual_seed(0)
    ours = create("alexnet", 5, 3, size, stem="published", width=4, hidden=24).double().eval()
    public = printed(4, grid, 24).double().eval()
    ours.load_state_dict({renamed(k, ours.public_names): v for k, v in public.state_dict().items()})
    images = torch.randn(2, 3, size, size, dtype=torch.float64)
    expected = public["classifier"](public["features"](images).flatten(1))
    assert torch.allclose(ours(images), expected, rtol=1e-10, atol=0)


@pytest.mark.parametrize(
    ("size", "stem", "shape"),
    [
        (224, "published", (256, 6, 6)),
        (96, None, (256, 2, 2)),
        (32, None, (256, 7, 7)),
        (28, None, (256, 6, 6)),
        (32, "small", (256, 7, 7)),
    ],
)
def test_the_map_that_arrives_and_the_grid_of_it(size, stem, shape):
    with torch.device("meta"):
        net = create("alexnet", 10, 3, size, stem=stem).eval()
        maps = net.features(torch.empty(1, 3, size, size))
    assert maps.shape[1:] == shape
    assert net.hidden.linear1.in_features == 256 * min(shape[1], 6) ** 2
    assert net.embed(maps).shape == (1, 4096)


def test_the_small_stem_is_one_small_convolution():
    with torch.device("meta"):
        first = create("alexnet", 10, 3, 32).features.stage1
    assert (first.convolution.kernel_size, first.convolution.stride) == ((3, 3), (1, 1))
    assert not any(isinstance(layer, nn.MaxPool2d) for layer in first)


def test_dropout_is_at_work_before_each_hidden_layer_in_training_only():
    torch.manual_seed(0)
    net = create("alexnet", 10, 3, 32, width=4, hidden=16, dropout=0.9).train()
    vectors = torch.ones(50, 4 * 4 * 36)
    assert 0.85 < (net.hidden.dropout1(vectors) == 0).float().mean() < 0.95
    assert 0.8 < (net.hidden.dropout2(vectors[:, :16]) == 0).float().mean() < 0.99
    assert torch.equal(net.eval().hidden.dropout1(vectors), vectors)
