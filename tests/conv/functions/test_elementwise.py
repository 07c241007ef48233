"""relu, sigmoid and tanh are PyTorch's, gradients included, and each slope is the gradient."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import torch

from fieldmark import conv
from fieldmark.errors import UserError

NAMES = ("relu", "sigmoid", "tanh")
NUMBERS = (-1000.0, -40.0, -3.0, -1e-9, 0.0, 1e-9, 0.4, 5.0, 30.0, 1000.0, float("inf"), float("-inf"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_and_gradients_are_pytorchs(name, dtype):
    x = torch.tensor([*NUMBERS, float("nan")], dtype=dtype, requires_grad=True)
    ours, theirs = getattr(conv, name)(x), getattr(torch, name)(x)
    torch.testing.assert_close(ours, theirs, equal_nan=True)
    finite = torch.tensor([*NUMBERS[:-2]], dtype=dtype, requires_grad=True)
    (found,) = torch.autograd.grad(getattr(conv, name)(finite).sum(), finite)
    (true,) = torch.autograd.grad(getattr(torch, name)(finite).sum(), finite)
    torch.testing.assert_close(found, true)


@pytest.mark.parametrize("name", NAMES)
def test_a_slope_is_the_gradient_of_its_function(name):
    x = torch.tensor(NUMBERS, dtype=torch.float64, requires_grad=True)
    (true,) = torch.autograd.grad(getattr(torch, name)(x).sum(), x)
    slope = getattr(conv, f"{name}_slope")
    torch.testing.assert_close(slope(x.detach()), true, rtol=1e-12, atol=1e-16)
    assert slope(torch.tensor(torch.nan)).isnan()


def test_slopes_far_out_keep_their_digits():
    x = torch.tensor([40.0], dtype=torch.float64)
    torch.testing.assert_close(conv.sigmoid_slope(x), (-x).exp(), rtol=1e-12, atol=0)
    torch.testing.assert_close(conv.tanh_slope(x), 4 * (-2 * x).exp(), rtol=1e-12, atol=0)


def test_arrays_and_lists_give_arrays():
    x = np.linspace(-4, 4, 9).reshape(3, 3)
    np.testing.assert_allclose(conv.sigmoid(x), scipy.special.expit(x), rtol=1e-14)
    np.testing.assert_allclose(conv.tanh(x), np.tanh(x), rtol=1e-14)
    assert conv.relu([-1, 2]).tolist() == [0.0, 2.0]


@pytest.mark.parametrize("name", [*NAMES, *(f"{name}_slope" for name in NAMES)])
def test_complex_numbers_are_refused(name):
    with pytest.raises(UserError, match="complex numbers, where real ones are needed"):
        getattr(conv, name)(np.array([1j]))
