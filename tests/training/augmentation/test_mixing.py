from __future__ import annotations

import numpy as np
import pytest
import torch

from fieldmark.errors import UserError
from fieldmark.training.augmentation.mixing import CutMix, Mixup, cutmix, mixup


def one_hot(count: int) -> torch.Tensor:
    return torch.eye(count)


def test_mixup_is_the_papers_equation(pictures):
    images, partners = pictures(4), torch.tensor([1, 2, 3, 0])
    shares = torch.tensor([0.0, 0.3, 0.5, 1.0])
    mixed, targets = mixup(images, one_hot(4), partners, shares)
    for n, share in enumerate(shares.tolist()):
        first, second = images[n].numpy().astype(float), images[partners[n]].numpy().astype(float)
        expected = share * first + (1 - share) * second
        assert np.abs(mixed[n].numpy() - expected).max() <= 0.5001
        assert targets[n, n].item() == pytest.approx(share)
        assert targets[n, partners[n]].item() == pytest.approx(1 - share)
    assert torch.equal(mixed[3], images[3])
    assert torch.equal(mixed[0], images[1])


def test_cutmix_takes_the_box_from_the_partner_and_its_share_of_the_label(pictures):
    images, partners = pictures(3), torch.tensor([2, 0, 1])
    boxes = torch.tensor([[0, 0, 9, 12], [1, 2, 3, 6], [4, 4, 0, 3]])
    mixed, targets = cutmix(images, one_hot(3), partners, boxes)
    expected = images.clone()
    expected[0], expected[1, :, 1:4, 2:8] = images[2], images[0, :, 1:4, 2:8]
    assert torch.equal(mixed, expected)
    assert torch.allclose(targets, torch.tensor([[0, 0, 1], [1 / 6, 5 / 6, 0], [0, 0, 1]]))


@pytest.mark.parametrize("step", [Mixup(0.5), CutMix()])
def test_targets_are_what_is_in_the_picture(step):
    # Picture n is flat, of its own level; so the mean of what comes out must be that mean of the levels.
    levels = torch.arange(0, 250, 10)
    images = levels.byte().view(-1, 1, 1, 1).expand(-1, 3, 16, 20)
    mixed, targets = step.mix(images, one_hot(25), torch.Generator().manual_seed(0))
    assert torch.allclose(targets.sum(1), torch.ones(25))
    assert torch.allclose(mixed.float().mean(dim=(1, 2, 3)), targets @ levels.float(), atol=0.51)
    assert (targets > 0).sum(1).max() == 2


@pytest.mark.parametrize("step", [Mixup(), CutMix()])
def test_a_picture_alone_is_mixed_with_itself(pictures, step):
    images, targets = pictures(1), torch.tensor([[0.25, 0.75]])
    mixed, mixed_targets = step.mix(images, targets, torch.Generator())
    assert torch.equal(mixed, images)
    assert torch.allclose(mixed_targets, targets)


def test_soft_targets_mix_too(pictures):
    soft = torch.tensor([[0.9, 0.1], [0.5, 0.5]])
    _, targets = mixup(pictures(2), soft, torch.tensor([1, 0]), torch.tensor([0.5, 0.5]))
    assert torch.allclose(targets, torch.tensor([[0.7, 0.3], [0.7, 0.3]]))


def test_cutmix_boxes_have_the_papers_distribution():
    # At alpha 1 the area u is uniform. A box of side s = sqrt(u) about a uniform middle keeps s - s^2 / 4 of
    # the picture along each axis, on average; the mean of (s - s^2 / 4)^2 is 1/2 - 1/5 + 1/48.
    images = torch.zeros(250, 1, 50, 60, dtype=torch.uint8)
    generator = torch.Generator().manual_seed(0)
    areas = [1 - CutMix().mix(images, one_hot(250), generator)[1].diag() for _ in range(8)]
    assert abs(torch.cat(areas).mean().item() - (1 / 2 - 1 / 5 + 1 / 48)) < 0.02


def test_cutmix_boxes_reach_every_edge_and_lie_as_often_on_one_side_as_on_the_other():
    levels = torch.arange(250, dtype=torch.uint8).view(-1, 1, 1, 1)
    images, generator = levels.expand(-1, 1, 9, 12), torch.Generator().manual_seed(0)
    mixed = torch.cat([CutMix().mix(images, one_hot(250), generator)[0] != levels for _ in range(16)])
    covered = mixed[:, 0].float().mean(0)  # how often each pixel is the partner's
    assert covered.min() > 0.1
    for edge, other in [(covered[0], covered[-1]), (covered[:, 0], covered[:, -1])]:
        assert abs(edge.mean() - other.mean()) < 0.06


@pytest.mark.parametrize("kind", [Mixup, CutMix])
@pytest.mark.parametrize("alpha", [0, -1, float("inf"), "1"])
def test_alpha_must_be_above_0(kind, alpha):
    with pytest.raises(UserError, match=r"(mixup|cutmix): alpha=.* number above 0"):
        kind(alpha)
