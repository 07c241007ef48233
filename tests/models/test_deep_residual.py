"""What the skip connections are for: 100 blocks learn with them and not without."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, cross_entropy

from fieldmark.data.normalising import normalise, statistics
from fieldmark.data.sources.sample import sample
from fieldmark.models import create

STEPS = 60


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Maps of 7x7 are too small to share among threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def digits() -> tuple[Tensor, Tensor]:
    """256 digits of the packaged sample, shrunk to 14x14 and normalised."""
    rows = torch.randperm(6000, generator=torch.Generator().manual_seed(0))[:256]
    train = sample()["train"].select(rows)
    return avg_pool2d(normalise(train.images, *statistics(train.images)), 2), train.labels


def train(skips: bool, digits: tuple[Tensor, Tensor]) -> tuple[list[float], float]:
    """The loss of every step, and the norm of the first layer's gradient in the first one."""
    images, labels = digits
    torch.manual_seed(0)
    network = create("deep_residual", 10, 1, 14, blocks=100, width=8, skips=skips)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.003)
    losses, first_gradient = [], 0.0
    for step in range(STEPS):
        rows = slice(64 * step % 256, 64 * step % 256 + 64)
        loss = cross_entropy(network(images[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            first_gradient = float(network.features.stem.convolution.weight.grad.norm())
        optimizer.step()
        losses.append(loss.item())
    return losses, first_gradient


def test_a_hundred_blocks_with_skips_train(one_thread, digits):
    losses, gradient = train(True, digits)
    assert sum(losses[-8:]) / 8 < 1.5 < 2.3 < losses[0], "well below guessing, ln 10 = 2.30"
    assert 0.01 < gradient < 100, "the gradient reaches the first layer in a size that can be used"


def test_a_hundred_blocks_without_skips_do_not(one_thread, digits):
    losses, gradient = train(False, digits)
    assert sum(losses[-8:]) / 8 > 2.1, "hardly better than guessing"
    assert gradient > 1e4, "batch norm keeps it from vanishing; it explodes instead"
