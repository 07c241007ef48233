"""What is said where pictures are few, or many of them cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fieldmark.data.decode import pool
from fieldmark.data.load import load, load_split
from fieldmark.data.store.housekeeping import cache_folder, clear_stores
from fieldmark.errors import DataError
from fieldmark.vocabulary import Preprocessing

Paint = Callable[..., Path]
SETTINGS = Preprocessing((8, 8), 3, (0.5,) * 3, (0.5,) * 3)


def folder_of(root: Path, paint: Paint, count: int, broken: int = 0, splits: tuple[str, ...] = ("",)) -> Path:
    seed = 0
    for split in splits:
        for name in ("cat", "dog"):
            for number in range(count):
                path = paint(root / split / name / f"{number}.png", seed := seed + 1)
                if number < broken:
                    path.write_bytes(b"a poem")
    return root


@pytest.mark.parametrize(("count", "shares"), [(3, "33/33/33"), (5, "60/20/20"), (10, None)])
def test_shares_other_than_asked_for_are_said(
    tmp_path: Path, paint: Paint, count: int, shares: str | None
) -> None:
    notes = load(folder_of(tmp_path / "set", paint, count)).notes
    said = [note for note in notes if note.startswith("few pictures")]
    assert len(said) == (shares is not None)
    assert all(f"{shares} % of them instead of 80/10/10" in note for note in said)


def test_shares_that_the_data_gives_are_not_remarked_on(tmp_path: Path, paint: Paint) -> None:
    root = folder_of(tmp_path / "set", paint, 3, splits=("train", "val", "test"))
    assert not any("few pictures" in note for note in load(root).notes)


def test_the_whole_list_of_unreadable_pictures_is_written_and_named(tmp_path: Path, paint: Paint) -> None:
    root = folder_of(tmp_path / "my pets", paint, 30, broken=10)
    with pytest.raises(DataError, match=r"20 of 60 pictures.*--allow-unreadable") as caught:
        load(root)
    path = cache_folder() / "unreadable-my-pets.txt"
    assert str(path) in str(caught.value)
    lines = path.read_text().splitlines()
    assert lines[1:] == [f"{name}/{n}.png\ttext, not a picture" for name in ("cat", "dog") for n in range(10)]
    (cache_folder() / "unreadable-diary.txt").write_text("mine")
    clear_stores()
    assert [path.name for path in cache_folder().glob("*.txt")] == ["unreadable-diary.txt"]


def test_unreadable_pictures_may_be_allowed(tmp_path: Path, paint: Paint) -> None:
    root = folder_of(tmp_path / "set", paint, 30, broken=10)
    dataset = load(root, allow_unreadable=True)
    assert len(dataset.unreadable) == 20
    assert len(dataset.train) + len(dataset.val) + len(dataset.test or ()) == 40
    assert any("10 more that cannot be read; all: " in note for note in dataset.notes)
    images, unreadable, _ = load_split(
        root, "all", classes=("cat", "dog"), preprocessing=SETTINGS, allow_unreadable=True
    )
    assert (len(images), len(unreadable)) == (40, 20)


def test_a_class_that_cannot_be_read_at_all_is_never_allowed(tmp_path: Path, paint: Paint) -> None:
    root = folder_of(tmp_path / "set", paint, 20)
    for path in (root / "dog").iterdir():
        path.write_bytes(b"")
    with pytest.raises(DataError, match="no picture of class 'dog'"):
        load(root, allow_unreadable=True)


# Who decodes what


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are decoded from now on."""

    paths: list[str] = []
    opened = pool.opened

    def noting(path: str) -> object:
        paths.append(str(path))
        return opened(path)

    monkeypatch.setattr(pool, "opened", noting)
    return paths


@pytest.mark.parametrize("margin", [1.0, 1.25])
@pytest.mark.parametrize("splits", [("",), ("train", "test")])
def test_evaluation_after_training_decodes_nothing(
    tmp_path: Path, paint: Paint, decoded: list[str], margin: float, splits: tuple[str, ...]
) -> None:
    root = folder_of(tmp_path / "set", paint, 20, splits=splits)
    trained = load(root, image_size=None if margin == 1 else (6, 6), margin=margin)
    decoded.clear()
    preprocessing = Preprocessing(trained.image_size, 3, (0.5,) * 3, (0.5,) * 3)
    images, _, notes = load_split(
        root, "test", classes=trained.classes, preprocessing=preprocessing, trained_on=trained.fingerprint
    )
    assert decoded == []
    assert trained.test is not None
    assert (images.images == trained.test.images).all()
    assert notes == ()


@pytest.mark.parametrize("given", [("train", "val", "test"), ("train", "test")])
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_split_decoded_alone_is_the_one_of_the_whole_set(
    tmp_path: Path, paint: Paint, decoded: list[str], given: tuple[str, ...], split: str
) -> None:
    root = folder_of(tmp_path / "set", paint, 20, splits=given)
    images, _, _ = load_split(root, split, classes=("cat", "dog"), preprocessing=SETTINGS)
    assert ("test" in {Path(path).parts[-3] for path in decoded}) == (split == "test")
    whole = load(root, image_size=(8, 8)).split(split)
    assert whole is not None
    assert images.files == whole.files
    assert (images.images == whole.images).all()


def test_one_given_split_alone_is_decoded_and_once(tmp_path: Path, paint: Paint, decoded: list[str]) -> None:
    root = folder_of(tmp_path / "set", paint, 20, splits=("train", "test"))
    load_split(root, "test", classes=("cat", "dog"), preprocessing=SETTINGS, trained_on="any")
    assert {Path(path).parts[-3] for path in decoded} == {"test"}
    decoded.clear()
    load(root, image_size=(8, 8))
    assert {Path(path).parts[-3] for path in decoded} == {"train"}
