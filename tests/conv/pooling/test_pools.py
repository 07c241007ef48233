"""Pooling: every algorithm against torch.nn.functional, on random shapes, with gradients."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from conv.poolings import Setting, every_algorithm, pool, poolings, quick, rounding, some, wide_poolings
from hypothesis import assume, example, given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from fieldmark.conv.pooling.pools import (
    MAX_ALGORITHMS,
    MEAN_ALGORITHMS,
    max_pool1d,
    max_pool2d,
    mean_pool1d,
    mean_pool2d,
)
from fieldmark.errors import UserError

X1 = [
    [10, 255, 125, 0, 170, 100],
    [70, 255, 105, 25, 25, 70],
    [255, 0, 150, 0, 10, 10],
    [0, 255, 10, 10, 150, 20],
    [70, 15, 200, 100, 95, 0],
    [35, 25, 100, 20, 0, 60],
]
X2 = [
    [100, 100, 100, 50, 100, 50],
    [95, 255, 100, 125, 125, 170],
    [80, 40, 10, 10, 125, 150],
    [255, 30, 150, 20, 120, 125],
    [30, 30, 150, 100, 70, 70],
    [70, 30, 100, 200, 70, 95],
]
NINE = [[0, 1, 2], [3, 4, 5], [6, 7, 8]]


def test_both_families_have_the_same_algorithms() -> None:
    assert list(MAX_ALGORITHMS) == list(MEAN_ALGORITHMS)


@every_algorithm
def test_the_worked_examples(algorithm: str) -> None:
    for picture in (X1, X2):
        pooled = max_pool2d(picture, 2, algorithm=algorithm)
        assert pooled.tolist() == [[255, 125, 170], [255, 150, 150], [70, 200, 95]]
    assert max_pool2d(NINE, 2, stride=1, algorithm=algorithm).tolist() == [[4, 5], [7, 8]]
    assert mean_pool2d(NINE, 2, stride=1, algorithm=algorithm).tolist() == [[2, 3], [5, 6]]
    assert mean_pool2d(X1, 2, algorithm=algorithm).tolist() == [
        [147.5, 63.75, 91.25],
        [127.5, 42.5, 47.5],
        [36.25, 105, 38.75],
    ]


@every_algorithm
@quick
@given(
    setting=poolings(), dtype=st.sampled_from([torch.float32, torch.float64]), levels=st.sampled_from([2, 99])
)
def test_max_pooling_is_that_of_torch(
    algorithm: str, setting: Setting, dtype: torch.dtype, levels: int
) -> None:
    """Values and gradients, bit by bit, few levels giving many ties; refused is what torch refuses, too."""
    images = (some(setting.shape, dtype) * levels).round().requires_grad_()
    choices = {"stride": setting.stride, "dilation": setting.dilation, "ceil_mode": setting.ceil_mode}

    def oracle(x: Tensor) -> Tensor:
        function = getattr(functional, f"max_pool{setting.axes}d")
        return function(setting.batch(x), setting.kernel, padding=setting.padding, **choices)

    arguments = {"axes": setting.axes, "padding": setting.padding, "algorithm": algorithm, **choices}
    try:
        refused = oracle(torch.ones(setting.shape[-setting.axes :])).isinf().any()  # nothing but padding
    except RuntimeError:
        refused = True
    if refused:
        with pytest.raises(UserError):
            pool("max", images, setting.kernel, **arguments)
        return
    expected = oracle(images)
    pooled = pool("max", images, setting.kernel, **arguments)
    assert pooled.dtype == dtype
    assert pooled.shape[: -setting.axes] == setting.shape[: -setting.axes]
    assert torch.equal(setting.batch(pooled), expected)
    weights = some(pooled.shape, dtype, seed=1)
    [gradient] = torch.autograd.grad(pooled, images, weights)
    [wanted] = torch.autograd.grad(expected, images, weights.reshape(expected.shape))
    torch.testing.assert_close(gradient, wanted)


@every_algorithm
@quick
@given(setting=poolings(), dtype=st.sampled_from([torch.float32, torch.float64]), count=st.booleans())
def test_mean_pooling_is_that_of_torch(
    algorithm: str, setting: Setting, dtype: torch.dtype, count: bool
) -> None:
    # avg_pool3d refuses an input smaller than the kernel, padded or not; the test of wide padding has these.
    assume(setting.axes < 3 or all(np.array(setting.kernel) <= setting.shape[-3:]))
    images = some(setting.shape, dtype).requires_grad_()

    def oracle(x: Tensor) -> Tensor:
        function = getattr(functional, f"avg_pool{setting.axes}d")
        arguments = (setting.kernel, setting.stride, setting.padding, setting.ceil_mode, count)
        return function(setting.batch(x), *arguments)

    arguments = {
        "axes": setting.axes,
        "stride": setting.stride,
        "padding": setting.padding,
        "ceil_mode": setting.ceil_mode,
        "count_padding": count,
        "algorithm": algorithm,
    }
    try:
        expected, mean_size = oracle(images), oracle(images.detach().abs())
    except RuntimeError:
        with pytest.raises(UserError):
            pool("mean", images, setting.kernel, **arguments)
        return
    pooled = pool("mean", images, setting.kernel, **arguments)
    # Both sides are rounded: n - 1 additions and a division each.
    bound = 2 * rounding(math.prod(setting.kernel) + 1, dtype) * mean_size
    assert pooled.dtype == dtype
    assert ((setting.batch(pooled) - expected).abs() <= bound).all()
    weights = some(pooled.shape, dtype, seed=1)
    [gradient] = torch.autograd.grad(pooled, images, weights)
    [wanted] = torch.autograd.grad(expected, images, weights.reshape(expected.shape))
    torch.testing.assert_close(gradient, wanted)


@every_algorithm
@quick
@given(wide_poolings())
@example(((2, 6, 5), (3, 3), (1, 2), [(2, 2), (2, 2)]))  # equal, and too wide for torch.nn.functional
def test_unequal_and_wide_padding(algorithm: str, wide: Any) -> None:
    """Padding that torch.nn.functional refuses: laid around by hand, then pooled without any."""
    shape, kernel, stride, around = wide
    axes, flat = len(kernel), [side for pair in reversed(around) for side in pair]
    images = some(shape).round().requires_grad_()
    given_ = {"axes": axes, "stride": stride, "padding": around, "algorithm": algorithm}

    def padded(x: Tensor, value: float) -> Tensor:
        return functional.pad(x, flat, value=value).unsqueeze(1)

    def torch_mean(x: Tensor) -> Tensor:
        return getattr(functional, f"avg_pool{axes}d")(padded(x, 0.0), kernel, stride).squeeze(1)

    largest = getattr(functional, f"max_pool{axes}d")(padded(images, -math.inf), kernel, stride).squeeze(1)
    pairs = [
        (pool("max", images, kernel, **given_), largest),
        (pool("mean", images, kernel, count_padding=True, **given_), torch_mean(images)),
        # The real elements' share of each window, by pooling ones.
        (pool("mean", images, kernel, **given_), torch_mean(images) / torch_mean(torch.ones_like(images))),
    ]
    for pooled, expected in pairs:
        torch.testing.assert_close(pooled, expected, rtol=1e-12, atol=1e-12)
        weights = some(pooled.shape, seed=1)
        [gradient] = torch.autograd.grad(pooled, images, weights)
        [wanted] = torch.autograd.grad(expected, images, weights)
        torch.testing.assert_close(gradient, wanted, rtol=1e-12, atol=1e-12)


@every_algorithm
@pytest.mark.parametrize("name", ["max", "mean"])
@pytest.mark.parametrize(("kernel", "dilation"), [(2, 1), (3, 1), (4, 1), ((2, 3), (3, 1))])
def test_same_keeps_the_size_and_a_stride_samples_it(
    algorithm: str, name: str, kernel: Any, dilation: Any
) -> None:
    images = some((2, 9, 8))
    choices = {"padding": "same", "dilation": dilation, "algorithm": algorithm}
    whole = pool(name, images, kernel, stride=1, **choices)
    assert whole.shape == images.shape
    for stride in (2, 3):
        sampled = pool(name, images, kernel, stride=stride, **choices)
        assert torch.equal(sampled, whole[:, ::stride, ::stride])
    reach = np.ones(2, int) * dilation * (np.array(kernel) - 1)
    pairs = [(int(r) // 2, int(r) - int(r) // 2) for r in reach]
    assert torch.equal(whole, pool(name, images, kernel, stride=1, **{**choices, "padding": pairs}))


@every_algorithm
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_mean_is_a_convolution_with_a_constant_kernel(algorithm: str, axes: int) -> None:
    """With zeros in the padding that count, with any stride and dilation."""
    images, kernel = some((2, *[9, 8, 7][:axes])), [3, 2, 4][:axes]
    constant = torch.full((1, 1, *kernel), 1 / math.prod(kernel), dtype=torch.float64)
    for stride, padding, dilation in [(1, 0, 1), (2, 1, 1), (1, 1, 2), (2, 0, 2)]:
        expected = getattr(functional, f"conv{axes}d")(
            images.unsqueeze(1), constant, stride=stride, padding=padding, dilation=dilation
        )
        pooled = pool(
            "mean",
            images,
            kernel,
            axes=axes,
            stride=stride,
            padding=padding,
            dilation=dilation,
            count_padding=True,
            algorithm=algorithm,
        )
        torch.testing.assert_close(pooled, expected.squeeze(1), rtol=1e-13, atol=1e-14)


@every_algorithm
def test_ceil_mode_adds_a_window_that_starts_inside(algorithm: str) -> None:
    signal = [1, 3, 2, 4, 6]
    assert max_pool1d(signal, 2, algorithm=algorithm).tolist() == [3, 4]
    assert max_pool1d(signal, 2, ceil_mode=True, algorithm=algorithm).tolist() == [3, 4, 6]
    # A second window would start behind the input, in its padding.
    behind = max_pool1d([1, 3, 2, 4], 3, stride=5, padding=1, ceil_mode=True, algorithm=algorithm)
    assert behind.tolist() == [3]
    # The padding counts, what stands out of it does not: (3 + 0) / 2.
    pooled = mean_pool1d([2, 2, 3], 3, padding=1, ceil_mode=True, count_padding=True, algorithm=algorithm)
    assert pooled.tolist() == [4 / 3, 1.5]
    # A kernel larger than the input: one window, with what there is.
    assert max_pool1d([5, 7], 3, stride=2, ceil_mode=True, algorithm=algorithm).tolist() == [7]


@every_algorithm
@pytest.mark.parametrize("name", ["max", "mean"])
def test_a_shift_by_the_stride_shifts_the_map(algorithm: str, name: str) -> None:
    images = some((12, 12))
    for kernel, stride in [(2, 2), (3, 2), (3, 1)]:
        whole = pool(name, images, kernel, stride=stride, algorithm=algorithm)
        shifted = pool(name, images[stride:, 2 * stride :], kernel, stride=stride, algorithm=algorithm)
        assert torch.equal(shifted, whole[1:, 2:])


@every_algorithm
def test_a_spot_may_move_within_its_window(algorithm: str) -> None:
    """What max-pooling is taken for: nothing changes where the brightest element moves a little."""
    picture = np.zeros((6, 6))
    picture[2, 2] = 1
    moved = np.roll(picture, (1, 1), (0, 1))
    pooled = max_pool2d(picture, 2, algorithm=algorithm)
    assert pooled.sum() == pooled[1, 1] == 1
    assert np.array_equal(pooled, max_pool2d(moved, 2, algorithm=algorithm))


@every_algorithm
def test_the_padding_never_wins(algorithm: str) -> None:
    dark = np.full((4, 4), -5.0)
    assert (max_pool2d(dark, 3, stride=1, padding=1, algorithm=algorithm) == -5).all()
    assert (max_pool2d(dark, 2, stride=1, padding="same", algorithm=algorithm) == -5).all()
    assert (mean_pool2d(dark, 3, stride=1, padding=((2, 0), (0, 1)), algorithm=algorithm) == -5).all()
