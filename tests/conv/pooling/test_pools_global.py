"""Global pooling: windowed pooling with one window, against the reductions of torch and numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from fieldmark.conv.pooling import pools
from fieldmark.conv.pooling.pools import (
    GLOBAL_MAX_ALGORITHMS,
    GLOBAL_MEAN_ALGORITHMS,
    global_max_pool1d,
    global_max_pool2d,
    global_mean_pool1d,
    global_mean_pool2d,
)
from fieldmark.errors import UserError

every_algorithm = pytest.mark.parametrize("algorithm", GLOBAL_MAX_ALGORITHMS)
every_form = pytest.mark.parametrize(
    ("axes", "leading"), [(1, ()), (1, (2, 3)), (2, (4,)), (2, (0,)), (3, (2, 1)), (3, ())]
)


def some(shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def pool(name: str, axes: int, images: Any, algorithm: str) -> Any:
    return getattr(pools, f"global_{name}_pool{axes}d")(images, algorithm=algorithm)


def test_both_families_have_the_same_algorithms() -> None:
    assert list(GLOBAL_MAX_ALGORITHMS) == list(GLOBAL_MEAN_ALGORITHMS)


@every_algorithm
@every_form
def test_one_number_for_each(algorithm: str, axes: int, leading: tuple[int, ...]) -> None:
    """As numpy has it, and as windowed pooling with a kernel as large as the input."""
    images = some((*leading, *[4, 3, 5][:axes]))
    spatial = tuple(range(-axes, 0))
    largest, mean = pool("max", axes, images, algorithm), pool("mean", axes, images.numpy(), algorithm)
    assert largest.shape == mean.shape == (*leading, *[1] * axes)
    assert torch.equal(largest, images.amax(spatial, keepdim=True))
    np.testing.assert_allclose(mean, images.numpy().mean(spatial, keepdims=True), rtol=0, atol=1e-15)
    windowed = getattr(pools, f"max_pool{axes}d")(images, images.shape[-axes:], algorithm=algorithm)
    assert torch.equal(largest, windowed)


@every_algorithm
def test_gradients(algorithm: str) -> None:
    images = some((2, 3, 4)).requires_grad_()
    for name in ("max", "mean"):
        assert torch.autograd.gradcheck(lambda x, name=name: pool(name, 2, x, algorithm), images)
    several = torch.tensor([[1.0, 2.0], [2.0, 2.0]], requires_grad=True)
    [first] = torch.autograd.grad(global_max_pool2d(several, algorithm=algorithm).sum(), several)
    assert first.tolist() == [[0, 1], [0, 0]]
    [shared] = torch.autograd.grad(global_mean_pool2d(several, algorithm=algorithm).sum(), several)
    assert (shared == 0.25).all()


@every_algorithm
def test_types_and_views(algorithm: str) -> None:
    whole = some((3, 6, 5)).numpy()
    for view in (whole[:, ::-1, ::-2], whole.transpose(1, 2, 0)):
        assert np.array_equal(global_max_pool2d(view, algorithm=algorithm), view.max((1, 2), keepdims=True))
    assert global_mean_pool1d(np.array([255, 255], np.uint8), algorithm=algorithm).tolist() == [255]
    assert global_mean_pool2d(np.ones((2, 2), np.float32), algorithm=algorithm).dtype == np.float32
    assert np.isnan(global_max_pool1d([1.0, np.nan, 3.0], algorithm=algorithm)).all()
    assert global_mean_pool1d([1j, 3], algorithm=algorithm).tolist() == [1.5 + 0.5j]


@every_algorithm
def test_errors(algorithm: str) -> None:
    with pytest.raises(UserError, match="shape 2x0x3 has nothing to pool: its last 2 axes"):
        global_max_pool2d(np.ones((2, 0, 3)), algorithm=algorithm)
    with pytest.raises(UserError, match="shape 3 cannot be pooled in 2 dimensions"):
        global_mean_pool2d([1, 2, 3], algorithm=algorithm)
    with pytest.raises(UserError, match="no order"):
        global_max_pool1d([1j], algorithm=algorithm)
    with pytest.raises(UserError, match="not a pooling algorithm"):
        global_mean_pool1d([1], algorithm="fft")


def test_a_long_mean_stays_exact() -> None:
    """A million float32 numbers summed one after the other would be off in the fourth digit."""
    signal = np.full(1_000_000, 0.1, np.float32)
    assert abs(global_mean_pool1d(signal)[0] - np.float32(0.1)) <= 2 * np.spacing(np.float32(0.1))
