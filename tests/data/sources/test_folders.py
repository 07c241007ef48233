"""Folders of pictures: which subfolder is a class, which a split, and what is neither."""

from __future__ import annotations

import pytest

from fieldmark.data.sources import folders
from fieldmark.errors import DataError


@pytest.fixture
def tree(tmp_path):
    """tree("cat/1.jpg", "dog/"): empty files and folders below one root, which it gives."""

    def grow(*paths):
        root = tmp_path / "photos"
        root.mkdir(exist_ok=True)
        for path in paths:
            target = root / path
            (target if path.endswith("/") else target.parent).mkdir(parents=True, exist_ok=True)
            if not path.endswith("/"):
                target.touch()
        return root

    return grow


def found(listing):
    rows = zip(listing.files, listing.labels, listing.splits, strict=True)
    return {file: (split, listing.classes[label]) for file, label, split in rows}


def test_a_flat_folder_has_classes_and_no_splits(tree):
    listing = folders.read_folder(tree("cat/1.jpg", "cat/2.PNG", "dog/1.webp"))
    assert listing.classes == ("cat", "dog")
    assert found(listing) == {
        "cat/1.jpg": (None, "cat"),
        "cat/2.PNG": (None, "cat"),
        "dog/1.webp": (None, "dog"),
    }
    assert listing.notes == ()


@pytest.mark.parametrize("name", ["val", "valid", "validation", "Val"])
def test_splits_by_the_names_of_folders(tree, name):
    listing = folders.read_folder(
        tree("train/cat/1.jpg", "train/dog/1.jpg", f"{name}/cat/2.jpg", "test/dog/3.jpg")
    )
    assert found(listing) == {
        "train/cat/1.jpg": ("train", "cat"),
        "train/dog/1.jpg": ("train", "dog"),
        f"{name}/cat/2.jpg": ("val", "cat"),
        "test/dog/3.jpg": ("test", "dog"),
    }


def test_nested_pictures_belong_to_the_class(tree):
    listing = folders.read_folder(tree("cat/a/b/1.jpg", "cat/2.jpg", "dog/3.jpg"))
    assert found(listing)["cat/a/b/1.jpg"] == (None, "cat")
    assert listing.classes == ("cat", "dog")


def test_numbered_classes_are_in_natural_order(tree):
    listing = folders.read_folder(tree(*(f"{number}/a.jpg" for number in range(1, 65))))
    assert listing.classes == tuple(str(number) for number in range(1, 65))
    assert found(listing)["10/a.jpg"] == (None, "10")


def test_hidden_names_and_what_systems_leave_are_no_classes(tree):
    root = tree(
        "cat/1.jpg",
        "cat/._1.jpg",
        "cat/Thumbs.db",
        "dog/1.jpg",
        "dog/.ipynb_checkpoints/1-checkpoint.jpg",
        ".ipynb_checkpoints/x.jpg",
        "__MACOSX/cat/1.jpg",
        ".DS_Store",
    )
    listing = folders.read_folder(root)
    assert listing.classes == ("cat", "dog")
    assert sorted(listing.files) == ["cat/1.jpg", "dog/1.jpg"]
    assert listing.notes == ()


def test_a_class_missing_or_empty_elsewhere_shifts_no_label(tree):
    root = tree("train/a/1.jpg", "train/b/1.jpg", "train/c/1.jpg", "test/a/", "test/c/2.jpg", "val/b/2.jpg")
    listing = folders.read_folder(root)
    assert listing.classes == ("a", "b", "c")
    assert found(listing)["test/c/2.jpg"] == ("test", "c")
    assert found(listing)["val/b/2.jpg"] == ("val", "b")


def test_a_class_that_train_has_not_is_an_error(tree):
    root = tree("train/cat/1.jpg", "train/dog/1.jpg", "test/cat/2.jpg", "test/wolf/1.jpg")
    with pytest.raises(DataError, match=r"test/wolf/.*train has none.*cat, dog"):
        folders.read_folder(root)


def test_an_empty_class_folder_of_train_is_noted_and_no_class(tree):
    listing = folders.read_folder(
        tree("train/cat/1.jpg", "train/dog/1.jpg", "train/emu/", "test/cat/1.jpg", "test/emu/")
    )
    assert listing.classes == ("cat", "dog")
    assert any("emu" in note for note in listing.notes)


