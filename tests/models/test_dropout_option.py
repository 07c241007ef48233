"""The rate that is asked for is at work in every place where the paper or the book has dropout."""

from __future__ import annotations

import inspect

import pytest
import torch

from fieldmark.families import resolve
from fieldmark.models import MODELS, about, create
from fieldmark.models.dropping import Dropout

PLACES = {
    "alexnet": 2,  # "in the first two fully-connected layers" (section 4.2)
    "digits": 1,
    "googlenet": 1,  # before the linear layer (table 1)
    "nin": 1,  # before the last block, as D2L has it
    "smiles": 2,  # after the first two pools, as the book has it
}
PLACES |= {name: 2 for name in MODELS if name.startswith("vgg")}  # section 3.1: as AlexNet
PLACES |= {
    # one in each layer of the dense blocks (section 3): (depth - 5) / 2 of them
    name: (int(name.removeprefix("densenet")) - 5) // 2
    for name in MODELS
    if name.startswith("densenet")
}


def takes_dropout(name: str) -> bool:
    return "dropout" in inspect.signature(resolve(MODELS, name, "model")).parameters


def test_every_network_with_the_option_is_counted_here() -> None:
    assert {name for name in MODELS if takes_dropout(name)} == set(PLACES)


@pytest.mark.parametrize("name", PLACES)
def test_the_rate_reaches_every_place(name: str) -> None:
    with torch.device("meta"):
        network = create(name, 3, 3, about(name).published_size, dropout=0.25)
    assert [part.rate for part in network.modules() if isinstance(part, Dropout)] == [0.25] * PLACES[name]
