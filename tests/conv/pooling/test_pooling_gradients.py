"""The gradients of pooling: numerical, adjoint, at ties and at numbers that are none."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from conv.poolings import Setting, every_algorithm, pool, poolings, quick, some
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from fieldmark.conv.pooling.pools import max_pool1d, max_pool2d, mean_pool1d, mean_pool2d
from fieldmark.errors import UserError


@every_algorithm
@quick
@given(setting=poolings(), count=st.booleans())
def test_the_gradient_of_a_mean_is_its_adjoint(algorithm: str, setting: Setting, count: bool) -> None:
    """<M x, y> = <x, M' y>, dilation and all."""
    images = some(setting.shape).requires_grad_()
    try:
        pooled = pool(
            "mean",
            images,
            setting.kernel,
            axes=setting.axes,
            stride=setting.stride,
            padding=setting.padding,
            dilation=setting.dilation,
            ceil_mode=setting.ceil_mode,
            count_padding=count,
            algorithm=algorithm,
        )
    except UserError:
        return
    y = some(pooled.shape, seed=1)
    [adjoint] = torch.autograd.grad(pooled, images, y)
    left, right = (pooled * y).sum(), (images * adjoint).sum()
    assert abs(left - right) <= 1e-12 * max(1, (pooled * y).abs().sum())


@every_algorithm
@pytest.mark.parametrize("padding", [1, "same", ((2, 0), (0, 1))])
def test_gradcheck(algorithm: str, padding: Any) -> None:
    images = some((2, 4, 5)).requires_grad_()  # no two alike, so no ties
    choices = {"stride": (1, 2), "padding": padding, "algorithm": algorithm}
    assert torch.autograd.gradcheck(lambda x: max_pool2d(x, 3, **choices), images)
    for count in (False, True):
        assert torch.autograd.gradcheck(
            lambda x, n=count: mean_pool2d(x, 3, count_padding=n, **choices), images
        )
    assert torch.autograd.gradcheck(lambda x: mean_pool2d(x, 2, dilation=2, **choices), images)


@every_algorithm
def test_gradcheck_of_complex_means(algorithm: str) -> None:
    images = torch.complex(some((4, 5)), some((4, 5), seed=1)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: mean_pool2d(x, 2, padding=1, algorithm=algorithm), images)


@every_algorithm
def test_the_first_of_several_maxima_gets_the_gradient(algorithm: str) -> None:
    images = torch.tensor([[1.0, 2.0, 2.0], [2.0, 0.0, 2.0]], requires_grad=True)
    max_pool2d(images, (2, 3), algorithm=algorithm).backward(torch.ones(1, 1))
    assert images.grad is not None
    assert images.grad.tolist() == [[0, 1, 0], [0, 0, 0]]


@every_algorithm
def test_nan_spreads_as_in_torch(algorithm: str) -> None:
    nan = math.nan
    images = torch.tensor([[3.0, nan, 5.0, nan, 1.0, 0.0]], requires_grad=True)
    expected = functional.max_pool1d(images, 3, 1)
    pooled = max_pool1d(images, 3, stride=1, algorithm=algorithm)
    assert pooled.isnan().tolist() == [[True, True, True, True]]
    [gradient], [wanted] = (torch.autograd.grad(y.sum(), images) for y in (pooled, expected))
    assert torch.equal(gradient, wanted)
    means = mean_pool1d(images, 3, stride=1, algorithm=algorithm)
    assert means.isnan().all()
    assert mean_pool1d([1, nan, 2, 4], 2, algorithm=algorithm).tolist()[1] == 3


@every_algorithm
def test_infinities_are_numbers(algorithm: str) -> None:
    inf = math.inf
    assert max_pool1d([-inf, -inf, 1, inf], 2, algorithm=algorithm).tolist() == [-inf, inf]
    pooled = mean_pool1d([inf, 1, inf, -inf, 2, 2], 2, algorithm=algorithm)
    assert pooled[0] == inf
    assert math.isnan(pooled[1])
    around = mean_pool1d([inf, 1, 2], 2, stride=1, padding="full", algorithm=algorithm)
    assert around.tolist() == [inf, inf, 1.5, 2]
