"""From DATA to a Dataset: the same pictures give the same numbers, whatever they are stored in."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from data.sources.test_celeba import fill as fill_celeba
from data.sources.test_cifar import records
from PIL import Image

from fieldmark.data.load import load, load_split
from fieldmark.data.pixels.resizing import prepare
from fieldmark.data.sources.cifar import CLASSES, FOLDER, TEST_FILES, TRAIN_FILES
from fieldmark.errors import DataError, UserError
from fieldmark.vocabulary import Dataset, Preprocessing

GREY = Preprocessing((8, 8), 1, (0.5,), (0.5,))
RGB = Preprocessing((8, 8), 3, (0.5,) * 3, (0.5,) * 3)


def equal(one: Dataset, two: Dataset) -> bool:
    return (
        one.fingerprint == two.fingerprint
        and one.classes == two.classes
        and all(
            torch.equal(a.images, b.images)
            and torch.equal(a.labels, b.labels)
            and a.images.stride() == b.images.stride()
            for a, b in ((one.split(split), two.split(split)) for split in ("train", "val", "test"))
        )
    )


@pytest.fixture
def photos(tmp_path, paint):
    """photos(cat=20, dog=10): a flat folder of noise, each picture another."""

    def take(root="photos", **counts):
        for number, (name, count) in enumerate(counts.items()):
            for picture in range(count):
                paint(tmp_path / root / name.replace("__", "/") / f"{picture}.png", 1000 * number + picture)
        return tmp_path / root

    return take


@pytest.fixture
def cifar(named_sets):
    """A small set in CIFAR-10's format, with pictures of all classes."""
    (named_sets / FOLDER).mkdir()
    made = {}
    for seed, file in enumerate((*TRAIN_FILES, *TEST_FILES)):
        made[file] = records(60, seed)
        (named_sets / FOLDER / file).write_bytes(made[file].tobytes())
    return made


def as_pngs(made, root, classes, form="{root}/{split}/{name}"):
    for file, rows in made.items():
        split = "test" if file in TEST_FILES else "train"
        for number, row in enumerate(rows):
            name = CLASSES[row[0]]
            if name in classes:
                folder = root / form.format(root=root, split=split, name=name)
                folder.mkdir(parents=True, exist_ok=True)
                pixels = np.ascontiguousarray(row[1:].reshape(3, 32, 32).transpose(1, 2, 0))
                Image.fromarray(pixels).save(folder / f"{file}-{number}.png")
    return root


@pytest.mark.parametrize(
    "settings", [{}, {"image_size": 20}, {"margin": 1.25, "image_size": 16}, {"margin": 1.25}, {"limit": 21}]
)
def test_an_array_set_and_the_same_pictures_as_files_are_one_dataset(cifar, tmp_path, settings):
    root = as_pngs(cifar, tmp_path / "folder", ("airplane", "bird"))
    arrays = load("cifar10", classes=["airplane", "bird"], **settings)
    files = load(root, **settings)
    assert equal(arrays, files)
    assert arrays.image_size == files.image_size
    assert arrays.train.files is None
    assert all(file.startswith("train/") for file in files.train.files + files.val.files)


def test_a_table_gives_the_same_dataset(cifar, tmp_path):
    root = as_pngs(cifar, tmp_path / "folder", ("cat", "dog"))
    files = [file for split in ("train", "test") for file in (root / split).rglob("*.png")]
    rows = [f"{file.relative_to(root)},{file.parent.name},{file.parent.parent.name}" for file in files]
    (root / "labels.csv").write_text("file,label,split\n" + "\n".join(rows))
    assert equal(load(root), load(root / "labels.csv"))


def test_new_names_for_the_files_change_nothing(photos, tmp_path):
    root = photos(cat=30, dog=20)
    before = load(root)
    for number, path in enumerate(sorted(root.rglob("*.png"))):
        path.rename(path.with_name(f"{9999 - number}.png"))
    after = load(root)
    assert equal(before, after)
    assert before.train.files != after.train.files


