"""VGG: the printed layers, their numbers in public files, the grid, the small stem, the start."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from fieldmark.errors import UserError
from fieldmark.models import create

# Simonyan, Zisserman, table 1, columns A, B, D, E: channels of each convolution, M a pool
COLUMNS = {
    "vgg11": "64 M 128 M 256 256 M 512 512 M 512 512 M",
    "vgg13": "64 64 M 128 128 M 256 256 M 512 512 M 512 512 M",
    "vgg16": "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M",
    "vgg19": "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M",
}


def printed(column: str, batch_norm: bool, grid: int, shrink: int, hidden: int) -> nn.ModuleDict:
    """A column as public weights have it, channels divided by `shrink`: layers numbered through."""
    layers: list[nn.Module] = []
    inputs = 3
    for word in column.split():
        if word == "M":
            layers.append(nn.MaxPool2d(2))
            continue
        outputs = int(word) // shrink
        layers += [
            nn.Conv2d(inputs, outputs, 3, padding=1),
            *[nn.BatchNorm2d(outputs)] * batch_norm,
            nn.ReLU(),
        ]
        inputs = outputs
    return nn.ModuleDict(
        {
            "features": nn.Sequential(*layers, nn.AdaptiveAvgPool2d(grid)),
            "classifier": nn.Sequential(
                nn.Linear(inputs * grid * grid, hidden),
                nn.ReLU(),
                nn.Dropout(),
                nn.Linear(hidden, hidden),
                nn.ReLU(),
                nn.Dropout(),
                nn.Linear(hidden, 5),
            ),
        }
    )


def renamed(name: str, table: tuple[tuple[str, str], ...]) -> str:
    """What the table makes of a public name: the first pattern that matches it whole."""
    return next(re.sub(pattern, ours, name) for pattern, ours in table if re.fullmatch(pattern, name))


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("batch_norm", [False, True])
def test_the_same_logits_as_the_printed_column_under_its_public_names(name, batch_norm):
    torch.manual_seed(0)
    ours = create(f"{name}_bn" if batch_norm else name, 5, 3, 96, width=4, hidden=24).double().eval()
    public = printed(COLUMNS[name], batch_norm, 3, 16, 24).double().eval()
    for layer in public.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.5, 2)
    ours.load_state_dict({renamed(k, ours.public_names): v for k, v in public.state_dict().items()})
    images = torch.randn(2, 3, 96, 96, dtype=torch.float64)
    expected = public["classifier"](public["features"](images).flatten(1))
    assert torch.allclose(ours(images), expected, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize(
    ("size", "stem", "side"),
    [(224, None, 7), (320, None, 10), (96, None, 3), (32, "published", 1), (32, None, 2), (28, None, 1)],
)
def test_the_map_that_arrives_and_the_grid_of_it(size, stem, side):
    with torch.device("meta"):
        net = create("vgg11", 10, 3, size, stem=stem).eval()
        maps = net.features(torch.empty(1, 3, size, size))
    assert maps.shape == (1, 512, side, side)
    assert net.hidden.linear1.in_features == 512 * min(side, 7) ** 2
    assert net.embed(maps).shape == (1, 4096)


def test_weights_start_as_the_docstring_says():
    torch.manual_seed(0)
    net = create("vgg11_bn", 10, 3, 32, width=32, hidden=300)
    weight = net.features.stage4.convolution1.weight  # from 128 to 256 channels
    assert weight.std().item() == pytest.approx((2 / (256 * 9)) ** 0.5, rel=0.01)  # He et al. 2015, fan-out
    assert net.hidden.linear2.weight.std().item() == pytest.approx(0.01, rel=0.02)
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            assert not layer.bias.any()


def test_dropout_follows_each_hidden_layer():
    layers = list(create("vgg11", 10, 3, 32, width=1, hidden=4, dropout=0.25).hidden._modules)
    assert layers == ["linear1", "activation1", "dropout1", "linear2", "activation2", "dropout2"]


@pytest.mark.parametrize("convolutions", [(), (1, 0), (1,) * 9, (2000,)])
def test_depths_that_make_no_network_are_refused(convolutions):
    with pytest.raises(UserError, match="1 to 8 blocks of at least 1 convolution"):
        create("vgg11", 10, 3, 32, convolutions=convolutions)


def test_units_that_are_none_are_refused():
    with pytest.raises(UserError, match="width=0 is too small"):
        create("vgg11", 10, 3, 32, width=0)
    with pytest.raises(UserError, match="hidden=-1 is too small"):
        create("vgg11", 10, 3, 32, hidden=-1)
