"""What print makes of a data set: a short table, and never the numbers of its pictures."""

from __future__ import annotations

from dataclasses import replace

import torch

import fieldmark as fm
from fieldmark.vocabulary import Dataset, ImageSet, Predictions, Unreadable


def image_set(labels: list[int], classes: tuple[str, ...], channels: int = 3) -> ImageSet:
    images = torch.zeros(len(labels), channels, 8, 6, dtype=torch.uint8)
    return ImageSet(images, torch.tensor(labels, dtype=torch.int64), classes)


def test_a_data_set_is_a_table_of_its_splits_and_classes() -> None:
    classes = ("cat", "longer\nname")
    dataset = Dataset(
        image_set([0, 0, 1], classes),
        image_set([1], classes),
        None,
        "photos",
        (8, 6),
        notes=("something was left out.",),
        unreadable=(Unreadable("a.png", "broken"),),
    )
    assert str(dataset).splitlines() == [
        "photos: 4 pictures of 8x6 pixels, colour, 2 classes",
        "                train  val",
        "  pictures          3    1",
        "  cat               2    0",
        "  longer\\nname      1    1",
        "- something was left out.",
        "- left out, unreadable: 1",
    ]
    assert repr(dataset) == str(dataset)


def test_many_classes_do_not_fill_the_screen() -> None:
    classes = tuple(f"c{i}" for i in range(1000))
    few = image_set([0, 999], classes, channels=1)
    lines = str(Dataset(few, few, replace(few), "many", (8, 6))).splitlines()
    assert len(lines) < 30
    assert lines[-1] == "  and 980 classes more"


def test_the_packaged_sample_prints_as_a_table() -> None:
    text = str(fm.load("sample"))
    assert text.startswith("sample: 7,000 pictures of 28x28 pixels, grey, 10 classes\n")
    assert len(text.splitlines()) < 20


def test_pictures_and_answers_print_as_a_line() -> None:
    assert repr(image_set([0], ("cat",))) == "ImageSet(1 picture of 8x6 pixels, colour, 1 class)"
    assert repr(Predictions(torch.zeros(2000, 3))) == "Predictions(2,000 answers, 3 classes, without labels)"
