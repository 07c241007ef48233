"""LeNet-5 in Dive into Deep Learning's form: shapes, order, start, and that it gets away from guessing."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import avg_pool2d, conv2d, linear

from fieldmark.models import create, settled


def test_it_is_the_network_that_the_book_prints():
    """D2L, section 7.6: conv5 pad 2, sigmoid, mean2; conv5, sigmoid, mean2; 120, sigmoid, 84, sigmoid, 10."""
    torch.manual_seed(0)
    net = create("lenet", 10, 1, 28).double()
    weights, x = list(net.parameters()), torch.randn(3, 1, 28, 28, dtype=torch.float64)
    shapes = [(6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,), (120, 400), (120,), (84, 120), (84,), (10, 84), (10,)]
    assert [tuple(weight.shape) for weight in weights] == shapes
    expected = avg_pool2d(torch.sigmoid(conv2d(x, weights[0], weights[1], padding=2)), 2)
    expected = avg_pool2d(torch.sigmoid(conv2d(expected, weights[2], weights[3])), 2).flatten(1)
    expected = torch.sigmoid(linear(expected, weights[4], weights[5]))
    expected = linear(torch.sigmoid(linear(expected, weights[6], weights[7])), weights[8], weights[9])
    assert torch.allclose(net(x), expected, rtol=1e-12)


def test_weights_start_xavier_uniform():
    torch.manual_seed(0)
    net = create("lenet", 10, 1, 28)
    for weight in (net.features.stage2.convolution.weight, net.hidden.linear1.weight, net.head.weight):
        inside = weight[0, 0].numel() if weight.dim() == 4 else 1
        bound = (6 / (inside * sum(weight.shape[:2]))) ** 0.5  # Glorot, Bengio 2010, equation 16
        assert 0.97 * bound < weight.abs().max() <= bound


def test_both_stems_are_one_network_and_it_is_the_published_one():
    torch.manual_seed(0)
    small = create("lenet", 3, 1, 28, stem="small")
    torch.manual_seed(0)
    published = create("lenet", 3, 1, 28, stem="published")
    assert str(small) == str(published)
    assert settled("lenet", 28, {}) == {"stem": "published"}


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_sigmoids_train(optimiser):
    """A plain task, bright above against bright below, at the rates of a sensible recipe."""
    torch.manual_seed(0)
    net = create("lenet", 2, 1, 12)
    images = torch.randn(64, 1, 12, 12)
    labels = torch.arange(64) % 2
    images[labels == 0, :, :6] += 2
    images[labels == 1, :, 6:] += 2
    optimizer = (
        torch.optim.SGD(net.parameters(), lr=0.3, momentum=0.9)
        if optimiser == "sgd"
        else torch.optim.AdamW(net.parameters(), lr=0.01)
    )
    for _ in range(100):
        loss = torch.nn.functional.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.1, "guessing would be ln 2 = 0.69"
