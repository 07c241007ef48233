"""NiN in Dive into Deep Learning's form, and the head that stands behind the mean instead of before it."""

from __future__ import annotations

import torch
from torch import nn

from fieldmark.models import create


def block(inputs: int, outputs: int, *first: int) -> list[nn.Module]:
    """D2L, section 8.3.1: a convolution and two 1x1 ones, a ReLU after each."""
    layers: list[nn.Module] = []
    for convolution in (nn.Conv2d(inputs, outputs, *first), *(nn.Conv2d(outputs, outputs, 1) for _ in "ab")):
        layers += [convolution, nn.ReLU()]
    return layers


def test_it_is_the_network_that_the_book_prints_but_for_the_last_relu():
    torch.manual_seed(0)
    net = create("nin", 5, 1, 150, stem="published", width=12).double().eval()
    book = nn.Sequential(
        *block(1, 12, 11, 4),
        nn.MaxPool2d(3, 2),
        *block(12, 32, 5, 1, 2),
        nn.MaxPool2d(3, 2),
        *block(32, 48, 3, 1, 1),
        nn.MaxPool2d(3, 2),
        nn.Dropout(0.5),
        *block(48, 5, 3, 1, 1)[:-1],  # without the last ReLU
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    ).double()
    book.eval()
    tensors = [
        v.reshape(own.shape)
        for own, v in zip(net.state_dict().values(), book.state_dict().values(), strict=True)
    ]
    net.load_state_dict(dict(zip(net.state_dict(), tensors, strict=True)))
    images = torch.randn(2, 1, 150, 150, dtype=torch.float64)
    assert torch.allclose(net(images), book(images), rtol=1e-10, atol=1e-14)
    assert (net(images) < 0).any(), "logits of both signs"


def test_the_widths_are_the_published_ones():
    with torch.device("meta"):
        net = create("nin", 10, 1, 224)
    stages = [net.features.get_submodule(f"stage{i}").convolution for i in (1, 2, 3, 4)]
    assert [layer.out_channels for layer in stages] == [96, 256, 384, 10]
    assert [layer.kernel_size[0] for layer in stages] == [11, 5, 3, 3]


def test_the_small_stem_keeps_the_size_and_the_published_one_takes_an_eighth():
    with torch.device("meta"):
        small, published = create("nin", 10, 3, 32), create("nin", 10, 3, 224)
        assert small.features.stage1(torch.empty(1, 3, 32, 32)).shape == (1, 96, 32, 32)
        assert published.features.stage1(torch.empty(1, 3, 224, 224)).shape == (1, 96, 26, 26)


def test_dropout_stands_before_the_last_block():
    net = create("nin", 10, 3, 32, width=3, dropout=0.25)
    assert list(net.features._modules) == ["stage1", "stage2", "stage3", "dropout", "stage4"]
    assert net.features.dropout.rate == 0.25