def test_a_flat_folder_is_divided_80_10_10_per_class(photos):
    data = load(photos(cat=100, dog=30))
    for split, cats, dogs in (("train", 80, 24), ("val", 10, 3), ("test", 10, 3)):
        assert torch.bincount(data.split(split).labels).tolist() == [cats, dogs]
    data = load(photos(cat=100, dog=30), val=0.2, test=0)
    assert torch.bincount(data.train.labels).tolist() == [80, 24]
    assert data.test is None


def test_files_labels_and_pixels_stay_together(photos):
    root = photos(cat=12, dog=9)
    data = load(root)
    for split in ("train", "val", "test"):
        part = data.split(split)
        for row, file in enumerate(part.files):
            assert part.classes[part.labels[row]] == file.split("/")[0]
            pixels = torch.from_numpy(np.asarray(Image.open(root / file)).copy())
            assert torch.equal(part.images[row].permute(1, 2, 0), pixels)


def test_only_train_gives_validation_and_no_test(photos):
    data = load(photos(train__cat=20, train__dog=20))
    assert (len(data.train), len(data.val), data.test) == (36, 4, None)


def test_train_and_test_give_validation_out_of_train(photos):
    data = load(photos(train__cat=20, train__dog=20, test__cat=5, test__dog=5))
    assert (len(data.train), len(data.val), len(data.test)) == (36, 4, 10)
    assert all(file.startswith("train/") for file in data.val.files)
    assert all(file.startswith("test/") for file in data.test.files)


def test_a_class_missing_in_test_is_noted_and_shifts_nothing(photos):
    root = photos(train__a=10, train__b=10, train__c=10, test__a=3, test__c=3)
    (root / "test" / "b").mkdir()
    data = load(root)
    assert data.test.labels.bincount().tolist() == [3, 0, 3]
    assert any("test has no pictures of b" in note for note in data.notes)


def test_folders_1_to_12_are_in_natural_order(photos):
    data = load(photos(**{str(number): 3 for number in range(1, 13)}))
    assert data.classes == tuple(str(number) for number in range(1, 13))


def test_the_same_picture_in_train_and_test_is_said(photos):
    root = photos(train__cat=10, train__dog=10, test__cat=3, test__dog=3)
    shutil.copy(root / "train/cat/1.png", root / "test/cat/again.png")
    assert any("more than one of train, val, test: 1." in note for note in load(root).notes)


def test_copies_in_a_flat_folder_never_reach_two_splits(photos):
    root = photos(cat=20, dog=20)
    for number in range(20):
        shutil.copy(root / f"cat/{number}.png", root / f"cat/copy {number}.png")
        shutil.copy(root / f"cat/{number}.png", root / f"dog/wrong {number}.png")
    data = load(root)
    parts = (data.train, data.val, data.test)
    hashes = [{image.numpy().tobytes() for image in part.images} for part in parts]
    assert sum(map(len, hashes)) == len(set.union(*hashes)) == 40
    assert any("pixel by pixel the same: 20." in note for note in data.notes)


def test_twenty_to_one_is_said(photos):
    assert any("class-weights" in note for note in load(photos(cat=50, dog=3)).notes)


def test_long_pictures_are_said(photos, paint):
    root = photos(cat=5, dog=5)
    paint(root / "dog" / "long.png", 77, size=(20, 80))
    assert any(
        "more than a third of their pixels to --resize crop: 1;" in note
        for note in load(root, image_size=16).notes
    )
    assert not any("third" in note for note in load(root, image_size=16, resize="pad").notes)


def test_unreadable_pictures_are_listed_and_left_out(photos):
    root = photos(cat=20, dog=20)
    (root / "cat" / "3.png").write_bytes(b"")
    data = load(root)
    assert [one.file for one in data.unreadable] == ["cat/3.png"]
    assert len(data.train) + len(data.val) + len(data.test) == 39
    assert "cat/3.png" not in data.train.files + data.val.files + data.test.files


