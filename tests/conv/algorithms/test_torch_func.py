"""torch.func goes through: gradients, batches of them, and what is built of both."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from fieldmark import conv

LARGE = (96, 96), (25, 25)


def energy(x: torch.Tensor, w: torch.Tensor, algorithm: str = "auto") -> torch.Tensor:
    return conv.correlate2d(x, w, padding="same", algorithm=algorithm).square().sum()


def by_torch(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    return F.conv2d(x[None, None], w[None, None], padding="same").square().sum()


def pair(x: tuple[int, ...], w: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return (
        torch.randn(x, dtype=torch.float64, generator=generator),
        torch.randn(w, dtype=torch.float64, generator=generator),
    )


def test_gradients_where_auto_takes_a_transform():
    x, w = pair(*LARGE)
    assert conv.choose(x, w, padding="same", gradient=True).algorithm in ("fft", "overlap_save")
    found = torch.func.grad(energy, argnums=(0, 1))(x, w)
    torch.testing.assert_close(found, torch.func.grad(by_torch, argnums=(0, 1))(x, w))


@pytest.mark.parametrize(
    "algorithm", ["im2col", "shifted", "fft", "overlap_add", "overlap_save", "winograd", "winograd4", "torch"]
)
def test_gradients_of_every_algorithm(algorithm):
    x, w = pair((9, 8), (3, 3))
    found = torch.func.grad(energy, argnums=(0, 1))(x, w, algorithm)
    torch.testing.assert_close(found, torch.func.grad(by_torch, argnums=(0, 1))(x, w))


@pytest.mark.filterwarnings("ignore:.*jit.script.* is deprecated")  # of PyTorch itself, in jvp
def test_a_batch_of_gradients_and_forward_derivatives():
    x, w = pair((3, *LARGE[0]), LARGE[1])
    each = torch.func.vmap(torch.func.grad(energy), in_dims=(0, None))(x, w)
    torch.testing.assert_close(each[1], torch.func.grad(by_torch)(x[1], w))
    _, slope = torch.func.jvp(lambda x: energy(x, w), (x[0],), (x[1],))
    _, true = torch.func.jvp(lambda x: by_torch(x, w), (x[0],), (x[1],))
    torch.testing.assert_close(slope, true)
