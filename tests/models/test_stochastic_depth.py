"""Whole branches dropped per picture, in the mean nothing changed."""

from __future__ import annotations

import math

import pytest
import torch

from fieldmark.errors import UserError
from fieldmark.models import create
from fieldmark.models.stochastic_depth import StochasticDepth, rising


def test_a_picture_keeps_its_branch_whole_or_loses_it():
    torch.manual_seed(0)
    branch = torch.randn(200, 3, 4, 5)
    out = StochasticDepth(0.2).train()(branch)
    kept = (out != 0).flatten(1).any(1)
    assert 0.7 < kept.float().mean() < 0.9
    assert torch.allclose(out[kept], branch[kept] / 0.8)
    assert not out[~kept].any()


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_expectation_is_the_branch(rate):
    torch.manual_seed(0)
    count = 40_000
    mean = float(StochasticDepth(rate).train()(torch.ones(count, 1)).mean())
    assert abs(mean - 1) < 4 * math.sqrt(rate / (1 - rate) / count), "four standard errors"


def test_evaluation_and_rate_zero_are_the_identity_and_draw_nothing():
    branch = torch.randn(4, 3, 2, 2)
    before = torch.random.get_rng_state()
    assert StochasticDepth(0.5).eval()(branch) is branch
    assert StochasticDepth(0.0).train()(branch) is branch
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_same_seed_drops_the_same_pictures():
    drop, branch = StochasticDepth(0.5).train(), torch.ones(64, 2)
    torch.manual_seed(3)
    first = drop(branch)
    assert not torch.equal(drop(branch), first)
    torch.manual_seed(3)
    assert torch.equal(drop(branch), first)


def test_type_and_memory_format_are_kept_and_the_gradient_is_that_of_what_was_kept():
    branch = torch.randn(8, 3, 4, 4, dtype=torch.bfloat16).contiguous(memory_format=torch.channels_last)
    branch.requires_grad_()
    out = StochasticDepth(0.5).train()(branch)
    assert out.dtype == torch.bfloat16
    assert out.is_contiguous(memory_format=torch.channels_last)
    out.sum().backward()
    assert torch.equal(branch.grad != 0, out != 0)


@pytest.mark.parametrize("rate", [-0.1, 1.0, 2, math.nan])
def test_other_rates_are_refused(rate):
    with pytest.raises(UserError, match=rf"at least 0 and below 1; got {rate}"):
        StochasticDepth(rate)


def test_rates_rise_as_in_the_paper():
    """Huang et al. 2016, section 3: of L = 54 blocks with a last survival of 0.5, (3 L - 1) / 4 are left."""
    rates = rising(0.5, 54)
    assert sum(1 - rate for rate in rates) == pytest.approx((3 * 54 - 1) / 4)
    assert rates[-1] == 0.5
    steps = [after - before for before, after in zip([0, *rates], rates, strict=False)]
    assert steps == pytest.approx([0.5 / 54] * 54)
    assert rising(0.0, 3) == [0, 0, 0]


def test_deep_residual_drops_branches_and_nothing_else_changes():
    torch.manual_seed(0)
    plain = create("deep_residual", 3, 3, 8, blocks=2, width=4)
    dropping = create("deep_residual", 3, 3, 8, blocks=2, width=4, stochastic_depth=0.9)
    dropping.load_state_dict(plain.state_dict())
    assert list(dropping.state_dict()) == list(plain.state_dict())
    images, maps = torch.randn(5, 3, 8, 8), torch.randn(40, 4, 4, 4)
    assert torch.equal(dropping.eval()(images), plain.eval()(images))
    block = dropping.features.blocks.block2.train()
    same = (block(maps) == maps).flatten(1).all(1)
    assert 0.7 < same.float().mean() < 1, "a dropped branch leaves the skip connection"
    assert [block.stochastic_depth.rate for block in dropping.features.blocks] == [0.45, 0.9]


def test_without_skip_connections_there_is_nothing_left_to_drop_to():
    with pytest.raises(UserError, match=r"deep_residual: stochastic_depth .* skips=False"):
        create("deep_residual", 3, 3, 8, stochastic_depth=0.2, skips=False)
