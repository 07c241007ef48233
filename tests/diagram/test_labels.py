"""Kernels are not in an inspection; they are found again from receptive fields and weights."""

from __future__ import annotations

import pytest
from torch import nn

from fieldmark.diagram.graph import nodes_of
from fieldmark.diagram.labels import TIMES, kernel_text
from fieldmark.inspection.inspector import inspect


def kernels(*layers: nn.Module, side: int = 64) -> list[str]:
    found = inspect(nn.Sequential(*layers), side)
    return [kernel_text(node, found).replace(TIMES, "x") for node in nodes_of(found)[1:]]


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (nn.Conv2d(3, 6, 3), "3x3"),
        (nn.Conv2d(3, 6, 1, bias=False), "1x1"),
        (nn.Conv2d(3, 6, 7, stride=2, padding=3), "7x7 /2"),
        (nn.Conv2d(3, 6, (1, 7), padding=(0, 3)), "1x7"),
        (nn.Conv2d(3, 6, 3, dilation=2), "3x3"),
        (nn.Conv2d(3, 6, 3, dilation=2, bias=False), "3x3"),
        (nn.Conv2d(3, 6, 3, groups=3), "3x3"),
        (nn.Conv2d(3, 3, 5, groups=3, bias=False), "5x5"),
        (nn.Conv2d(3, 6, 11, stride=4), "11x11 /4"),
        (nn.MaxPool2d(2), "2x2 /2"),
        (nn.MaxPool2d(3, 2), "3x3 /2"),
        (nn.AvgPool2d(2), "2x2 /2"),
        (nn.Conv2d(3, 6, 3, stride=(1, 2)), "3x3"),
    ],
)
def test_kernel_and_stride(layer: nn.Module, text: str) -> None:
    assert kernels(layer) == [text]


def test_in_the_middle_of_a_network() -> None:
    stack = (
        nn.Conv2d(3, 8, 3, stride=2, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
        nn.Conv2d(8, 8, 5, padding=2),
        nn.Conv2d(8, 8, 3, padding=2, dilation=2),
    )
    assert kernels(*stack) == ["3x3 /2", "3x3 /2", "5x5", "3x3"]


def test_after_a_global_mean_the_weights_tell() -> None:
    assert kernels(nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 8, 1), nn.Conv2d(8, 3, 1)) == ["", "1x1", "1x1"]
