"""The four cross-entropies: the textbook's numbers, their identities, torch's values and gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from fieldmark.conv.functions.activations import log_softmax, softmax
from fieldmark.conv.functions.cross_entropies import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    nll_loss,
)
from fieldmark.errors import UserError

seeds = st.integers(0, 2**31)


def numbers(seed: int, *shape: int) -> Tensor:
    return 3 * torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def shares(seed: int, *shape: int) -> Tensor:
    return torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def labels(seed: int, count: int, classes: int) -> Tensor:
    return torch.randint(classes, (count,), generator=torch.Generator().manual_seed(seed))


def test_the_textbook_values() -> None:
    # facts 2: logit 0.8 against 1, and logits (1.5, 0.8, 2.1) against class 2.
    assert binary_cross_entropy_with_logits([0.8], [1]) == pytest.approx(0.3711, abs=5e-5)
    assert binary_cross_entropy([1 / (1 + np.exp(-0.8))], [1]) == pytest.approx(0.3711, abs=5e-5)
    assert cross_entropy([[1.5, 0.8, 2.1]], [2]) == pytest.approx(0.5996, abs=5e-5)
    assert nll_loss(log_softmax([[1.5, 0.8, 2.1]]), [2]) == pytest.approx(0.5996, abs=5e-5)


@given(seeds, st.integers(1, 20), st.booleans())
@settings(deadline=None, max_examples=60)
def test_from_logits_and_from_probabilities_are_one_loss(seed: int, count: int, soft: bool) -> None:
    logits, targets = numbers(seed, count), shares(seed, count)
    targets = targets if soft else targets.round()
    from_logits = binary_cross_entropy_with_logits(logits, targets)
    assert from_logits.item() == pytest.approx(
        binary_cross_entropy(logits.sigmoid(), targets).item(), rel=1e-9
    )


@given(seeds, st.integers(1, 20), st.integers(1, 6))
@settings(deadline=None, max_examples=60)
def test_cross_entropy_is_nll_of_log_softmax(seed: int, count: int, classes: int) -> None:
    logits, true = numbers(seed, count, classes), labels(seed, count, classes)
    assert cross_entropy(logits, true) == nll_loss(log_softmax(logits), true)
    by_hand = -softmax(logits)[torch.arange(count), true].log().mean()
    torch.testing.assert_close(cross_entropy(logits, true), by_hand, rtol=1e-12, atol=1e-12)


@given(seeds, st.integers(1, 20))
@settings(deadline=None, max_examples=60)
def test_two_classes_are_one_unit(seed: int, count: int) -> None:
    z, true = numbers(seed, count), labels(seed, count, 2)
    both = torch.stack([torch.zeros_like(z), z], 1)
    torch.testing.assert_close(
        cross_entropy(both, true), binary_cross_entropy_with_logits(z, true), rtol=1e-12, atol=1e-12
    )


def same_as_torch(
    ours: Callable[..., Any], theirs: Callable[..., Tensor], scores: Tensor, truth: Tensor, tolerance: float
) -> None:
    one, two = scores.clone().requires_grad_(), scores.clone().requires_grad_()
    mine, expected = ours(one, truth), theirs(two, truth)
    assert mine.dtype == scores.dtype
    assert mine.shape == ()
    torch.testing.assert_close(mine, expected, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(
        torch.autograd.grad(mine, one), torch.autograd.grad(expected, two), rtol=tolerance, atol=tolerance
    )


@given(
    seeds,
    st.lists(st.integers(1, 4), max_size=3),
    st.booleans(),
    st.sampled_from([torch.float32, torch.float64]),
)
@settings(deadline=None, max_examples=60)
def test_binary_forms_are_torchs(seed: int, shape: list[int], soft: bool, dtype: torch.dtype) -> None:
    targets = shares(seed, *shape).to(dtype)
    targets = targets if soft else targets.round()
    probabilities = (0.02 + 0.96 * shares(seed + 1, *shape)).to(dtype)
    # The slopes within (0.02, 0.98) are at most 50: that much an error of some eps may grow.
    tolerance = 500 * torch.finfo(dtype).eps
    same_as_torch(binary_cross_entropy, functional.binary_cross_entropy, probabilities, targets, tolerance)
    same_as_torch(
        binary_cross_entropy_with_logits,
        functional.binary_cross_entropy_with_logits,
        numbers(seed, *shape).to(dtype),
        targets,
        tolerance,
    )


@given(seeds, st.integers(1, 10), st.integers(1, 6), st.sampled_from([torch.float32, torch.float64]))
@settings(deadline=None, max_examples=60)
def test_categorical_forms_are_torchs(seed: int, count: int, classes: int, dtype: torch.dtype) -> None:
    logits, true = numbers(seed, count, classes).to(dtype), labels(seed, count, classes)
    tolerance = 100 * torch.finfo(dtype).eps
    same_as_torch(cross_entropy, functional.cross_entropy, logits, true, tolerance)
    same_as_torch(nll_loss, functional.nll_loss, logits.log_softmax(1), true, tolerance)


def test_gradients_by_finite_differences() -> None:
    targets, true = shares(1, 5), labels(1, 5, 3)
    probabilities = shares(2, 5).clamp(0.1, 0.9).requires_grad_()
    z = torch.tensor([0.0, -40.0, 40.0, 1.0, -2.0], dtype=torch.float64, requires_grad=True)
    logits = numbers(3, 5, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda p: binary_cross_entropy(p, targets), (probabilities,))
    assert torch.autograd.gradcheck(lambda z: binary_cross_entropy_with_logits(z, targets), (z,))
    assert torch.autograd.gradcheck(lambda logits: cross_entropy(logits, true), (logits,))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_extreme_logits_stay_finite_and_so_do_their_gradients(dtype: torch.dtype) -> None:
    # A logit of 1000 against its own class costs nothing, against the other one 1000, with slope 1.
    z = torch.tensor([1000.0, -1000.0, 1000.0, -1000.0], dtype=dtype, requires_grad=True)
    loss = binary_cross_entropy_with_logits(z, torch.tensor([1, 0, 0, 1]))
    loss.backward()
    assert loss == 500
    assert z.grad is not None
    assert (4 * z.grad).tolist() == [0, 0, 1, -1]

    logits = torch.tensor([[1000.0, -1000.0], [1000.0, -1000.0]], dtype=dtype, requires_grad=True)
    loss = cross_entropy(logits, [0, 1])
    loss.backward()
    assert loss == 1000
    assert logits.grad is not None
    assert (2 * logits.grad).tolist() == [[0, 0], [1, -1]]


def test_small_losses_of_sure_logits_are_not_rounded_away() -> None:
    # log(1 + exp(-40)) = exp(-40) to 18 digits; the probability has rounded to 1 and knows nothing of it.
    assert binary_cross_entropy_with_logits([40.0], [1]) == pytest.approx(np.exp(-40), rel=1e-12)
    assert binary_cross_entropy([1 / (1 + np.exp(-40))], [1]) == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_probabilities_of_0_and_1_cost_nothing_or_100(dtype: torch.dtype) -> None:
    probabilities = torch.tensor([0.0, 0, 1, 1], dtype=dtype, requires_grad=True)
    targets = torch.tensor([0.0, 1, 0, 1], dtype=dtype)
    for p, target, cost in zip(probabilities, targets, [0, 100, 100, 0], strict=True):
        assert binary_cross_entropy(p, target) == functional.binary_cross_entropy(p, target) == cost
    # Flat where the logarithm is held, and otherwise the slope of -log p and -log(1 - p): as the docstring
    # says, and not as torch, which divides by 1e-12.
    binary_cross_entropy(probabilities, targets).backward()
    assert probabilities.grad is not None
    assert (4 * probabilities.grad).tolist() == [1, 0, 0, -1]
    wrong = torch.tensor([0.0], dtype=dtype, requires_grad=True)
    functional.binary_cross_entropy(wrong, torch.ones(1, dtype=dtype)).backward()
    assert wrong.grad is not None
    assert wrong.grad.item() == pytest.approx(-1e12)


def test_the_smallest_probabilities_are_held_at_minus_100_too() -> None:
    tiny = torch.tensor([1e-45], requires_grad=True)  # log is -103.3
    loss = binary_cross_entropy(tiny, torch.ones(1))
    loss.backward()
    assert loss == functional.binary_cross_entropy(tiny, torch.ones(1)) == 100
    assert tiny.grad is not None
    assert tiny.grad == 0


def test_masked_classes_take_no_part() -> None:
    infinity = float("inf")
    logits = torch.tensor([[1.0, -infinity, 2.0]], requires_grad=True)
    loss = cross_entropy(logits, [2])
    loss.backward()
    assert loss.item() == pytest.approx(np.log1p(np.exp(-1)), rel=1e-6)
    assert logits.grad is not None
    assert logits.grad[0, 1] == 0
    assert cross_entropy(logits, [1]) == infinity
    assert nll_loss([[-infinity, 0.0]], [0]) == infinity


def test_numbers_in_a_number_out() -> None:
    for result in (
        binary_cross_entropy([0.5, 0.5], [True, False]),
        binary_cross_entropy_with_logits(np.zeros(2), np.array([0, 1], np.uint8)),
        cross_entropy(np.zeros((3, 2)), np.array([0, 1, 1], np.int8)),
        nll_loss(np.log([[0.5, 0.5]]), [1]),
    ):
        assert isinstance(result, np.float64)
        assert result == pytest.approx(np.log(2))
    assert cross_entropy(np.zeros((1, 2), np.float32), [0]).dtype == np.float32
    assert isinstance(cross_entropy([[0.0, 0.0]], torch.tensor([0])), Tensor)
    assert binary_cross_entropy(torch.tensor([0.5]), [1]).dtype == torch.float32


@pytest.mark.parametrize("loss", [binary_cross_entropy, binary_cross_entropy_with_logits])
def test_the_binary_forms_refuse(loss: Callable[..., Any]) -> None:
    # (N,) against (N, 1) would be broadcast to (N, N), and averaged without a word.
    with pytest.raises(UserError, match="4 against targets 4x1: one target per prediction"):
        loss(torch.full((4,), 0.5), torch.zeros(4, 1))
    with pytest.raises(UserError, match="targets hold -1: numbers from 0 to 1"):
        loss([0.5, 0.5], [-1, 1])
    with pytest.raises(UserError, match="0x3 are empty"):
        loss(np.zeros((0, 3)), np.zeros((0, 3)))
    with pytest.raises(UserError, match="complex"):
        loss([1j], [1])


def test_probabilities_outside_of_0_to_1_are_refused() -> None:
    for wrong, named in [(1.5, "1.5"), (-0.25, "-0.25"), (float("nan"), "nan")]:
        with pytest.raises(UserError, match=f"probabilities hold {named}: numbers from 0 to 1"):
            binary_cross_entropy([0.5, wrong], [1, 1])


@pytest.mark.parametrize(("loss", "name"), [(cross_entropy, "logits"), (nll_loss, "log_probabilities")])
def test_the_categorical_forms_refuse(loss: Callable[..., Any], name: str) -> None:
    scores = np.full((2, 4), np.log(0.25))
    for wrong in (4, -1, -100):
        with pytest.raises(UserError, match=f"label {wrong} for {name} 2x4: whole numbers from 0 to 3"):
            loss(scores, [0, wrong])
    for wrong_number, named in [(0.5, "0.5"), (float("nan"), "nan")]:
        with pytest.raises(UserError, match=f"label {named} for"):
            loss(scores, [0, wrong_number])
    with pytest.raises(UserError, match=rf"{name} 2x4 against labels 3: \(N, K\) and \(N,\)"):
        loss(scores, [0, 1, 2])
    with pytest.raises(UserError, match=f"{name} 2x4 against labels 2x4"):
        loss(scores, np.full((2, 4), 0.25))
    with pytest.raises(UserError, match=f"{name} 4 against labels a single number"):
        loss(scores[0], 1)
    with pytest.raises(UserError, match="0x4 are empty"):
        loss(scores[:0], np.zeros(0, int))


def test_probabilities_are_not_taken_for_their_logarithms() -> None:
    with pytest.raises(UserError, match=r"hold 0\.7: .* at most 0\. Give log_softmax"):
        nll_loss([[0.3, 0.7]], [1])
    assert nll_loss([[np.log(0.5), 1e-16]], [0]) == pytest.approx(np.log(2))