@pytest.mark.parametrize("native", [(8, 8), (64, 48)])
def test_pictures_of_one_small_size_keep_it(tmp_path, paint, native):
    for number in range(12):
        paint(tmp_path / "photos" / "ab"[number % 2] / f"{number}.png", number, size=native)
    data = load(tmp_path / "photos", default_size=28)
    assert data.image_size == data.train.size == data.test.size == native


def test_other_pictures_take_the_default_size(tmp_path, paint):
    for number in range(12):
        paint(tmp_path / "photos" / "ab"[number % 2] / f"{number}.png", number, size=(8 + number, 9))
    assert load(tmp_path / "photos", default_size=28).image_size == (28, 28)
    assert load(tmp_path / "photos", image_size=(10, 12)).train.size == (10, 12)


def test_a_margin_enlarges_training_pictures_only(tmp_path, paint):
    for number in range(12):
        paint(tmp_path / "photos" / "ab"[number % 2] / f"{number}.png", number, size=(70 + number, 90))
    plain = load(tmp_path / "photos", image_size=32)
    data = load(tmp_path / "photos", image_size=32, margin=1.25)
    assert data.train.size == (40, 40)
    assert data.image_size == data.val.size == data.test.size == (32, 32)
    assert data.train.files == plain.train.files
    assert torch.equal(data.val.images, plain.val.images)
    for row, file in enumerate(data.train.files):
        pixels = np.asarray(Image.open(tmp_path / "photos" / file))
        expected = prepare(pixels, Preprocessing((40, 40), 3, (0.5,) * 3, (0.5,) * 3))
        assert np.array_equal(data.train.images[row].permute(1, 2, 0).numpy(), expected)


def test_grey_training_pictures_make_one_channel(photos, tmp_path, paint):
    for number in range(20):
        paint(tmp_path / "p" / "train" / "ab"[number % 2] / f"{number}.png", number, mode="L")
    paint(tmp_path / "p" / "test" / "a" / "colour.png", 99)
    data = load(tmp_path / "p")
    assert data.channels == data.val.channels == data.test.channels == 1
    grey = np.asarray(Image.open(tmp_path / "p/test/a/colour.png").convert("L"))
    assert np.array_equal(data.test.images[0, 0].numpy(), grey)
    for seed in (97, 98):  # at least one of the two stays in train
        paint(tmp_path / "p" / "train" / "a" / f"{seed}.png", seed)
    assert load(tmp_path / "p", val=0.01).channels == 3


def test_limit_is_stratified_seeded_and_only_of_train(photos):
    root = photos(cat=60, dog=30)
    whole, some = load(root), load(root, limit=30)
    assert torch.bincount(some.train.labels).tolist() == [20, 10]
    assert torch.equal(some.val.images, whole.val.images)
    assert torch.equal(some.test.images, whole.test.images)
    assert set(some.train.files) < set(whole.train.files)
    assert [file for file in whole.train.files if file in some.train.files] == list(some.train.files)
    assert load(root, limit=30).train.files == some.train.files
    assert load(root, limit=30, seed=1).train.files != some.train.files
    with pytest.raises(UserError, match="--limit 1 is fewer"):
        load(root, limit=1)


def test_classes_chosen_in_their_order(photos):
    root = photos(cat=10, dog=10, emu=10)
    data = load(root, classes=["emu", "cat"])
    assert data.classes == ("emu", "cat")
    assert {data.classes[label] for label in data.train.labels.tolist()} == {"emu", "cat"}
    assert all(file.startswith(("emu", "cat")) for file in data.train.files)
    with pytest.raises(UserError, match=r"'emo' is not a class of photos. Closest: emu"):
        load(root, classes=["cat", "emo"])


def test_the_fingerprint_follows_pixels_labels_and_splits(photos, paint):
    root = photos(cat=10, dog=10)
    before = load(root).fingerprint
    assert len(before) == 64
    assert load(root, image_size=4).fingerprint == before
    assert load(root, val=0.3).fingerprint != before
    assert load(root, classes=["dog", "cat"]).fingerprint != before
    paint(root / "cat" / "0.png", 5000)
    assert load(root).fingerprint != before


