"""Poolings drawn at random, and what the tests of pooling share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor

from fieldmark.conv.pooling import pools
from fieldmark.conv.pooling.pools import MAX_ALGORITHMS

every_algorithm = pytest.mark.parametrize("algorithm", MAX_ALGORITHMS)
quick = settings(deadline=None, max_examples=60)


@dataclass(frozen=True)
class Setting:
    """A pooling that torch.nn.functional has too: equal padding, at most half of the kernel."""

    shape: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    ceil_mode: bool

    @property
    def axes(self) -> int:
        return len(self.kernel)

    def batch(self, images: Tensor) -> Tensor:
        return images.reshape(math.prod(images.shape[: -self.axes]), 1, *images.shape[-self.axes :])


def per_axis(axes: int, least: int, most: int) -> st.SearchStrategy[tuple[int, ...]]:
    return st.tuples(*[st.integers(least, most)] * axes)


@st.composite
def poolings(draw: st.DrawFn) -> Setting:
    axes = draw(st.integers(1, 3))
    leading = draw(st.lists(st.integers(0, 2), max_size=3))
    kernel = draw(per_axis(axes, 1, 4))
    return Setting(
        shape=(*leading, *draw(per_axis(axes, 1, 12 // axes))),
        kernel=kernel,
        stride=draw(per_axis(axes, 1, 4)),
        padding=tuple(draw(st.integers(0, m // 2)) for m in kernel),
        dilation=draw(per_axis(axes, 1, 2)),
        ceil_mode=draw(st.booleans()),
    )


def some(shape: tuple[int, ...], dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def pool(name: str, images: Any, *arguments: Any, axes: int = 2, **settings: Any) -> Any:
    return getattr(pools, f"{name}_pool{axes}d")(images, *arguments, **settings)


def rounding(terms: int, dtype: torch.dtype) -> float:
    """gamma_n of a sum of n numbers."""
    eps = torch.finfo(dtype).eps
    return terms * eps / (1 - terms * eps)


@st.composite
def wide_poolings(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], list[Any]]:
    """(shape, kernel, stride, pairs of padding), the padding unequal and up to one less than the kernel."""
    axes = draw(st.integers(1, 3))
    kernel = draw(per_axis(axes, 1, 4))
    around = [(draw(st.integers(0, m - 1)), draw(st.integers(0, m - 1))) for m in kernel]
    least = [max(1, m - sum(pair)) for m, pair in zip(kernel, around, strict=True)]
    size = tuple(draw(st.integers(n, n + 12 // axes)) for n in least)
    return (2, *size), kernel, draw(per_axis(axes, 1, 3)), around
