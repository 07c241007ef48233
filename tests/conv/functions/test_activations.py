"""Softmax: a distribution, unmoved by a shift, and the same as torch's, gradients too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from fieldmark.conv.functions.activations import log_softmax, softmax
from fieldmark.errors import UserError

Function = Callable[..., Any]

INFINITY = float("inf")
PAIRS = [(softmax, torch.softmax), (log_softmax, torch.log_softmax)]

logits_lists = st.lists(st.floats(-700, 700, width=32), min_size=1, max_size=8)


def test_the_textbook_value() -> None:
    # facts 2: softmax(1, 2, 3)
    assert softmax([1, 2, 3]).round(4).tolist() == [0.0900, 0.2447, 0.6652]


@given(logits_lists)
@settings(deadline=None, max_examples=100)
def test_the_same_as_scipy(logits: list[float]) -> None:
    np.testing.assert_allclose(softmax(logits), special.softmax(logits), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(log_softmax(logits), special.log_softmax(logits), rtol=1e-12, atol=1e-12)


@given(logits_lists, st.integers(-500, 500))
@settings(deadline=None, max_examples=60)
def test_a_distribution_that_keeps_the_order_and_ignores_a_shift(logits: list[float], shift: int) -> None:
    probabilities = softmax(logits)
    assert (probabilities >= 0).all()
    assert probabilities.sum() == pytest.approx(1, abs=1e-12)
    assert (np.diff(probabilities[np.argsort(logits)]) >= 0).all()
    np.testing.assert_allclose(softmax(np.array(logits) + shift), probabilities, rtol=1e-9, atol=1e-15)


@given(st.floats(-800, 800))
@settings(deadline=None, max_examples=60)
def test_two_classes_are_the_sigmoid(z: float) -> None:
    assert softmax([0, z])[1] == pytest.approx(special.expit(z), rel=1e-12, abs=1e-300)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
def test_values_and_gradients_are_torchs(ours: Function, theirs: Function, axis: int) -> None:
    generator = torch.Generator().manual_seed(0)
    values = 5 * torch.randn(3, 4, 5, dtype=torch.float64, generator=generator)
    upstream = torch.randn(3, 4, 5, dtype=torch.float64, generator=generator)
    one, two = values.clone().requires_grad_(), values.clone().requires_grad_()
    mine, expected = ours(one, axis), theirs(two, axis)
    torch.testing.assert_close(mine, expected, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(
        torch.autograd.grad(mine, one, upstream),
        torch.autograd.grad(expected, two, upstream),
        rtol=1e-12,
        atol=1e-12,
    )


@pytest.mark.parametrize("ours", [softmax, log_softmax])
def test_gradients_by_finite_differences_ties_too(ours: Function) -> None:
    logits = torch.tensor([[0.3, 1.2, 1.2], [2.0, 2.0, 2.0]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(ours, (logits,))
    assert torch.autograd.gradgradcheck(ours, (logits,))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_extreme_logits_and_the_dtype_that_came(ours: Function, theirs: Function, dtype: torch.dtype) -> None:
    logits = torch.tensor([[1000.0, -1000.0], [-1000.0, -1000.0], [6e4, 6e4]], dtype=dtype)
    torch.testing.assert_close(ours(logits), theirs(logits, -1))
    assert softmax(logits).isfinite().all()


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_minus_infinity_has_probability_nothing_and_gradient_nothing(
    ours: Function, theirs: Function
) -> None:
    values = torch.tensor([1.0, -INFINITY, 2.0], dtype=torch.float64)
    one, two = values.clone().requires_grad_(), values.clone().requires_grad_()
    torch.testing.assert_close(ours(one), theirs(two, -1))
    ours(one)[2].backward()
    theirs(two, -1)[2].backward()
    torch.testing.assert_close(one.grad, two.grad)
    assert one.grad is not None
    assert one.grad[1] == 0


@pytest.mark.parametrize("row", [[-INFINITY, -INFINITY], [1.0, INFINITY], [1.0, float("nan")]])
@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_rows_without_an_answer_are_nan_as_in_torch(
    ours: Function, theirs: Function, row: list[float]
) -> None:
    assert np.isnan(ours(row)).all()
    assert theirs(torch.tensor(row), -1).isnan().all()


def test_numpy_in_numpy_out() -> None:
    for given_dtype, dtype in [(np.float32, np.float32), (np.float64, np.float64), (np.uint8, np.float64)]:
        result = softmax(np.array([250, 251], given_dtype))
        assert isinstance(result, np.ndarray)
        assert result.dtype == dtype
        np.testing.assert_allclose(result, special.softmax([250.0, 251.0]), rtol=1e-6)
    backwards = np.arange(6.0).reshape(2, 3)[:, ::-1]
    np.testing.assert_allclose(softmax(backwards, 0), special.softmax(backwards, 0), rtol=1e-14)
    assert softmax(torch.tensor([1, 2])).dtype == torch.float64


def test_an_empty_batch_stays_empty_and_a_number_is_certain() -> None:
    assert softmax(torch.zeros(0, 3)).shape == (0, 3)
    assert softmax(torch.tensor(7.0)) == 1
    assert log_softmax(np.zeros((0, 3))).shape == (0, 3)


@pytest.mark.parametrize("ours", [softmax, log_softmax])
def test_what_cannot_be_is_refused(ours: Function) -> None:
    with pytest.raises(UserError, match="2x3 have no axis 2; give one from -2 to 1"):
        ours(torch.zeros(2, 3), 2)
    with pytest.raises(UserError, match="2x0 are empty along axis -1"):
        ours(np.zeros((2, 0)))
    with pytest.raises(UserError, match="logits 2: complex"):
        ours([1j, 2])
