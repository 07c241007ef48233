"""The packaged digits: few bytes, even classes, part of MNIST."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fieldmark.data.sources.idx import mnist
from fieldmark.data.sources.sample import FILE, sample
from fieldmark.errors import UserError


def test_600_and_100_of_each_digit_in_two_megabytes():
    parts = sample()
    assert torch.bincount(parts["train"].labels).tolist() == [600] * 10
    assert torch.bincount(parts["test"].labels).tolist() == [100] * 10
    assert parts["train"].images.shape == (6000, 1, 28, 28)
    assert parts["train"].classes == tuple("0123456789")
    assert FILE.stat().st_size <= 2_000_000


def test_nothing_in_the_file_is_pickled():
    with np.load(FILE, allow_pickle=False) as arrays:
        assert {arrays[name].dtype for name in arrays.files} == {np.dtype(np.uint8)}


def test_a_label_column_makes_no_sense_here():
    with pytest.raises(UserError, match="sample has one label per picture"):
        sample("color")


@pytest.mark.data
def test_every_picture_is_one_of_mnist_with_its_label():
    whole = mnist()
    for split, part in sample().items():
        there = {
            (image.numpy().tobytes(), int(label))
            for image, label in zip(whole[split].images, whole[split].labels, strict=True)
        }
        ours = {
            (image.numpy().tobytes(), int(label))
            for image, label in zip(part.images, part.labels, strict=True)
        }
        assert len(ours) == len(part)
        assert ours <= there
