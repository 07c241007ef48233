"""PyTorch's gradients, asked for by part and by layout, are those of its autograd."""

from __future__ import annotations

import pytest
import torch

from fieldmark.conv.algorithms.native import by_torch, correlate
from fieldmark.conv.problem import Problem


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("padding", [((3, 3), (3, 3)), ((3, 2), (0, 3)), ((0, 0), (0, 0))])
@pytest.mark.parametrize("wanted", [(True, True), (True, False), (False, True)])
def test_gradients_are_autograds(padding, channels_last, wanted):
    problem = Problem(2, 4, 6, (9, 8), (5, 3), (2, 1), padding, (1, 2), 2, torch.float64)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 4, 9, 8, generator=generator, dtype=torch.float64, requires_grad=True)
    w = torch.randn(6, 2, 5, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    y = correlate(x, w, problem)
    upstream = torch.randn(y.shape, generator=generator, dtype=torch.float64)
    expected = torch.autograd.grad(y, (x, w), upstream)
    found = by_torch(upstream, x.detach(), w.detach(), problem, wanted, channels_last)
    for mine, theirs, want in zip(found, expected, wanted, strict=True):
        assert (mine is not None) == want
        if mine is not None:
            torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-12)
