"""Batch norm: torch's values, gradients and running statistics, without changing what was given."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from fieldmark.conv.functions.batch_normalisation import NormalisedBatch, batch_norm
from fieldmark.errors import UserError

shapes = st.tuples(st.integers(2, 5), st.integers(1, 4), st.lists(st.integers(1, 4), max_size=3)).map(
    lambda parts: (parts[0], parts[1], *parts[2])
)


def random(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def settings_for(channels: int, seed: int) -> dict[str, Tensor]:
    names = ["weight", "bias", "running_mean", "running_var"]
    parts = {name: random(seed + n, channels) for n, name in enumerate(names)}
    return {**parts, "running_var": parts["running_var"].abs() + 0.1}


@given(shapes, st.integers(0, 2**31), st.booleans(), st.booleans(), st.floats(0, 1), st.floats(1e-5, 1))
@settings(deadline=None, max_examples=80)
def test_the_same_as_torch_with_gradients_and_running_statistics(
    shape: tuple[int, ...], seed: int, training: bool, affine: bool, momentum: float, epsilon: float
) -> None:
    parts = settings_for(shape[1], seed)
    if not affine:
        del parts["weight"], parts["bias"]
    x, upstream = 2 + 3 * random(seed, *shape), random(seed + 9, *shape)

    def learned() -> tuple[Tensor, dict[str, Tensor], list[Tensor]]:
        copies = {name: part.clone() for name, part in parts.items()}
        leaves = [x.clone(), *(copies[name] for name in ("weight", "bias") if affine)]
        return leaves[0], copies, [leaf.requires_grad_() for leaf in leaves]

    x_ours, ours, our_leaves = learned()
    x_theirs, theirs, their_leaves = learned()
    batch = batch_norm(x_ours, training=training, momentum=momentum, epsilon=epsilon, **ours)
    expected = functional.batch_norm(x_theirs, training=training, momentum=momentum, eps=epsilon, **theirs)

    close = {"rtol": 1e-10, "atol": 1e-10}
    torch.testing.assert_close(batch.output, expected, **close)
    torch.testing.assert_close(
        batch.running_mean, theirs["running_mean"], **close
    )  # torch's, changed in place
    torch.testing.assert_close(batch.running_var, theirs["running_var"], **close)
    for name in ("running_mean", "running_var"):
        assert torch.equal(ours[name], parts[name])
    torch.testing.assert_close(
        torch.autograd.grad(batch.output, our_leaves, upstream),
        torch.autograd.grad(expected, their_leaves, upstream),
        rtol=1e-8,
        atol=1e-8,
    )


@given(shapes, st.integers(0, 2**31))
@settings(deadline=None, max_examples=60)
def test_in_training_every_channel_has_mean_0_and_variance_1(shape: tuple[int, ...], seed: int) -> None:
    output = batch_norm(5 + 4 * random(seed, *shape), training=True, epsilon=1e-30).output
    assert output.transpose(0, 1).flatten(1).mean(1).numpy() == pytest.approx(0, abs=1e-6)
    assert output.transpose(0, 1).flatten(1).var(1, correction=0).numpy() == pytest.approx(1, abs=1e-3)


def test_by_hand() -> None:
    # Values 1 and 3: mean 2, variance 1 divided by n = 2, and 2 divided by n - 1.
    batch = batch_norm([[1], [3]], training=True, running_mean=[0], running_var=[1], epsilon=1e-300)
    assert batch.output.tolist() == [[-1], [1]]
    assert batch.running_mean == pytest.approx([0.1 * 2])
    assert batch.running_var == pytest.approx([0.9 * 1 + 0.1 * 2])
    still = batch_norm(
        [[1], [3]], training=False, running_mean=[1], running_var=[4], weight=[10], bias=[7], epsilon=1e-300
    )
    assert still.output.tolist() == [[7], [17]]


def test_a_bias_before_it_is_redundant() -> None:
    # The mean takes the bias with it: same output, and no gradient that would ever change it.
    x, kernel = random(0, 4, 3, 6, 6), random(1, 5, 3, 3, 3)
    bias = (10 * random(2, 5)).requires_grad_()
    with_bias = batch_norm(functional.conv2d(x, kernel, bias), training=True).output
    without = batch_norm(functional.conv2d(x, kernel), training=True).output
    torch.testing.assert_close(with_bias, without, rtol=1e-10, atol=1e-10)
    (gradient,) = torch.autograd.grad(with_bias, bias, random(3, *with_bias.shape))
    assert gradient.abs().max() < 1e-12


def test_gradients_by_finite_differences() -> None:
    x, weight, bias = (part.requires_grad_() for part in (random(0, 3, 2, 2), random(1, 2), random(2, 2)))
    statistics = {"running_mean": random(3, 2), "running_var": random(4, 2).abs() + 0.5}
    for training in (True, False):

        def output(x: Tensor, weight: Tensor, bias: Tensor, training: bool = training) -> Any:
            return batch_norm(x, weight=weight, bias=bias, training=training, **statistics).output

        assert torch.autograd.gradcheck(output, (x, weight, bias))


def test_running_statistics_carry_no_gradient_and_reach_the_data() -> None:
    x = (3 + 2 * random(0, 500, 2)).requires_grad_()
    mean, variance = torch.zeros(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64)
    mean.requires_grad_()
    for _ in range(200):
        batch = batch_norm(x, training=True, running_mean=mean, running_var=variance)
        mean, variance = batch.running_mean, batch.running_var
        assert not mean.requires_grad
        assert not variance.requires_grad
    torch.testing.assert_close(mean, x.detach().mean(0), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(variance, x.detach().var(0), rtol=1e-6, atol=1e-6)
    # Now the two modes agree, but for n against n - 1.
    evaluated = batch_norm(x, training=False, running_mean=mean, running_var=variance).output
    torch.testing.assert_close(batch.output, evaluated, rtol=2e-3, atol=2e-3)


def test_without_running_statistics_none_come_back() -> None:
    batch = batch_norm(np.ones((2, 3)), training=True)
    assert batch.running_mean is None
    assert batch.running_var is None
    assert (batch.output == 0).all()  # a constant channel: 0 / sqrt(epsilon)


def test_numpy_in_numpy_out_and_dtypes_stay() -> None:
    x = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    batch = batch_norm(x, training=True, running_mean=np.zeros(3), running_var=np.ones(3), weight=[1, 2, 3])
    assert isinstance(batch, NormalisedBatch)
    assert [part.dtype for part in dataclasses.astuple(batch)] == [np.float32, np.float64, np.float64]
    assert isinstance(batch_norm(x, training=True, weight=torch.ones(3)).output, Tensor)
    half = torch.randn(8, 3, dtype=torch.bfloat16, generator=torch.Generator().manual_seed(0))
    mixed = batch_norm(half, training=True, running_mean=torch.zeros(3), running_var=torch.ones(3))
    assert (mixed.output.dtype, mixed.running_var.dtype) == (torch.bfloat16, torch.float32)
    backwards = x[::-1, :, ::-1]
    np.testing.assert_allclose(
        batch_norm(backwards, training=True).output,
        batch_norm(x, training=True).output[::-1, :, ::-1],
        rtol=1e-5,
    )


def test_an_empty_batch_is_evaluated_and_not_trained_on() -> None:
    statistics = {"running_mean": [0, 0, 0], "running_var": [1, 1, 1]}
    assert batch_norm(np.zeros((0, 3, 4)), training=False, **statistics).output.shape == (0, 3, 4)
    with pytest.raises(UserError, match="x 0x3x4 has too few values per channel, 0"):
        batch_norm(np.zeros((0, 3, 4)), training=True, **statistics)


@pytest.mark.parametrize(
    ("shape", "arguments", "message"),
    [
        ((4,), {}, r"x 4 has 1 axes; \(N, C, \*spatial\) is needed"),
        ((1, 3), {}, "x 1x3 has too few values per channel, 1: .* larger batch, or training=False"),
        ((2, 3), {"weight": [1, 2]}, "weight 2 for x 2x3: one number per channel is needed, 3"),
        ((2, 3), {"running_var": np.ones((3, 1))}, "running_var 3x1 for x 2x3"),
        ((2, 3), {"running_var": np.ones(3)}, "running_mean is missing"),
        ((2, 3), {"running_mean": np.ones(3)}, "running_var is missing"),
        ((2, 3), {"training": False}, "evaluation needs running_mean and running_var"),
        ((2, 3), {"momentum": 1.5}, "momentum=1.5 is outside of 0 to 1"),
        ((2, 3), {"epsilon": 0}, "epsilon=0 is not above 0"),
        ((2, 3), {"bias": [1j, 2, 3]}, "bias 3: complex"),
    ],
)
def test_what_cannot_be_is_refused(shape: tuple[int, ...], arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        batch_norm(np.ones(shape), **{"training": True, **arguments})
