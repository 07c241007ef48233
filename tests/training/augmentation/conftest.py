"""Random pictures as the data sets store them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor


def draw_pictures(count: int, channels: int = 3, height: int = 9, width: int = 12, seed: int = 0) -> Tensor:
    """uint8 (N, C, H, W) in channels_last memory."""
    generator = torch.Generator().manual_seed(seed)
    shape = (count, height, width, channels)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator).permute(0, 3, 1, 2)


@pytest.fixture
def pictures() -> Callable[..., Tensor]:
    return draw_pictures