def test_celeba_by_attribute(named_sets, paint):
    fill_celeba(named_sets / "celeba", paint)
    data = load("celeba", label="Smiling")
    assert data.classes == ("not Smiling", "Smiling")
    assert (len(data.train), len(data.val), len(data.test)) == (30, 5, 5)
    assert data.name == "celeba"
    assert data.image_size == (22, 18)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"cat": 5}, "photos has one class, 'cat'. A classifier needs two"),
        ({"cat": 5, "dog": 1}, "class 'dog' of photos has one picture.*--classes"),
        ({"test__cat": 5, "test__dog": 5}, "photos has no train pictures, only test"),
        ({"train__cat": 1, "train__dog": 1}, "no pictures are left for validation"),
    ],
)
def test_what_cannot_be_trained_on(photos, counts, message):
    root = photos(**counts)
    with pytest.raises(DataError, match=message) as caught:
        load(root)
    assert "\n" not in str(caught.value)


def test_one_picture_of_a_class_is_enough_where_splits_are_given(photos):
    data = load(photos(train__cat=9, train__dog=1, val__cat=2, test__dog=1))
    assert torch.bincount(data.train.labels).tolist() == [9, 1]


def test_several_copies_of_one_picture_are_one_picture(photos):
    root = photos(cat=5, dog=1)
    shutil.copy(root / "dog/0.png", root / "dog/1.png")
    with pytest.raises(DataError, match="class 'dog' of photos has one picture"):
        load(root)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"val": 0.5, "test": 0.5}, "val=0.5 and test=0.5"),
        ({"val": -0.1}, "val=-0.1"),
        ({"resize": "squeeze"}, "'squeeze' is not a resize rule"),
        ({"image_size": 0}, "image_size"),
        ({"val": 0.0}, "no pictures are left for validation"),
    ],
)
def test_settings_that_do_not_fit(photos, settings, message):
    with pytest.raises(UserError, match=message):
        load(photos(cat=5, dog=5), **settings)


def test_progress_tells_of_decoding_and_not_of_a_second_start(photos):
    root, seen = photos(cat=5, dog=5), []
    load(root, progress=lambda *step: seen.append(step))
    assert seen[-1][1:] == (10, 10)
    seen.clear()
    load(root, progress=lambda *step: seen.append(step))
    assert seen == []


def test_channels_can_be_asked_for(tmp_path, paint):
    for name in "ab":
        for number in range(4):
            paint(tmp_path / f"grey/{name}/{number}.png", number + 10 * ord(name), mode="L")
            paint(tmp_path / f"colour/{name}/{number}.png", number + 10 * ord(name))
    grey = load(tmp_path / "grey", channels=3)
    assert (grey.channels, grey.val.channels) == (3, 3)
    assert torch.equal(grey.train.images[:, 0], grey.train.images[:, 2])
    assert not any("channel" in note for note in grey.notes)
    coloured = load(tmp_path / "colour", channels=1)
    assert coloured.channels == 1
    assert any("turned grey" in note for note in coloured.notes)
    assert not any("grey" in note for note in load(tmp_path / "colour", channels=3).notes)
    with pytest.raises(UserError, match=r"channels=4 are neither grey \(1\) nor RGB \(3\)"):
        load(tmp_path / "grey", channels=4)


def test_the_sample_is_native_grey_and_divided_as_designed():
    data = load("sample")
    assert (len(data.train), len(data.val), len(data.test)) == (5400, 600, 1000)
    assert torch.bincount(data.val.labels).tolist() == [60] * 10
    assert (data.channels, data.image_size, data.name) == (1, (28, 28), "sample")
    assert data.notes == ()


def test_load_split_gives_the_splits_of_load(photos):
    root = photos(cat=30, dog=20)
    data = load(root)
    for split in ("train", "val", "test"):
        part, unreadable, notes = load_split(root, split, classes=data.classes, preprocessing=RGB)
        assert torch.equal(part.images, data.split(split).images)
        assert torch.equal(part.labels, data.split(split).labels)
        assert part.files == data.split(split).files
        assert (unreadable, notes) == ((), ())


