from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from fieldmark.errors import UserError
from fieldmark.training.augmentation.mirroring import (
    AlternatingMirror,
    Flip,
    Mirror,
    alternating,
    flip,
    mirror,
)
from fieldmark.training.augmentation.steps import Context


def context(count: int, epoch: int = 0) -> Context:
    return Context(torch.arange(count), epoch, (1, 1))


@pytest.mark.parametrize(("function", "oracle"), [(mirror, ImageOps.mirror), (flip, ImageOps.flip)])
def test_the_chosen_are_turned_as_pillow_turns_them_and_the_others_not(pictures, function, oracle):
    images = pictures(4)
    chosen = torch.tensor([True, False, False, True])
    result = function(images, chosen).permute(0, 2, 3, 1).numpy()
    for place, image in enumerate(images.permute(0, 2, 3, 1).numpy()):
        expected = np.asarray(oracle(Image.fromarray(image))) if chosen[place] else image
        assert np.array_equal(result[place], expected)


def test_a_choice_for_another_number_of_pictures_is_refused(pictures):
    with pytest.raises(UserError, match=r"chosen must have the shape \(4,\).*got \(3,\)"):
        mirror(pictures(4), torch.tensor([True, False, True]))


@pytest.mark.parametrize("kind", [Mirror, Flip])
@pytest.mark.parametrize("probability", [0.0, 0.25, 0.5, 1.0])
def test_the_share_turned_is_the_probability(kind, probability):
    count = 10_000
    images = torch.tensor([[0, 1], [2, 3]], dtype=torch.uint8).expand(count, 1, 2, 2)
    result = kind(probability)(images, torch.Generator().manual_seed(3), context(count))
    share = (result != images).any(dim=(1, 2, 3)).float().mean().item()
    assert abs(share - probability) <= 4 * (probability * (1 - probability) / count) ** 0.5


def test_alternating_shows_each_picture_both_ways_in_any_two_epochs():
    index = torch.randperm(5000, generator=torch.Generator().manual_seed(0))
    ways = torch.stack([alternating(index, epoch) for epoch in range(6)])
    assert (ways[1:] != ways[:-1]).all()


def test_alternating_begins_with_half_of_the_pictures_without_a_pattern():
    first = alternating(torch.arange(20_000), 0).float()
    assert abs(first.mean().item() - 0.5) < 0.015
    for lag in (1, 2, 3, 4, 8, 16, 64, 256):  # neighbours agree as often as not
        agree = (first[lag:] == first[:-lag]).float().mean().item()
        assert abs(agree - 0.5) < 0.015


def test_alternating_depends_on_the_picture_and_not_on_its_batch(pictures):
    images = pictures(6)
    step, generator = AlternatingMirror(), torch.Generator()
    whole = step(images, generator, Context(torch.arange(100, 106), 3, (9, 12)))
    order = torch.tensor([5, 0, 3])
    part = step(images[order], generator, Context(order + 100, 3, (9, 12)))
    assert torch.equal(part, whole[order])


def test_alternating_counts_to_two_billion():
    index = torch.arange(2**31 - 2000, 2**31)
    assert abs(alternating(index, 0).float().mean().item() - 0.5) < 0.05


@pytest.mark.parametrize("value", [-0.1, 1.5, "half", True, None, float("nan")])
def test_a_probability_outside_0_to_1_is_refused(value):
    with pytest.raises(UserError, match=r"mirror: probability=.*from 0 to 1"):
        Mirror(value)
