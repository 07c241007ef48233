"""What a network would take for a picture, known before anything is computed."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fieldmark.errors import UserError
from fieldmark.inspection.footprint import AT_ONCE, MOST, largest_map, refuse_vast, rows_that_fit
from fieldmark.models import create


def on_shapes(name: str, side: int) -> nn.Module:
    with torch.device("meta"):
        return create(name, 10, 3, side)


@pytest.mark.parametrize(
    ("name", "side", "largest"),
    [
        ("vgg16", 224, 64 * 224 * 224 * 4),  # its first convolutions keep the picture's size
        ("resnet18", 224, 64 * 112 * 112 * 4),
        ("resnet50", 224, 256 * 56 * 56 * 4),
        ("smiles", 10_000, 32 * 10_000 * 10_000 * 4),
    ],
)
def test_the_largest_map_is_that_of_the_paper(name: str, side: int, largest: int) -> None:
    assert largest_map(on_shapes(name, side), 3, (side, side), enough=0) == largest


def test_where_nothing_can_be_too_large_nothing_is_tried() -> None:
    class Untried(nn.Conv2d):
        def forward(self, input: torch.Tensor) -> torch.Tensor:
            pytest.fail("tried")

    assert largest_map(Untried(3, 8, 3), 3, (10, 10), enough=3200) == 3200
    assert rows_that_fit(Untried(3, 8, 3), 3, (10, 10), 512) == 512


def test_a_batch_is_as_large_as_its_largest_map_allows() -> None:
    network = on_shapes("resnet18", 224)
    assert rows_that_fit(network, 3, (224, 224), 64) == 64
    assert rows_that_fit(network, 3, (224, 224), 512) == AT_ONCE // (64 * 112 * 112 * 4)
    assert rows_that_fit(network, 3, (8000, 8000), 64) == 1


def test_the_network_is_as_it_was_and_may_refuse_shapes() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 8, 3)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            raise KeyError(float(images.sum()))

    network = Odd().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert largest_map(network, 3, (10, 10), enough=0) == 8 * 10 * 10 * 4
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_network_beyond_the_bound_is_refused_with_the_figure() -> None:
    with pytest.raises(UserError, match=r"smiles on 10000x10000 pictures takes 12\.8 GB in one layer"):
        refuse_vast(on_shapes("smiles", 10_000), "smiles", 3, (10_000, 10_000))
    side = int((MOST / 4 / 64) ** 0.5)
    refuse_vast(on_shapes("vgg16", side), "vgg16", 3, (side, side))