def test_load_split_of_all(photos):
    root = photos(cat=30, dog=20)
    for split in (None, "all"):
        part, _, _ = load_split(root, split, classes=("cat", "dog"), preprocessing=RGB)
        assert sorted(part.files) == sorted(str(path.relative_to(root)) for path in root.rglob("*.png"))


def test_load_split_follows_the_classifier(photos):
    root = photos(a=10, b=10, c=10)
    part, _, notes = load_split(root, "all", classes=("c", "x", "b", "a"), preprocessing=GREY)
    assert part.classes == ("c", "x", "b", "a")
    assert part.images.shape == (30, 1, 8, 8)
    for label, file in zip(part.labels.tolist(), part.files, strict=True):
        assert part.classes[label] == file.split("/")[0]
    assert len(notes) == 1
    assert "no pictures of x" in notes[0]


def test_load_split_prepares_as_the_classifier_does(tmp_path, paint):
    for number in range(8):
        paint(tmp_path / "p" / "ab"[number % 2] / f"{number}.png", number, size=(20 + number, 33))
    wanted = Preprocessing((12, 10), 1, (0.5,), (0.5,), "pad")
    part, _, _ = load_split(tmp_path / "p", "all", classes=("a", "b"), preprocessing=wanted)
    for row, file in enumerate(part.files):
        expected = prepare(np.asarray(Image.open(tmp_path / "p" / file)), wanted)
        assert np.array_equal(part.images[row].permute(1, 2, 0).numpy(), expected)


def test_load_split_selects_as_load_did(cifar):
    data = load("cifar10", classes=["bird", "airplane"])
    with pytest.raises(DataError, match=r"cifar10 has pictures of .*which the classifier does not know"):
        load_split("cifar10", "test", classes=data.classes, preprocessing=RGB)
    wanted = Preprocessing((32, 32), 3, (0.5,) * 3, (0.5,) * 3)
    for split in ("train", "val", "test"):
        chosen = {"classes": data.classes, "select": data.classes}
        part, _, _ = load_split("cifar10", split, **chosen, preprocessing=wanted)
        assert torch.equal(part.images, data.split(split).images)
        assert torch.equal(part.labels, data.split(split).labels)


def test_load_split_takes_the_limit_of_train(photos):
    root = photos(cat=30, dog=20)
    part, _, _ = load_split(root, "train", classes=("cat", "dog"), preprocessing=RGB, limit=10)
    assert part.files == load(root, limit=10).train.files


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("test", "photos has no test pictures; it has train, val. Try --split"),
        ("tset", "'tset' is not a split"),
    ],
)
def test_load_split_of_what_is_not_there(photos, split, message):
    root = photos(train__cat=10, train__dog=10)
    with pytest.raises(UserError, match=message):
        load_split(root, split, classes=("cat", "dog"), preprocessing=RGB)


def test_load_split_of_a_folder_with_one_class(photos):
    part, _, notes = load_split(photos(dog=3), "all", classes=("cat", "dog"), preprocessing=RGB)
    assert part.labels.tolist() == [1, 1, 1]
    assert "no pictures of cat" in notes[0]


@pytest.mark.data
def test_birds_and_airplanes_as_pngs_are_bit_identical(tmp_path):
    from fieldmark.data.sources.cifar import cifar10

    for split, part in cifar10().items():
        rows = (part.labels == 0) | (part.labels == 2)
        images = part.images[rows].permute(0, 2, 3, 1).contiguous().numpy()
        for number, (pixels, label) in enumerate(zip(images, part.labels[rows].tolist(), strict=True)):
            path = tmp_path / "birds" / split / CLASSES[label] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path, compress_level=1)
    arrays = load("cifar10", classes=["airplane", "bird"])
    assert (len(arrays.train), len(arrays.val), len(arrays.test)) == (9_000, 1_000, 2_000)
    assert equal(arrays, load(tmp_path / "birds"))
