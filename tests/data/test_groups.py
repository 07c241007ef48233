"""What belongs together stays in one split: a patient, a video, a plant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.data.load import load, load_split
from fieldmark.data.splitting import cut, divide, units
from fieldmark.errors import DataError
from fieldmark.vocabulary import Dataset, Preprocessing

Paint = Callable[..., Path]


def hashes_of(numbers: list[int]) -> np.ndarray:
    return np.array([f"{number:04d}".encode() for number in numbers], "S32")


def test_equal_pictures_join_groups() -> None:
    groups = np.array(["x", "x", "y", "y", "", "z", ""])
    found = units(hashes_of([5, 1, 1, 7, 7, 9, 9]), groups)
    assert found.tolist() == [0, 0, 0, 0, 0, found[5], found[5]]
    assert found[5] != 0


Row = tuple[int, str, int]
pictures = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from(["", "a", "b", "c", "d", "e", "f"]), st.integers(0, 2)),
    min_size=1,
    max_size=60,
)


@settings(deadline=None, max_examples=80)
@given(pictures, st.randoms(use_true_random=False))
def test_no_group_and_no_picture_is_parted_in_whatever_order(
    rows: list[tuple[int, str, int]], random
) -> None:
    def where(rows: list[tuple[int, str, int]]) -> dict[tuple[int, str], set[int]]:
        numbers, names, labels = zip(*rows, strict=True)
        found = cut(
            hashes_of(list(numbers)), np.array(labels), val=0.2, test=0.2, groups=np.array(names, np.str_)
        )
        splits: dict[tuple[int, str], set[int]] = {}
        for number, name, split in zip(numbers, names, found.tolist(), strict=True):
            splits.setdefault((number, ""), set()).add(split)
            if name:
                splits.setdefault((-1, name), set()).add(split)
        return splits

    first = where(rows)
    assert all(len(splits) == 1 for splits in first.values())
    random.shuffle(rows)
    assert where(rows) == first


def test_validation_is_cut_from_train_by_groups() -> None:
    groups = np.array([f"g{number // 5}" for number in range(50)])
    given_splits = np.array(["train"] * 40 + ["test"] * 10)
    parts = divide(
        hashes_of(list(range(50))), np.zeros(50, np.int64), given_splits, val=0.25, test=0.1, groups=groups
    )
    assert {split: len(rows) for split, rows in parts.items()} == {"train": 30, "val": 10, "test": 10}
    assert not set(groups[parts["train"]]) & set(groups[parts["val"]])


@pytest.fixture
def clinic(tmp_path: Path, paint: Paint) -> Path:
    """A table of 120 pictures of 30 patients, both classes of every patient."""
    rows = []
    for number in range(120):
        paint(tmp_path / f"{number}.png", number)
        rows.append(f"{number}.png,{'ill' if number % 2 else 'well'},p{number // 4}")
    path = tmp_path / "table.csv"
    path.write_text("file,label,patient\n" + "\n".join(rows) + "\n")
    return path


def patients(dataset: Dataset, split: str) -> set[int]:
    images = dataset.split(split)
    assert images is not None
    assert images.files is not None
    return {int(file.removesuffix(".png")) // 4 for file in images.files}


def test_every_patient_is_in_one_split_and_evaluate_takes_the_same(clinic: Path) -> None:
    dataset = load(clinic, group="Patient")
    parts = {split: patients(dataset, split) for split in ("train", "val", "test")}
    assert sum(map(len, parts.values())) == len(set.union(*parts.values())) == 30
    assert all(2 <= len(parts[split]) <= 4 for split in ("val", "test"))  # a tenth of 30, in whole patients
    assert any(patients(load(clinic), "train") & patients(load(clinic), split) for split in ("val", "test"))
    images, _, notes = load_split(
        clinic,
        "test",
        classes=dataset.classes,
        preprocessing=Preprocessing((8, 8), 3, (0.5,) * 3, (0.5,) * 3),
        group="patient",
        trained_on=dataset.fingerprint,
    )
    assert dataset.test is not None
    assert images.files == dataset.test.files
    assert notes == ()


def test_groups_that_the_table_itself_parts_are_noted(clinic: Path) -> None:
    lines = clinic.read_text().splitlines()
    lines = [
        f"{lines[0]},split",
        *(f"{line},{'test' if n % 40 < 6 else 'train'}" for n, line in enumerate(lines[1:])),
    ]
    clinic.write_text("\n".join(lines) + "\n")
    notes = load(clinic, group="patient").notes
    assert any(note.startswith("groups in more than one of train, val, test: 3.") for note in notes)


def test_a_single_group_leaves_nothing_for_validation(clinic: Path) -> None:
    text = "file,label,patient\n" + "".join(f"{n}.png,{'ab'[n % 2]},one\n" for n in range(8))
    clinic.write_text(text)
    with pytest.raises(DataError, match=r"no pictures are left for validation.*--group with more groups"):
        load(clinic, group="patient")
