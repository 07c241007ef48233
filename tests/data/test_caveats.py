"""Notes: said when there is reason, silent otherwise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from fieldmark.data.caveats import notes
from fieldmark.data.collection import Collection, hash_pictures
from fieldmark.vocabulary import Unreadable

CLASSES = ("cat", "dog")


def gathered(labels, *, seeds=None, sizes=None, image_size=(8, 8)):
    """Noise pictures, the same for the same seed."""
    count = len(labels)
    seeds = range(count) if seeds is None else seeds
    noise = [np.random.default_rng(seed).integers(0, 256, (8, 8, 1), np.uint8) for seed in seeds]
    nhwc = torch.from_numpy(np.stack(noise))
    return Collection(
        images=nhwc.permute(0, 3, 1, 2),
        hashes=hash_pictures(nhwc),
        labels=np.array(labels),
        given=np.full(count, ""),
        classes=CLASSES,
        sizes=np.array(sizes or [(8, 8)] * count),
        grey=np.ones(count, bool),
        image_size=image_size,
    )


def parts(train, val, test=None):
    rows = {"train": train, "val": val, "test": test}
    return {split: np.array(some) for split, some in rows.items() if some is not None}


def test_an_even_set_needs_no_word():
    assert notes(gathered([0, 1] * 3), parts([0, 1], [2, 3], [4, 5]), "crop") == ()


def test_a_class_missing_elsewhere():
    (note,) = notes(gathered([0, 1, 0, 1, 0]), parts([0, 1], [2, 3], [4]), "crop")
    assert "test has no pictures of dog" in note


@pytest.mark.parametrize(("rule", "said"), [("crop", True), ("pad", False), ("stretch", False)])
def test_a_crop_that_cuts_more_than_a_third(rule, said):
    # 20 x 80 cropped to a square keeps a quarter; 1080 x 1920 keeps 1080 / 1920 = 56 %; 8 x 11 keeps 73 %
    sizes = [(20, 80), (1080, 1920), (8, 11), (8, 8)]
    found = notes(gathered([0, 1, 0, 1], sizes=sizes), parts([0, 1], [2, 3]), rule)
    assert len(found) == said
    if said:
        assert "pixels to --resize crop: 2" in found[0]
        assert "75%" in found[0]
        assert "20x80" in found[0]
        assert "--resize pad" in found[0]


def test_the_same_picture_in_two_splits():
    found = notes(gathered([0, 1, 0, 1], seeds=[1, 2, 1, 3]), parts([0, 1], [2, 3]), "crop")
    assert len(found) == 1
    assert "pictures in more than one of train, val: 1." in found[0]


def test_the_same_picture_in_two_classes():
    found = notes(gathered([0, 1, 0, 1], seeds=[1, 1, 2, 3]), parts([0, 1], [2, 3]), "crop")
    assert len(found) == 1
    assert "more than one class, pixel by pixel the same: 1." in found[0]


@pytest.mark.parametrize(("count", "said"), [(10, False), (11, True)])
def test_classes_far_from_even(count, said):
    labels = [0] * count + [1, 0, 1]
    found = notes(gathered(labels), parts(range(count + 1), [count + 1, count + 2]), "crop")
    assert len(found) == said
    if said:
        assert "'cat' has 11 training pictures, 'dog' 1" in found[0]
        assert "balanced" in found[0]


def test_every_unreadable_picture_is_counted_and_the_first_are_named():
    lost = tuple(Unreadable(f"cat/{number}.jpg", "the file is empty") for number in range(12))
    said = notes(replace(gathered([0, 1] * 3), unreadable=lost), parts([0, 1], [2, 3], [4, 5]), "crop")
    assert said[0] == "left out: pictures that cannot be read: 12 of 18."
    assert said[1:11] == tuple(f"left out: {one.file}: the file is empty" for one in lost[:10])
    assert "2 more" in said[11]
    assert len(said) == 12
