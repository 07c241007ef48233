"""Tables as other people and other programs write them."""

from __future__ import annotations

import io
import json
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fieldmark.data.load import find as find_data
from fieldmark.data.load import load
from fieldmark.data.sources import cells, table
from fieldmark.data.store.housekeeping import clear_stores, list_stores
from fieldmark.errors import DataError, UserError
from fieldmark.vocabulary import Listing

LONG = "x" * 5000


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def parquet(path: Path, metadata: dict[bytes, bytes] | None = None, **columns: Any) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet as format_

    format_.write_table(pyarrow.table(columns).replace_schema_metadata(metadata), path)
    return path


def labels(listing: Listing) -> list[str]:
    return [listing.classes[label] for label in listing.labels]


def png(seed: int, size: tuple[int, int] = (8, 8)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


# CSV


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_every_way_to_end_a_line(tmp_path: Path, end: str) -> None:
    listing = table.read_table(write(tmp_path / "t.csv", f"file;label{end}1.jpg;cat{end}2.jpg;dog{end}"))
    assert (listing.files, labels(listing)) == (("1.jpg", "2.jpg"), ["cat", "dog"])


def test_a_cell_of_any_length(tmp_path: Path) -> None:
    content = f"file,label,pixels\n1.jpg,cat,{'0 ' * 100_000}\n2.jpg,dog,0\n"
    assert table.read_table(write(tmp_path / "t.csv", content)).classes == ("cat", "dog")


def test_a_quoted_label_after_a_space_has_no_quotes(tmp_path: Path) -> None:
    content = 'file, label\n"1.jpg", "cat, tabby"\n2.jpg, "dog"\n'
    assert table.read_table(write(tmp_path / "t.csv", content)).classes == ("cat, tabby", "dog")


@pytest.mark.parametrize(
    ("written", "classes"),
    [
        (["1", "1.0", "2.0"], ("1", "2")),
        (["0.0", "1.0", "2.0"], ("0", "1", "2")),  # whole numbers as pandas writes them beside a gap
        (["1.0", "1.5", "2.0"], ("1.0", "1.5", "2.0")),
        (["v1.0", "v1", "3"], ("3", "v1", "v1.0")),
        (["12345678901234567890", "12345678901234567891", "1"], None),
    ],
)
def test_whole_numbers_are_one_class_however_written(
    tmp_path: Path, written: list[str], classes: tuple[str, ...] | None
) -> None:
    rows = "".join(f"{number}.jpg,{label}\n" for number, label in enumerate(written))
    assert table.read_table(write(tmp_path / "t.csv", f"file,label\n{rows}")).classes == (
        classes or ("1", *sorted(written[:2]))
    )


@pytest.mark.parametrize("written", [("1.5", "1.50"), ("007", "7"), ("1", "1.0", "cat")])
def test_one_number_in_two_spellings_is_asked_about(tmp_path: Path, written: tuple[str, ...]) -> None:
    rows = "".join(f"{number}.jpg,{label}\n" for number, label in enumerate(written))
    with pytest.raises(
        DataError, match=f"row 3: '{written[1]}' here and '{written[0]}' above are one number"
    ):
        table.read_table(write(tmp_path / "t.csv", f"file,label\n{rows}"))


@pytest.mark.parametrize(
    "name",
    [
        "filepath",
        "image_name",
        "img_path",
        "image_id",
        "Image Name",
        "File-Path",
        "IMG_NAME",
        "image_filename",
    ],
)
def test_file_columns_of_other_names(tmp_path: Path, name: str) -> None:
    assert table.read_table(write(tmp_path / "t.csv", f"{name},label\n1.jpg,a\n2.jpg,b\n")).files == (
        "1.jpg",
        "2.jpg",
    )


def test_the_file_column_may_be_named(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "file,where,label\n1.jpg,9.jpg,a\n2.jpg,8.jpg,b\n")
    assert table.read_table(path, file_column="Where").files == ("9.jpg", "8.jpg")
    with pytest.raises(DataError, match=r"'wher' is not a column\. Closest: where"):
        table.read_table(path, file_column="wher")
    with pytest.raises(DataError, match=r"no column of file names.*--file-column"):
        table.read_table(write(tmp_path / "u.csv", "where,label\n1.jpg,a\n"))


@pytest.mark.parametrize(
    "address", ["https://example.com/a.jpg", "HTTP://example.com/a.jpg", "s3://pets/a.jpg"]
)
def test_addresses_are_no_files(tmp_path: Path, address: str) -> None:
    with pytest.raises(DataError, match=r"row 3: .*a\.jpg is an address on the web.*Download the pictures"):
        table.read_table(write(tmp_path / "t.csv", f"file,label\n1.jpg,a\n{address},b\n"))


@pytest.mark.parametrize(
    "content",
    [
        f"file,label\n1.jpg,{LONG}\n1.jpg,dog\n",
        f"file,label\n{LONG}.jpg,cat\n{LONG}.jpg,dog\n",
        f"file,label,split\n1.jpg,cat,{LONG}\n",
        f"file,label,{LONG},{LONG}\n1.jpg,cat,1,2\n",
        f"{LONG},label\n1.jpg,cat\n",
        f"file,{LONG}\n1.jpg,cat\n",
        f"file,label\nhttps://{LONG},cat\n",
        f"file,label,split\n1.jpg,cat,train\n2.jpg,{LONG},test\n",
    ],
)
def test_no_message_holds_thousands_of_characters(tmp_path: Path, content: str) -> None:
    with pytest.raises(DataError) as caught:
        table.read_table(write(tmp_path / "t.csv", content))
    assert len(str(caught.value)) < 600 + len(str(tmp_path))


# Splits


def splits(
    tmp_path: Path, header: str, *cells: str, **chosen: str
) -> tuple[tuple[str | None, ...], tuple[str, ...]]:
    rows = "".join(f"{number}.jpg,{'ab'[number % 2]},{cell}\n" for number, cell in enumerate(cells))
    listing = table.read_table(write(tmp_path / "t.csv", f"file,label,{header}\n{rows}"), **chosen)
    return listing.splits, listing.notes


@pytest.mark.parametrize("header", ["is_valid", "Is Valid", "is_test"])
@pytest.mark.parametrize(("yes", "no"), [("True", "False"), ("1", "0")])
def test_a_column_of_true_and_false_under_its_known_name(
    tmp_path: Path, header: str, yes: str, no: str
) -> None:
    found, notes = splits(tmp_path, header, no, no, yes)
    assert found == ("train", "train", "test" if header == "is_test" else "val")
    assert any(f"column '{header}' is taken as the split: 2 train" in note for note in notes)


@pytest.mark.parametrize("header", ["set", "data set", "Subset", "dataset"])
def test_split_columns_of_other_names(tmp_path: Path, header: str) -> None:
    found, notes = splits(tmp_path, header, "Training", "TRAIN", "testing")
    assert found == ("train", "train", "test")
    assert any(f"column '{header}' is taken as the split" in note for note in notes)


def test_a_column_named_split_goes_without_saying(tmp_path: Path) -> None:
    assert splits(tmp_path, "split", "train", "train", "dev") == (("train", "train", "val"), ())


def test_a_column_that_looks_like_a_split_is_not_ignored_without_a_word(tmp_path: Path) -> None:
    found, notes = splits(tmp_path, "usage", "Training", "Training", "Testing")
    assert found == (None, None, None)
    assert any("column 'usage' looks like a split" in note and "--split-column" in note for note in notes)
    found, notes = splits(tmp_path, "split,usage", "train,test", "train,train", "val,train")
    assert found == ("train", "train", "val")
    assert any("column 'usage' looks like a split" in note for note in notes)


def test_the_split_column_may_be_named(tmp_path: Path) -> None:
    assert splits(tmp_path, "usage", "Training", "Training", "Testing", split_column="Usage")[0][2] == "test"
    assert splits(tmp_path, "held_out", "no", "no", "yes", split_column="held_out")[0] == (
        "train",
        "train",
        "val",
    )
    with pytest.raises(DataError, match="row 2: split '1'"):
        splits(tmp_path, "fold", "1", "2", "3", split_column="fold")


def test_a_column_of_other_words_is_no_split(tmp_path: Path) -> None:
    assert splits(tmp_path, "dataset", "imagenet", "imagenet", "coco") == ((None, None, None), ())


def test_columns_are_of_tables_only(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").touch()
    with pytest.raises(UserError, match=r"is no table: --split-column x"):
        find_data(tmp_path, split_column="x")
    with pytest.raises(UserError, match=r"sample is no table: --group patient"):
        find_data("sample", group="patient")


# Names on disk


def test_a_decomposed_name_on_disk_is_found_from_a_composed_one(tmp_path: Path) -> None:
    apart = unicodedata.normalize("NFD", "caf\u00e9")
    (tmp_path / apart).mkdir()
    (tmp_path / apart / f"{apart}.jpg").touch()
    listing = table.read_table(
        write(tmp_path / "t.csv", "file,label\ncaf\u00e9/caf\u00e9.jpg,caf\u00e9\n2.jpg,b\n")
    )
    assert [(tmp_path / name).exists() for name in listing.files] == [True, False]
    assert listing.classes == ("b", "caf\u00e9")


def test_a_name_without_an_extension_is_the_only_picture_of_that_name(tmp_path: Path) -> None:
    for name in ("7.jpg", "7.txt", "8.jpg", "8.png"):
        (tmp_path / name).touch()
    listing = table.read_table(write(tmp_path / "t.csv", "image_id,label\n7,a\n8,b\n"))
    assert listing.files == ("7.jpg", "8")


@pytest.mark.parametrize(
    ("name", "inside"), [("../x/1.jpg", False), ("/x/1.jpg", False), ("a/../1.jpg", True)]
)
def test_a_table_that_leads_outside_its_folder_is_noted(tmp_path: Path, name: str, inside: bool) -> None:
    listing = table.read_table(write(tmp_path / "t.csv", f"file,label\n{name},a\n2.jpg,b\n"))
    assert any("leads outside its folder, to 1 files" in note for note in listing.notes) is not inside


# Parquet


@pytest.mark.parametrize("kind", ["bytes", "struct"])
def test_pictures_inside_a_parquet_table(tmp_path: Path, kind: str) -> None:
    whole = [png(seed) for seed in range(40)]
    cells = whole if kind == "bytes" else [{"bytes": one, "path": f"{n}.png"} for n, one in enumerate(whole)]
    path = parquet(tmp_path / "t.parquet", image=cells, label=[number % 2 for number in range(40)])
    dataset = load(path)
    for number, one in enumerate(whole):
        (tmp_path / "files" / str(number % 2)).mkdir(parents=True, exist_ok=True)
        (tmp_path / "files" / str(number % 2) / f"{number}.png").write_bytes(one)
    assert dataset.fingerprint == load(tmp_path / "files").fingerprint
    assert not any("outside" in note for note in dataset.notes)


def test_pictures_of_a_table_are_written_out_once_and_cleared(tmp_path: Path) -> None:
    path = parquet(tmp_path / "t.parquet", image=[png(1), png(2)], label=["a", "b"])
    first = table.read_table(path)
    assert first.files == ("row-2.png", "row-3.png")
    (store,) = list_stores()
    assert (store.path, store.pictures, store.root) == (first.root, 2, str(path))
    made = (first.root / "row-2.png").stat().st_mtime_ns
    assert table.read_table(path).root == first.root
    assert (first.root / "row-2.png").stat().st_mtime_ns == made
    (first.root / "row-3.png").unlink()
    assert (table.read_table(path).root / "row-3.png").read_bytes() == png(2)
    clear_stores()
    assert not first.root.exists()


def test_a_path_in_place_of_a_picture_starts_from_the_table(tmp_path: Path) -> None:
    cells = [{"bytes": png(1), "path": None}, {"bytes": None, "path": "a/2.png"}]
    listing = table.read_table(parquet(tmp_path / "t.parquet", image=cells, label=["a", "b"]))
    assert [listing.root / name for name in listing.files][1] == tmp_path / "a" / "2.png"


def test_classes_have_the_names_that_the_hub_gives_them(tmp_path: Path) -> None:
    features = {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}, "image": {"_type": "Image"}}
    metadata = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    path = parquet(tmp_path / "t.parquet", metadata, image=[png(1), png(2)], label=[1, 0])
    assert labels(table.read_table(path)) == ["dog", "cat"]


@pytest.mark.parametrize("notes", [b"[" * 100_000, b"3", b'{"info": {"features": {"label": {"names": 3}}}}'])
def test_other_notes_in_a_parquet_table_are_let_be(tmp_path: Path, notes: bytes) -> None:
    path = parquet(tmp_path / "t.parquet", {b"huggingface": notes}, file=["1.jpg", "2.jpg"], label=[1, 0])
    assert labels(table.read_table(path)) == ["1", "0"]


def test_bytes_are_text_where_they_can_be(tmp_path: Path) -> None:
    path = parquet(tmp_path / "t.parquet", file=[b"1.jpg", b"2.jpg"], label=[b"cat", "caf\u00e9".encode()])
    listing = table.read_table(path)
    assert (listing.files, labels(listing)) == (("1.jpg", "2.jpg"), ["cat", "caf\u00e9"])
    path = parquet(tmp_path / "u.parquet", file=["1.jpg", "2.jpg"], label=[b"cat", b"\xff\xfe"])
    with pytest.raises(DataError, match="row 3: column 'label' holds bytes, and no text"):
        table.read_table(path)


def test_a_small_parquet_table_with_a_huge_picture_column_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells, "SLACK", 2**16)
    one = png(1, (100, 100))  # kept once in the file, however many rows have it
    path = parquet(tmp_path / "t.parquet", image=[one] * 1000, label=["a"] * 1000)
    assert path.stat().st_size * 20 < 1000 * len(one)
    with pytest.raises(DataError, match="far more than pictures in files"):
        table.read_table(path)
    assert list_stores() == []


def test_billions_of_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "MOST_ROWS", 3)
    with pytest.raises(DataError, match="has 4 rows; at most 3"):
        table.read_table(parquet(tmp_path / "t.parquet", file=["1.jpg"] * 4, label=["a"] * 4))
