"""Splits: partitions decided by pixels alone, in the shares asked for."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.data.splitting import contradictory, cut, divide, ordered, shared, stratified

quick = settings(deadline=None, max_examples=60)


def hashes_of(pictures: list[int]) -> np.ndarray:
    return np.array([hashlib.sha256(str(one).encode()).digest() for one in pictures], "S32")


@st.composite
def collections(draw, different=False):
    """Hashes and labels of up to 60 pictures in up to 3 classes; with repeats unless `different`."""
    size = draw(st.integers(1, 60))
    pool = st.integers(0, 10_000) if different else st.integers(0, 40)
    pictures = draw(st.lists(pool, min_size=size, max_size=size, unique=different))
    labels = draw(st.lists(st.integers(0, 2), min_size=size, max_size=size))
    return hashes_of(pictures), np.array(labels, np.int64)


def flat(count: int) -> np.ndarray:
    return np.full(count, "")


def contents(hashes, labels, rows):
    return [(bytes(hashes[row]), int(labels[row])) for row in rows]


@quick
@given(collections(), st.floats(0, 0.45), st.floats(0, 0.45))
def test_divide_is_a_partition_ordered_by_hash_and_label(collection, val, test):
    hashes, labels = collection
    parts = divide(hashes, labels, flat(len(labels)), val=val, test=test)
    assert sorted(row for rows in parts.values() for row in rows.tolist()) == list(range(len(labels)))
    for rows in parts.values():
        assert contents(hashes, labels, rows) == sorted(contents(hashes, labels, rows))


@quick
@given(collections(), st.integers(0, 2**32))
def test_the_order_of_the_files_changes_nothing(collection, seed):
    hashes, labels = collection
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    one = divide(hashes, labels, flat(len(labels)), val=0.2, test=0.2)
    two = divide(hashes[shuffled], labels[shuffled], flat(len(labels)), val=0.2, test=0.2)
    assert one.keys() == two.keys()
    for split in one:
        assert contents(hashes, labels, one[split]) == contents(
            hashes[shuffled], labels[shuffled], two[split]
        )


@quick
@given(collections(), st.floats(0, 0.45), st.floats(0, 0.45))
def test_equal_pixels_never_part_not_even_across_classes(collection, val, test):
    hashes, labels = collection
    where = cut(hashes, labels, val=val, test=test)
    for one in np.unique(hashes):
        assert len(set(where[hashes == one].tolist())) == 1


@quick
@given(collections(different=True), st.floats(0.01, 0.45), st.floats(0.01, 0.45))
def test_shares_hold_and_small_classes_reach_every_split(collection, val, test):
    hashes, labels = collection
    where = cut(hashes, labels, val=val, test=test)
    for label in np.unique(labels):
        counts = np.bincount(where[labels == label], minlength=3)
        total = counts.sum()
        assert counts[0] >= 1
        assert (counts[1] >= 1) == (total >= 2)
        assert (counts[2] >= 1) == (total >= 3)
        if total >= 10:
            assert abs(counts[1] - total * val) <= 1
            assert abs(counts[2] - total * test) <= 1


@quick
@given(collections(), st.floats(0.01, 0.45), st.floats(0.01, 0.45))
def test_repeats_do_not_empty_a_split(collection, val, test):
    hashes, _ = collection
    labels = np.zeros(len(hashes), np.int64)
    counts = np.bincount(cut(hashes, labels, val=val, test=test), minlength=3)
    different = len(np.unique(hashes))
    assert counts[0] >= 1
    assert (counts[1] >= 1) == (different >= 2)
    assert (counts[2] >= 1) == (different >= 3)


def test_a_cut_is_a_cut_in_the_order_of_hashes():
    hashes = hashes_of(list(range(1000)))
    labels = np.arange(1000) % 2
    where = cut(hashes, labels, val=0.1, test=0.2)
    for label in (0, 1):
        by_hash = where[labels == label][np.argsort(hashes[labels == label])]
        assert by_hash.tolist() == [2] * 100 + [1] * 50 + [0] * 350


def test_a_large_group_of_equal_pictures_stays_in_training():
    hashes = hashes_of([0] * 90 + list(range(1, 11)))
    where = cut(hashes, np.zeros(100, np.int64), val=0.05, test=0.05)
    assert np.bincount(where).tolist() == [90, 5, 5]
    assert set(where[:90].tolist()) == {0}


@pytest.mark.parametrize(
    ("given_splits", "sizes"),
    [
        (["train"] * 20 + ["test"] * 5, {"train": 16, "val": 4, "test": 5}),
        (["train"] * 20 + ["val"] * 5, {"train": 20, "val": 5}),
        (["train"] * 25, {"train": 20, "val": 5}),
        (["test"] * 25, {"test": 25}),
        ([""] * 25, {"train": 17, "val": 5, "test": 3}),
    ],
)
def test_what_is_given_stays_and_val_comes_out_of_train(given_splits, sizes):
    hashes = hashes_of(list(range(25)))
    given_splits = np.array(given_splits)
    parts = divide(hashes, np.zeros(25, np.int64), given_splits, val=0.2, test=0.1)
    assert {split: len(rows) for split, rows in parts.items()} == sizes
    if "train" in given_splits:
        assert set(given_splits[parts["val"]]) <= {"train", "val"}
        assert set(given_splits[parts["train"]]) == {"train"}
    if "test" in given_splits:
        assert parts["test"].tolist() == [
            row for row in ordered(hashes, np.zeros(25)) if given_splits[row] == "test"
        ]


@quick
@given(st.lists(st.integers(0, 4), min_size=5, max_size=200), st.data())
def test_stratified_takes_the_classes_in_their_shares(labels, data):
    labels = np.array(labels)
    present, sizes = np.unique(labels, return_counts=True)
    count = data.draw(st.integers(len(present), len(labels) + 3))
    chosen = stratified(labels, count, torch.Generator().manual_seed(1))
    assert len(chosen) == min(count, len(labels))
    assert np.array_equal(chosen, np.unique(chosen))
    taken = np.array([(labels[chosen] == label).sum() for label in present])
    assert (taken >= 1).all()
    assert (taken <= sizes).all()
    exact = sizes * min(count, len(labels)) / len(labels)
    if (exact >= 1).all():
        assert (np.abs(taken - exact) < 1 + 1e-9).all()


def test_stratified_follows_its_seed():
    labels = np.repeat([0, 1], 500)
    same = [stratified(labels, 100, torch.Generator().manual_seed(3)) for _ in range(2)]
    other = stratified(labels, 100, torch.Generator().manual_seed(4))
    assert np.array_equal(*same)
    assert not np.array_equal(same[0], other)


def test_pictures_in_two_splits_and_in_two_classes_are_counted():
    hashes = hashes_of([1, 2, 2, 3, 1, 4, 4])
    labels = np.array([0, 0, 0, 1, 0, 0, 1])
    parts = {"train": np.array([0, 1, 2, 3]), "val": np.array([4]), "test": np.array([5, 6])}
    assert shared(hashes, parts) == 1
    assert contradictory(hashes, labels) == 1
