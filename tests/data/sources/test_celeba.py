"""CelebA's layout, on forty made-up pictures: no claim about the real set."""

from __future__ import annotations

import zipfile

import pytest

from fieldmark.data.sources.celeba import celeba
from fieldmark.errors import DataError, UserError

ATTRIBUTES = ["5_o_Clock_Shadow", "Heavy_Makeup", "Smiling", "Young"]


def value(picture: int, attribute: int) -> int:
    return 1 if (picture >> attribute) % 2 else -1


def split_of(picture: int) -> int:
    return 0 if picture < 30 else 1 if picture < 35 else 2


def fill(folder, paint, form="txt", images=True):
    """Forty pictures in the official layout: file names, attributes -1 and 1, splits 0, 1, 2."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{number:06d}.jpg" for number in range(1, 41)]
    join = "," if form == "csv" else "  "
    head = ["image_id," + ",".join(ATTRIBUTES)] if form == "csv" else ["40", " ".join(ATTRIBUTES) + " "]
    body = [
        join.join([name, *(str(value(picture, column)) for column in range(len(ATTRIBUTES)))])
        for picture, name in enumerate(names)
    ]
    (folder / f"list_attr_celeba.{form}").write_text("\n".join([*head, *body]) + "\n")
    head = ["image_id,partition"] if form == "csv" else []
    body = [f"{name}{join.strip() or ' '}{split_of(picture)}" for picture, name in enumerate(names)]
    (folder / f"list_eval_partition.{form}").write_text("\n".join([*head, *body]) + "\n")
    if images:
        for picture, name in enumerate(names):
            paint(folder / "img_align_celeba" / name, picture, size=(22, 18))
    return names


@pytest.mark.parametrize("form", ["txt", "csv"])
def test_the_attribute_is_chosen_by_name(named_sets, paint, form):
    names = fill(named_sets / "celeba", paint, form)
    listing = celeba("Smiling")
    assert listing.classes == ("not Smiling", "Smiling")
    assert listing.files == tuple(f"img_align_celeba/{name}" for name in names)
    assert listing.labels == tuple(int(value(picture, 2) == 1) for picture in range(40))
    assert listing.splits == ("train",) * 30 + ("val",) * 5 + ("test",) * 5
    assert all((listing.root / file).is_file() for file in listing.files)


def test_an_unknown_attribute_names_the_closest(named_sets, paint):
    fill(named_sets / "celeba", paint)
    with pytest.raises(UserError, match=r"'smile' is not a CelebA attribute\. Closest: Smiling"):
        celeba("smile")


def test_the_attribute_must_be_said(named_sets, paint):
    fill(named_sets / "celeba", paint)
    with pytest.raises(UserError, match=r"4 attributes: choose one with --label.*Smiling"):
        celeba()


def test_the_archive_of_pictures_is_unpacked(named_sets, paint, tmp_path):
    names = fill(tmp_path / "elsewhere", paint)
    fill(named_sets / "celeba", paint, images=False)
    with zipfile.ZipFile(named_sets / "celeba" / "img_align_celeba.zip", "w") as members:
        for name in names:
            members.write(tmp_path / "elsewhere" / "img_align_celeba" / name, f"img_align_celeba/{name}")
    listing = celeba("Young")
    assert all((listing.root / file).is_file() for file in listing.files)


@pytest.mark.parametrize("absent", ["img_align_celeba", "list_attr_celeba.txt", "list_eval_partition.txt"])
def test_what_is_missing_is_named_with_the_place(named_sets, paint, absent):
    fill(named_sets / "celeba", paint)
    (named_sets / "celeba" / absent).rename(named_sets / "gone")
    with pytest.raises(DataError, match=f"no {absent}") as caught:
        celeba("Smiling")
    assert str(named_sets / "celeba") in str(caught.value)


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("list_attr_celeba.txt", "000041.jpg 1 1", "row of 000041.jpg does not have 4 values"),
        ("list_attr_celeba.txt", "000041.jpg 1 1 0 1", "row of 000041.jpg does not have 4 values"),
        ("list_eval_partition.txt", "000041.jpg 3", "'000041.jpg 3' is not a file name and 0, 1 or 2"),
        ("list_eval_partition.txt", "000041.jpg 0", "000041.jpg is not in .*list_attr_celeba.txt"),
    ],
)
def test_broken_rows_are_named(named_sets, paint, file, line, message):
    fill(named_sets / "celeba", paint)
    with (named_sets / "celeba" / file).open("a") as table:
        table.write(line + "\n")
    with pytest.raises(DataError, match=message) as caught:
        celeba("Smiling")
    assert file in str(caught.value)
