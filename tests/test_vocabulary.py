"""The data types hold what they say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.vocabulary import Dataset, History, ImageSet, Listing, Predictions, Preprocessing


def image_set(count: int = 5, channels: int = 3, files: bool = True) -> ImageSet:
    """Pictures stored NHWC; pixel values name the picture."""
    pixels = torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1).expand(count, 4, 6, channels).clone()
    names = tuple(f"{i}.png" for i in range(count)) if files else None
    return ImageSet(pixels.permute(0, 3, 1, 2), torch.arange(count) % 2, ("cat", "dog"), names)


def test_an_image_set_knows_its_size():
    images = image_set()
    assert (len(images), images.channels, images.size) == (5, 3, (4, 6))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 4), max_size=8), st.sampled_from([1, 3]), st.booleans())
def test_a_selection_keeps_pictures_labels_and_names_together(index, channels, files):
    chosen = image_set(channels=channels, files=files).select(index)
    assert chosen.images[:, 0, 0, 0].tolist() == index
    assert chosen.labels.tolist() == [i % 2 for i in index]
    assert chosen.files == (tuple(f"{i}.png" for i in index) if files else None)
    assert chosen.classes == ("cat", "dog")
    assert chosen.images.shape[1:] == (channels, 4, 6)
    assert chosen.images.permute(0, 2, 3, 1).is_contiguous(), "stored NHWC still"


@pytest.mark.parametrize(
    ("images", "labels", "files"),
    [
        (torch.zeros(2, 3, 4, 4), torch.zeros(2, dtype=torch.int64), None),
        (torch.zeros(3, 4, 4, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64), None),
        (torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.zeros(2), None),
        (torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64), None),
        (torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.zeros(2, dtype=torch.int64), ("one.png",)),
    ],
)
def test_an_image_set_that_does_not_fit_together_is_our_own_error(images, labels, files):
    with pytest.raises(AssertionError):
        ImageSet(images, labels, ("cat", "dog"), files)


def test_a_listing_has_one_label_and_one_split_per_file():
    listing = Listing(Path("birds"), ("a.png", "b.png"), (0, 1), (None, "train"), ("crow", "swan"))
    assert len(listing) == 2
    with pytest.raises(AssertionError):
        Listing(Path("birds"), ("a.png", "b.png"), (0,), (None, None), ("crow",))


def test_a_dataset_speaks_for_its_training_pictures():
    dataset = Dataset(image_set(4), image_set(2), None, "pets", (4, 6))
    assert dataset.classes == ("cat", "dog")
    assert dataset.channels == 3
    assert dataset.split("train") is dataset.train
    assert dataset.split("val") is dataset.val
    assert dataset.split("test") is None
    with pytest.raises(AssertionError):
        dataset.split("name")


def test_predictions_count_their_rows():
    assert len(Predictions(torch.zeros(7, 2))) == 7


@settings(deadline=None, max_examples=40)
@given(
    size=st.tuples(st.integers(1, 999), st.integers(1, 999)),
    colours=st.sampled_from([1, 3]),
    rule=st.sampled_from(["crop", "pad", "stretch"]),
    data=st.data(),
)
def test_preprocessing_survives_json_to_the_last_bit(size, colours, rule, data):
    numbers = st.lists(st.floats(1e-6, 1), min_size=colours, max_size=colours).map(tuple)
    preprocessing = Preprocessing(size, colours, data.draw(numbers), data.draw(numbers), rule)
    assert Preprocessing.from_json(json.loads(json.dumps(preprocessing.to_json()))) == preprocessing


def test_a_history_gives_columns():
    history = History([{"epoch": 1, "val_loss": 0.5}, {"epoch": 2, "val_loss": 0.25}])
    assert history.column("val_loss") == [0.5, 0.25]
    assert History().rows is not History().rows
    assert History.COLUMNS[:5] == ("epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy")
