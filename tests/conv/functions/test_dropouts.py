"""Inverted dropout: torch's own masks, the mean kept, whole channels, and evaluation untouched."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from fieldmark.conv.functions.dropouts import dropout, dropout_channels
from fieldmark.errors import UserError

probabilities = st.floats(0, 1)
seeds = st.integers(0, 2**31)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def under_seed(seed: int, call: Callable[[], Tensor]) -> Tensor:
    """What torch makes of its global generator in this state, which is put back afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return call()


@given(seeds, probabilities, st.lists(st.integers(1, 5), min_size=0, max_size=4))
@settings(deadline=None, max_examples=60)
def test_the_same_as_torch_value_by_value_and_in_the_gradient(
    seed: int, probability: float, shape: list[int]
) -> None:
    values = torch.randn(shape, dtype=torch.float64, generator=seeded(seed))
    one, two = values.clone().requires_grad_(), values.clone().requires_grad_()
    ours = dropout(one, probability, generator=seeded(seed))
    expected = under_seed(seed, lambda: functional.dropout(two, probability, training=True))
    torch.testing.assert_close(ours, expected, rtol=1e-15, atol=0)
    torch.testing.assert_close(
        torch.autograd.grad(ours.sum(), one), torch.autograd.grad(expected.sum(), two), rtol=1e-15, atol=0
    )


@pytest.mark.parametrize(
    ("spatial", "theirs"),
    [((9,), functional.dropout1d), ((3, 4), functional.dropout2d), ((2, 3, 2), functional.dropout3d)],
)
@given(seeds, probabilities)
@settings(deadline=None, max_examples=30)
def test_whole_channels_are_torchs(
    spatial: tuple[int, ...], theirs: Callable[..., Tensor], seed: int, probability: float
) -> None:
    values = 1 + torch.rand(4, 6, *spatial, dtype=torch.float64, generator=seeded(seed))
    one, two = values.clone().requires_grad_(), values.clone().requires_grad_()
    ours = dropout_channels(one, probability, generator=seeded(seed))
    expected = under_seed(seed, lambda: theirs(two, probability, training=True))
    torch.testing.assert_close(ours, expected, rtol=1e-15, atol=0)
    torch.testing.assert_close(
        torch.autograd.grad(ours.sum(), one), torch.autograd.grad(expected.sum(), two), rtol=1e-15, atol=0
    )


@given(seeds, st.floats(0.01, 0.99))
@settings(deadline=None, max_examples=40)
def test_the_mean_is_kept(seed: int, probability: float) -> None:
    # The kept ones are binomial. Hoeffding 1963: their share is further than t from 1 - p with a chance of at
    # most 2 exp(-2 n t^2), here 1e-12.
    for shape, dropped, count in [((200, 100), dropout, 20000), ((200, 100, 2, 1), dropout_channels, 20000)]:
        t = math.sqrt(math.log(2e12) / (2 * count))
        mean = dropped(np.ones(shape), probability, generator=seeded(seed)).mean()
        assert abs(mean - 1) <= t / (1 - probability)


@given(seeds, st.floats(0.05, 0.95))
@settings(deadline=None, max_examples=40)
def test_a_channel_goes_whole_or_stays_whole_and_scaled(seed: int, probability: float) -> None:
    x = 1 + torch.rand(5, 7, 3, 2, dtype=torch.float64, generator=seeded(seed))
    dropped = dropout_channels(x, probability, generator=seeded(seed))
    gone = (dropped == 0).flatten(2)
    assert (gone.all(2) == gone.any(2)).all()
    kept = dropped != 0
    torch.testing.assert_close(dropped[kept], x[kept] / (1 - probability), rtol=1e-15, atol=0)


def test_pictures_and_channels_are_drawn_apart() -> None:
    gone = dropout_channels(np.ones((64, 64, 2)), 0.5, generator=seeded(0))[..., 0] == 0
    # All alike along an axis would have a chance of 2^-63 per row of 64.
    assert (gone.any(0) & ~gone.all(0)).all()
    assert (gone.any(1) & ~gone.all(1)).all()


