"""Gathering: pictures with their hashes, the classes chosen, and what cannot be read."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from PIL import Image

from fieldmark.data.collection import collect, hash_pictures, restrict
from fieldmark.data.load import find
from fieldmark.errors import DataError, UserError
from fieldmark.vocabulary import ImageSet, Listing

AS_THEY_ARE = {"image_size": None, "default_size": 32, "rule": "crop"}


def test_hashes_are_over_the_bytes_of_each_picture():
    pixels = torch.arange(2 * 3 * 4 * 3, dtype=torch.uint8).reshape(2, 3, 4, 3)
    expected = [hashlib.sha256(bytes(one.flatten().tolist())).digest() for one in pixels]
    assert [bytes(one).ljust(32, b"\0") for one in hash_pictures(pixels)] == expected
    assert len(hash_pictures(pixels[:0])) == 0


def test_files_and_arrays_have_the_same_hashes(tmp_path, paint):
    colour = paint(tmp_path / "photos" / "a" / "1.png", 1)
    grey = paint(tmp_path / "photos" / "b" / "2.png", 2, mode="L")
    name, listing = find(tmp_path / "photos")
    pictures = collect(listing, name, **AS_THEY_ARE)
    for row, path in enumerate((colour, grey)):
        pixels = np.asarray(Image.open(path))
        array = torch.from_numpy(pixels.reshape(1, 8, 8, -1).copy())
        assert pictures.hashes[row] == hash_pictures(array)[0]
    assert pictures.grey.tolist() == [False, True]
    assert pictures.files == ("a/1.png", "b/2.png")
    assert pictures.image_size == (8, 8)


def listing_of(root):
    return Listing(root, ("a", "b", "c", "d"), (0, 1, 2, 0), (None,) * 4, ("cat", "dog", "emu"))


def test_only_the_classes_chosen_in_the_order_chosen(tmp_path):
    chosen = restrict(listing_of(tmp_path), ("emu", "cat"), "photos")
    assert isinstance(chosen, Listing)
    assert (chosen.classes, chosen.files, chosen.labels) == (("emu", "cat"), ("a", "c", "d"), (1, 0, 1))
    assert restrict(chosen, None, "photos") is chosen


def test_arrays_are_chosen_alike():
    images = torch.arange(4, dtype=torch.uint8).reshape(4, 1, 1, 1)
    part = ImageSet(images, torch.tensor([0, 1, 2, 0]), ("cat", "dog", "emu"))
    chosen = restrict({"train": part}, ["emu", "cat"], "set")["train"]
    assert chosen.classes == ("emu", "cat")
    assert chosen.images.flatten().tolist() == [0, 2, 3]
    assert chosen.labels.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (["cat", "dig"], "'dig' is not a class of photos. Closest: dog. All: cat, dog, emu"),
        (["cat", "cat"], "class 'cat' is given twice"),
    ],
)
def test_classes_that_cannot_be_chosen(tmp_path, classes, message):
    with pytest.raises(UserError, match=message):
        restrict(listing_of(tmp_path), classes, "photos")


@pytest.fixture
def photos(tmp_path, paint):
    """20 cats and 20 dogs, and broken(...) to break some of them."""
    root = tmp_path / "photos"
    for number in range(40):
        paint(root / ("cat" if number < 20 else "dog") / f"{number}.jpg", number, size=(40, 40))
    return root


def broken(*paths):
    """An empty file, a text, half a picture, in turn."""
    for number, path in enumerate(paths):
        content = path.read_bytes()
        path.write_bytes((b"", b"a text called .jpg", content[: len(content) // 2])[number % 3])


def test_what_cannot_be_read_is_left_out_with_its_reason(photos):
    bad = ["cat/3.jpg", "cat/7.jpg", "dog/25.jpg"]
    broken(*(photos / file for file in bad))
    name, listing = find(photos)
    pictures = collect(listing, name, **AS_THEY_ARE)
    assert len(pictures.images) == len(pictures.labels) == 37
    assert [one.file for one in pictures.unreadable] == bad
    assert all(one.reason for one in pictures.unreadable)
    for row, file in enumerate(pictures.files):  # no picture stands in another's row
        assert pictures.classes[pictures.labels[row]] == file.split("/")[0]
        assert (
            pictures.hashes[row]
            == hash_pictures(torch.from_numpy(np.asarray(Image.open(photos / file))[None].copy()))[0]
        )


def test_more_than_a_tenth_is_an_error(photos):
    broken(*(photos / "cat" / f"{number}.jpg" for number in range(4)))
    name, listing = find(photos)
    assert len(collect(listing, name, **AS_THEY_ARE).unreadable) == 4
    broken(photos / "dog" / "30.jpg")
    with pytest.raises(DataError, match=r"5 of 40 pictures of photos cannot be read \(cat/0.jpg: .*empty"):
        collect(listing, name, **AS_THEY_ARE)


def test_each_split_is_counted_by_itself(photos, paint):
    for split in ("train", "test"):
        (photos / split).mkdir()
    (photos / "cat").rename(photos / "train" / "cat")
    (photos / "dog").rename(photos / "train" / "dog")
    for number in (50, 51):
        paint(photos / "test" / "cat" / f"{number}.jpg", number, size=(40, 40))
    broken(photos / "test" / "cat" / "50.jpg")
    with pytest.raises(DataError, match="1 of 2 pictures of photos/test cannot be read"):
        collect(find(photos)[1], "photos", **AS_THEY_ARE)


def test_a_whole_class_is_an_error(photos, paint):
    broken(paint(photos / "emu" / "1.jpg"))
    with pytest.raises(DataError, match=r"no picture of class 'emu' of photos can be read \(emu/1.jpg: "):
        collect(find(photos)[1], "photos", **AS_THEY_ARE)


def test_a_file_that_a_table_names_and_is_not_there(photos):
    files = [f"cat/{number}.jpg" for number in range(20)] + [f"dog/{number}.jpg" for number in range(20, 40)]
    rows = [f"{file},{file[:3]}" for file in [*files, "cat/gone.jpg"]]
    (photos / "labels.csv").write_text("file,label\n" + "\n".join(rows))
    pictures = collect(find(photos / "labels.csv")[1], "labels", **AS_THEY_ARE)
    assert [one.file for one in pictures.unreadable] == ["cat/gone.jpg"]
    assert len(pictures.images) == 40


def test_a_table_that_lies_in_another_folder_than_its_names_start_from(photos, tmp_path):
    rows = [f"photos/cat/{number}.jpg,cat" for number in range(20)] + ["photos/dog/25.jpg,dog"]
    (photos / "labels.csv").write_text("file,label\n" + "\n".join(rows))
    with pytest.raises(
        DataError, match=r"21 of 21 pictures.*no such file.*Names start from the folder .*photos\."
    ):
        collect(find(photos / "labels.csv")[1], "labels", **AS_THEY_ARE)
