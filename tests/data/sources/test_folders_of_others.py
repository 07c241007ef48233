"""Folders as other people name them: splits under other words, classes spelled in two ways."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from fieldmark.data.load import find as find_data
from fieldmark.data.load import load
from fieldmark.data.sources import folders
from fieldmark.data.sources.names import split_of
from fieldmark.errors import DataError

CAFE = unicodedata.normalize("NFC", "cafe\u0301")
CAFE_APART = unicodedata.normalize("NFD", CAFE)


def grow(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def splits_in(root: Path) -> dict[str, str | None]:
    listing = folders.read_folder(root)
    assert listing.classes == ("cat", "dog")
    return {file.split("/")[0]: split for file, split in zip(listing.files, listing.splits, strict=True)}


@pytest.mark.parametrize(
    ("train", "other", "split"),
    [
        ("Training", "Testing", "test"),  # brain tumours, fruits-360 and many more on Kaggle
        ("train_images", "val_images", "val"),
        ("TRAIN", "dev", "val"),
        ("trainset", "eval", "val"),
        ("images_train", "Test-Set", "test"),
        ("train2017", "val2017", "val"),
    ],
)
def test_the_usual_names_of_splits_are_no_classes(tmp_path: Path, train: str, other: str, split: str) -> None:
    paths = [f"{part}/{one}/1.jpg" for part in (train, other) for one in ("cat", "dog")]
    assert splits_in(grow(tmp_path, *paths)) == {train: "train", other: split}
    (note,) = folders.read_folder(tmp_path).notes
    assert f"{other}/ as {split}" in note


def test_plain_names_of_splits_are_not_remarked_on(tmp_path: Path) -> None:
    root = grow(tmp_path, *(f"{part}/{one}/1.jpg" for part in ("train", "Valid") for one in ("cat", "dog")))
    assert folders.read_folder(root).notes == ()


@pytest.mark.parametrize("name", ["trainer", "vale", "tests of strength", "contest", "device", "", "images"])
def test_other_words_are_no_splits(name: str) -> None:
    assert split_of(name) is None


def test_folders_that_all_hold_the_same_subfolders_are_asked_about(tmp_path: Path) -> None:
    root = grow(tmp_path, *(f"{part}/{one}/1.jpg" for part in ("alpha", "beta") for one in ("cat", "dog")))
    with pytest.raises(
        DataError, match=r"alpha/, beta/ hold the same subfolders \(cat, dog\).*rename them train/"
    ):
        folders.read_folder(root)


def test_splits_inside_the_classes_are_named(tmp_path: Path) -> None:
    root = grow(tmp_path, *(f"{one}/{part}/1.jpg" for part in ("train", "test") for one in ("cat", "dog")))
    with pytest.raises(DataError, match=r"splits inside the classes: cat/test/.*test/cat/"):
        folders.read_folder(root)


@pytest.mark.parametrize(
    "paths",
    [
        ["cat/images/1.jpg", "dog/images/1.jpg"],
        ["cat/day/1.jpg", "cat/night/1.jpg", "dog/1.jpg"],
        ["cat/siam/1.jpg", "cat/manx/1.jpg", "dog/husky/1.jpg", "dog/beagle/1.jpg"],
        ["dev/1.jpg", "eval/1.jpg", "prod/1.jpg"],
    ],
)
def test_subfolders_of_classes_stay_what_they_are(tmp_path: Path, paths: list[str]) -> None:
    listing = folders.read_folder(grow(tmp_path, *paths))
    assert listing.classes == tuple(sorted({path.split("/")[0] for path in paths}))
    assert set(listing.splits) == {None}


def test_a_class_composed_and_decomposed_is_one_class(tmp_path: Path) -> None:
    root = grow(tmp_path, f"{CAFE}/1.jpg", f"{CAFE_APART}/2.jpg", "bar/3.jpg")
    if len(list(root.iterdir())) == 2:
        pytest.skip("this disk takes both spellings for one folder")
    listing = folders.read_folder(root)
    assert listing.classes == ("bar", CAFE)
    assert set(listing.files) == {"bar/3.jpg", f"{CAFE}/1.jpg", f"{CAFE_APART}/2.jpg"}
    assert any("one class" in note for note in listing.notes)


def test_train_composed_and_test_decomposed_are_the_same_classes(tmp_path: Path) -> None:
    paths = [f"train/{CAFE}/1.jpg", "train/bar/1.jpg", f"test/{CAFE_APART}/2.jpg"]
    listing = folders.read_folder(grow(tmp_path, *paths))
    assert [listing.classes[label] for label in listing.labels] == ["bar", CAFE, CAFE]


@pytest.mark.parametrize(("one", "other"), [("Cat", "cat"), ("cat", "cat "), ("sea gull", "seagull")])
def test_classes_that_differ_in_capitals_or_spaces_are_noted(tmp_path: Path, one: str, other: str) -> None:
    root = grow(tmp_path, f"{one}/1.jpg", f"{other}/2.jpg", "dog/3.jpg")
    if len(list(root.iterdir())) == 2:
        pytest.skip("this disk takes both spellings for one folder")
    listing = folders.read_folder(root)
    assert len(listing.classes) == 3
    (note,) = listing.notes
    assert f"'{one}'" in note
    assert f"'{other}'" in note


@pytest.mark.parametrize("place", ["", "train/"])
def test_pictures_beside_a_table_point_to_the_table(tmp_path: Path, place: str) -> None:
    root = grow(tmp_path, f"{place}1.jpg", f"{place}2.jpg", f"{place}metadata.csv")
    with pytest.raises(DataError, match=r"metadata\.csv the table of their labels") as caught:
        find_data(root)
    assert str(root / place / "metadata.csv") in str(caught.value)


@pytest.mark.parametrize("name", ["photos.zip", "photos.tar.gz"])
def test_an_archive_is_refused_with_what_to_do(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"is an archive\. Unpack it and give the folder"):
        find_data(grow(tmp_path, name) / name)


def test_one_folder_of_pictures_beside_a_table_points_to_the_table(tmp_path: Path) -> None:
    root = grow(tmp_path, "images/1.jpg", "images/2.jpg", "labels.csv")
    with pytest.raises(DataError, match=r"one class, 'images'.*labels\.csv the table of their labels"):
        load(root)