def test_other_files_are_counted_in_a_note(tree):
    listing = folders.read_folder(tree("cat/1.jpg", "cat/labels.json", "dog/1.jpg", "dog/a.txt", "dog/b.txt"))
    assert any("not pictures: 3 (.txt" in note for note in listing.notes)


def test_pictures_beside_the_class_folders_are_noted(tree):
    listing = folders.read_folder(tree("cat/1.jpg", "dog/1.jpg", "stray.jpg"))
    assert listing.classes == ("cat", "dog")
    assert any("stray.jpg" in note for note in listing.notes)


def test_train_may_be_a_class_of_vehicles(tree):
    listing = folders.read_folder(tree("bus/1.jpg", "car/1.jpg", "train/1.jpg"))
    assert listing.classes == ("bus", "car", "train")
    assert set(listing.splits) == {None}


def test_a_train_folder_with_subfolders_beside_other_classes_is_ambiguous(tree):
    with pytest.raises(DataError, match=r"ambiguous.*train/.*bus/"):
        folders.read_folder(tree("bus/1.jpg", "train/steam/1.jpg", "train/diesel/1.jpg"))


def test_folders_beside_the_splits_are_left_out_and_noted(tree):
    listing = folders.read_folder(tree("train/a/1.jpg", "train/b/1.jpg", "test/a/1.jpg", "spare/1.jpg"))
    assert listing.classes == ("a", "b")
    assert any("spare/" in note for note in listing.notes)
    listing = folders.read_folder(tree("docs/readme.txt"))
    assert "test" in listing.splits


def test_two_names_for_one_split_are_an_error(tree):
    with pytest.raises(DataError, match=r"val/.*valid/|valid/.*val/"):
        folders.read_folder(tree("train/a/1.jpg", "val/a/1.jpg", "valid/a/1.jpg"))


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (["1.jpg", "2.jpg"], r"pictures directly in it \(2\).*one subfolder per class"),
        ([], "no pictures and no subfolders.*one subfolder per class"),
        (["cat/", "dog/"], "no pictures in them.*one subfolder per class"),
        (["cat/notes.txt"], "no pictures in them"),
        (["train/1.jpg", "test/2.jpg"], "directly in test/, train/.*class"),
    ],
)
def test_other_layouts_are_refused_with_the_layout_that_is_wanted(tree, paths, message):
    root = tree(*paths)
    with pytest.raises(DataError, match=message) as caught:
        folders.read_folder(root)
    assert str(root) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_links_that_lead_back_end(tree):
    root = tree("cat/1.jpg", "dog/deep/2.jpg", "elk/3.jpg")
    (root / "cat" / "all").symlink_to(root)
    (root / "dog" / "deep" / "again").symlink_to(root / "dog")
    (root / "dog" / "itself.jpg").symlink_to("itself.jpg")
    (root / "loop").symlink_to(root)
    listing = folders.read_folder(root)
    assert listing.classes == ("cat", "dog", "elk")
    assert sorted(listing.files) == ["cat/1.jpg", "dog/deep/2.jpg", "dog/itself.jpg", "elk/3.jpg"]


def test_linked_pictures_and_folders_count(tree, tmp_path):
    root = tree("cat/1.jpg", "dog/1.jpg")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "9.jpg").touch()
    (root / "dog" / "more").symlink_to(outside)
    (root / "cat" / "linked.jpg").symlink_to(outside / "9.jpg")
    (root / "cat" / "broken.jpg").symlink_to(root / "gone.jpg")
    assert sorted(folders.read_folder(root).files) == [
        "cat/1.jpg",
        "cat/broken.jpg",
        "cat/linked.jpg",
        "dog/1.jpg",
        "dog/more/9.jpg",
    ]


def test_odd_names_are_data(tree):
    names = ["CON", "a, b", "new\nline", "\N{PARTY POPPER}", "..hidden not", "semi;colon"]
    listing = folders.read_folder(tree(*(f"{name}/{name}.jpg" for name in names if not name.startswith("."))))
    assert set(listing.classes) == {"CON", "a, b", "new\nline", "\N{PARTY POPPER}", "semi;colon"}
    assert "new\nline/new\nline.jpg" in listing.files


def test_a_folder_that_may_not_be_read_is_named(tree, monkeypatch):
    root = tree("cat/1.jpg", "dog/1.jpg")

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(folders.os, "scandir", refuse)
    with pytest.raises(DataError, match=r"cannot list .*photos: Permission denied"):
        folders.read_folder(root)
