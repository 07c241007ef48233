"""NaN, infinities and overflow reach the outputs that the definition lets them reach, and no other."""

from __future__ import annotations

import pytest
import torch

from fieldmark import conv
from fieldmark.conv.auto.parts import Parts, contained, with_gradient
from fieldmark.conv.problem import Problem

MIXING = ("fft", "overlap_add", "overlap_save", "winograd", "winograd4")


def test_one_nan_reaches_as_many_outputs_as_the_kernel_has_taps():
    x = torch.ones(256, 256)
    x[128, 128] = torch.nan
    w = torch.ones(21, 21)
    assert conv.choose(x, w, padding="same").algorithm in MIXING
    y = conv.correlate2d(x, w, padding="same")
    assert int(y.isnan().sum()) == 21 * 21
    assert float(y[100, 100]) == 441


@pytest.mark.parametrize("name", MIXING)
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_what_mixes_neighbours_gives_what_the_definition_gives(name, bad):
    problem = Problem(1, 1, 1, (12, 12), (3, 3), padding=((1, 1), (1, 1)), dtype=torch.float64)
    x, w = torch.ones(1, 1, 12, 12, dtype=torch.float64), torch.ones(1, 1, 3, 3, dtype=torch.float64)
    x[0, 0, 2, 3] = bad
    y = contained(name).correlate(x, w, problem)
    true = conv.correlate2d(x[0, 0], w[0, 0], padding=1, algorithm="reference")
    torch.testing.assert_close(y[0, 0], true, equal_nan=True)


def test_sums_that_overflow_do_so_in_their_place():
    x = torch.zeros(1, 1, 400)
    x[..., 7] = x[..., 8] = 3e38
    problem = Problem(1, 1, 1, (400,), (2,), (1,), ((0, 0),), (1,))
    y = contained("fft").correlate(x, torch.ones(1, 1, 2), problem)
    assert y.isinf().nonzero()[:, 2].tolist() == [7]
    assert not y.isnan().any()


@pytest.mark.parametrize("way", ["fft", "overlap_save"])
def test_gradients_keep_to_the_definition_too(way):
    problem = Problem(1, 1, 1, (40,), (3,), (2,), ((0, 0),), (1,), dtype=torch.float64)
    x = torch.ones(1, 1, 40, dtype=torch.float64)
    x[..., 39] = torch.nan  # seen by no window
    slope = torch.ones(1, 1, 19, dtype=torch.float64)
    slope[..., 4] = torch.inf
    w = torch.ones(1, 1, 3, dtype=torch.float64, requires_grad=True)
    x.requires_grad_()
    (to_x,) = torch.autograd.grad(with_gradient(Parts(way, way, way)).correlate(x, w, problem), x, slope)
    assert to_x.isinf().nonzero()[:, 2].tolist() == [8, 9, 10]
    assert not to_x.isnan().any()
    y = with_gradient(Parts(way, way, way)).correlate(x, w, problem)
    (to_w,) = torch.autograd.grad(y.sum(), w)
    assert to_w.flatten().tolist() == [19, 19, 19]