@pytest.mark.parametrize("dropped", [dropout, dropout_channels])
def test_the_same_state_drops_the_same_and_goes_on(dropped: Callable[..., Any]) -> None:
    x = np.ones((4, 50, 3))
    generator = seeded(7)
    first, second = dropped(x, 0.5, generator=generator), dropped(x, 0.5, generator=generator)
    np.testing.assert_array_equal(first, dropped(x, 0.5, generator=seeded(7)))
    assert (first != second).any()
    # Whatever the dtype: the mask is drawn in one.
    for dtype in (torch.float16, torch.bfloat16, torch.float32):
        half = dropped(torch.ones(4, 50, 3, dtype=dtype), 0.5, generator=seeded(7))
        assert half.dtype == dtype
        np.testing.assert_array_equal(half.double().numpy(), first)


@pytest.mark.parametrize("dropped", [dropout, dropout_channels])
def test_the_global_generator_stays_as_it_is(dropped: Callable[..., Any]) -> None:
    before = torch.get_rng_state()
    dropped(np.ones((2, 3, 4)), 0.5, generator=seeded(0))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("dropped", [dropout, dropout_channels])
def test_evaluation_and_probability_0_change_nothing_and_draw_nothing(dropped: Callable[..., Any]) -> None:
    x = torch.randn(2, 3, 4, generator=seeded(1))
    generator = seeded(0)
    before = generator.get_state()
    assert dropped(x, 0.9, generator=generator, training=False) is x
    assert dropped(x, 0, generator=generator) is x
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize("dropped", [dropout, dropout_channels])
def test_probability_1_leaves_nothing_not_even_nan(dropped: Callable[..., Any]) -> None:
    x = torch.tensor([1.0, float("inf"), float("nan")]).reshape(1, 1, 3).requires_grad_()
    y = dropped(x, 1, generator=seeded(0))
    assert y.flatten().tolist() == [0, 0, 0]
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert gradient.flatten().tolist() == [0, 0, 0]


def test_numpy_in_numpy_out_and_the_input_is_left_alone() -> None:
    x = np.arange(1, 13, dtype=np.float32).reshape(2, 3, 2)
    before = x.copy()
    for dropped in (dropout, dropout_channels):
        result = dropped(x, 0.5, generator=seeded(3))
        assert isinstance(result, np.ndarray)
        assert result.dtype == np.float32
        assert set(result[result != 0]) <= set(2 * x.flatten())
    np.testing.assert_array_equal(x, before)
    assert dropout([1, 2, 3], 0.5, generator=seeded(0)).dtype == np.float64


@pytest.mark.parametrize("dropped", [dropout, dropout_channels])
def test_what_cannot_be_is_refused(dropped: Callable[..., Any]) -> None:
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(UserError, match=f"probability={wrong} is outside of 0 to 1"):
            dropped(np.ones((1, 2, 3)), wrong, generator=seeded(0), training=False)
    with pytest.raises(UserError, match="x 1x1x1: complex"):
        dropped([[[1j]]], 0.5, generator=seeded(0))
    with pytest.raises(UserError, match="x 1x2x3 is on meta and the generator on cpu"):
        dropped(torch.ones(1, 2, 3, device="meta"), 0.5, generator=seeded(0))


def test_channels_without_anything_spatial_are_refused() -> None:
    with pytest.raises(UserError, match=r"x 4x3 has 2 axes; \(N, C, \*spatial\) .* take dropout"):
        dropout_channels(np.ones((4, 3)), 0.5, generator=seeded(0))


def test_without_a_generator_pytorchs_own_is_drawn_from() -> None:
    x = torch.ones(4, 5, 3)
    with torch.random.fork_rng(devices=[]):
        for ours, theirs in (
            (dropout, torch.nn.functional.dropout),
            (dropout_channels, torch.nn.functional.dropout1d),
        ):
            torch.manual_seed(3)
            found = ours(x, 0.5)
            torch.manual_seed(3)
            assert torch.equal(found, theirs(x, 0.5, training=True))
