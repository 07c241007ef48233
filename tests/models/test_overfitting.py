"""A network that cannot learn 32 pictures by heart cannot learn: one of each family, at reduced width."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from fieldmark.data.normalising import normalise, statistics
from fieldmark.data.sources.sample import sample
from fieldmark.models import MODELS, create

STEPS = 300
EVERY = 20

# the smallest member of each file in models/, options that make it quick, AdamW's rate
CASES = {
    "alexnet": ({"width": 8, "hidden": 64, "dropout": 0.0}, 0.002),
    "all_conv": ({}, 0.01),
    "baseline": ({}, 0.01),
    "batch_norm": ({}, 0.01),
    "deep": ({}, 0.01),
    "deep_residual": ({"blocks": 3, "width": 16}, 0.005),
    "densenet121": ({"width": 8, "growth": 4}, 0.005),
    "digits": ({"dropout": 0.0}, 0.001),
    "dropout": ({"rate": 0.1}, 0.01),
    "googlenet": ({"width": 8, "dropout": 0.0}, 0.003),
    "lenet": ({}, 0.01),
    "mlp": ({"hidden": 32}, 0.005),
    "nin": ({"width": 12, "dropout": 0.0}, 0.005),
    "residual": ({}, 0.01),
    "resnet18": ({"width": 8}, 0.005),
    "smiles": ({"dropout": 0.0}, 0.003),
    "vgg11": ({"width": 8, "hidden": 64, "dropout": 0.0}, 0.001),
    "wide": ({}, 0.01),
}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Maps of a few channels are too small to share among threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def digits() -> tuple[Tensor, Tensor]:
    """32 pictures of the packaged sample, normalised."""
    rows = torch.randperm(6000, generator=torch.Generator().manual_seed(0))[:32]
    train = sample()["train"].select(rows)
    return normalise(train.images, *statistics(train.images)), train.labels


def test_every_file_of_architectures_has_a_member_here():
    assert {MODELS[name].partition(":")[0] for name in CASES} == {
        reference.partition(":")[0] for reference in MODELS.values()
    }


@pytest.mark.parametrize("name", CASES)
def test_32_pictures_are_learned_by_heart(name, digits):
    (images, labels), (options, rate) = digits, CASES[name]
    torch.manual_seed(0)
    network = create(name, 10, 1, 28, **options)
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate)
    for step in range(STEPS):
        loss = cross_entropy(network.train()(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % EVERY == EVERY - 1:  # judged as it would predict: batch norm by what it saw so far
            with torch.no_grad():
                logits = network.eval()(images)
            if cross_entropy(logits, labels) < 0.1 and torch.equal(logits.argmax(1), labels):
                return
    pytest.fail(f"after {STEPS} steps the loss is {loss:.3f}")
