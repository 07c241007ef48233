"""Tables: delimiters, columns, splits, and one label per picture."""

from __future__ import annotations

import csv
import io
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.data.sources import table
from fieldmark.errors import DataError


@pytest.fixture
def write(tmp_path):
    def put(text, name="labels.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return put


def rows(listing):
    names = [listing.classes[label] for label in listing.labels]
    return list(zip(listing.files, names, listing.splits, strict=True))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_delimiters_byte_order_marks_and_line_ends(write, tmp_path, delimiter, encoding, newline):
    lines = [["file", "label"], ["a/1.jpg", "caf\u00e9"], ["a/2.jpg", "bar"]]
    path = write(newline.join(delimiter.join(line) for line in lines) + newline, encoding=encoding)
    listing = table.read_table(path)
    assert listing.root == tmp_path
    assert rows(listing) == [("a/1.jpg", "caf\u00e9", None), ("a/2.jpg", "bar", None)]
    assert listing.classes == ("bar", "caf\u00e9")


@pytest.mark.parametrize("file_column", ["file", "Filename", "path", "IMAGE"])
@pytest.mark.parametrize("label_column", ["label", "Class", "target"])
def test_the_usual_column_names(write, file_column, label_column):
    listing = table.read_table(write(f",{label_column},{file_column},width\n0,cat,1.jpg,5\n1,dog,2.jpg,6\n"))
    assert rows(listing) == [("1.jpg", "cat", None), ("2.jpg", "dog", None)]


def test_label_chooses_the_column(write):
    path = write("file,label,species\n1.jpg,0,wren\n2.jpg,1,crow\n")
    assert table.read_table(path).classes == ("0", "1")
    assert table.read_table(path, "species").classes == ("crow", "wren")
    assert table.read_table(path, "Species").classes == ("crow", "wren")
    with pytest.raises(DataError, match=r"'specie' is not a column.*Closest: species"):
        table.read_table(path, "specie")


def test_splits(write):
    listing = table.read_table(
        write("file,label,split\n1.jpg,a,Train\n2.jpg,b,train\n3.jpg,a,valid\n4.jpg,b,test\n")
    )
    assert listing.splits == ("train", "train", "val", "test")


def test_an_empty_split_column_says_nothing(write):
    assert table.read_table(write("file,label,split\n1.jpg,a,\n2.jpg,b,\n")).splits == (None, None)


def test_numbered_classes_in_natural_order(write):
    text = "file,label\n" + "".join(f"{number}.jpg,{number}\n" for number in range(1, 65))
    assert table.read_table(write(text)).classes == tuple(str(number) for number in range(1, 65))


def test_windows_paths_and_repeated_rows(write):
    listing = table.read_table(write("file,label\n.\\cats\\1.jpg,cat\ncats/1.jpg,cat\ndogs//2.jpg,dog\n"))
    assert listing.files == ("cats/1.jpg", "dogs/2.jpg")
    assert any("repeat another: 1." in note for note in listing.notes)


def test_odd_names_are_data_never_paths(write):
    labels = ["../../etc", "CON", "new\nline", "a, b", 'quo"te', "\N{PARTY POPPER}"]
    out = io.StringIO()
    csv.writer(out).writerows([["file", "label"], *([f"{n}.jpg", label] for n, label in enumerate(labels))])
    listing = table.read_table(write(out.getvalue()))
    assert [listing.classes[label] for label in listing.labels] == labels


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=8)


@settings(deadline=None, max_examples=60)
@given(st.lists(cells.filter(lambda text: text.strip() and text[0] != "["), min_size=2, max_size=6))
def test_what_the_csv_module_writes_comes_back(tmp_path_factory, labels):
    path = tmp_path_factory.mktemp("tables") / "labels.csv"
    labels = [label.replace("|", "").replace(";", "") or "x" for label in labels]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [["file", "label"], *([f"{n}.jpg", label] for n, label in enumerate(labels))]
        )
    if not all(label.strip() for label in labels):
        return
    listing = table.read_table(path)
    assert [listing.classes[label] for label in listing.labels] == [label.strip() for label in labels]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no header"),
        ("file,label\n", "no rows"),
        ("name,label\n1.jpg,a\n", "no column of file names.*name, label"),
        ("file,size\n1.jpg,a\n", "no column of labels.*file, size.*--label"),
        ("file,label\n1.jpg,a\n2.jpg\n", "row 3: 1 cells; the header has 2"),
        ("file,label\n1.jpg,a\n2.jpg,\n", "row 3: no label in column 'label'"),
        ("file,label\n,a\n", "row 2: no file name"),
        ("file,label,label\n1.jpg,a,b\n", "two columns of the name 'label'"),
        ("file,label,split\n1.jpg,a,train\n2.jpg,b,later\n", "row 3: split 'later'.*train, val"),
        ("file,label,split\n1.jpg,a,train\n2.jpg,b,\n", "row 3: split ''"),
        ('file,label\n1.jpg,"a\n', "not a CSV table"),
        ("file,label,split\n1.jpg,a,train\n2.jpg,b,test\n", "test.*train has none.*'b'"),
    ],
)
def test_tables_that_cannot_be_used(write, text, message):
    path = write(text)
    with pytest.raises(DataError, match=message) as caught:
        table.read_table(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label\n1.jpg,cat\n2.jpg,cat|dog\n", "row 3.*'cat\\|dog'"),
        ("file,label\n1.jpg,cat;dog\n2.jpg,cat\n", "row 2.*'cat;dog'"),
        ("file,label\n1.jpg,cat|dog\n2.jpg,dog|emu\n", "row 3.*'dog\\|emu'"),
        ("file,label\n1.jpg,\"['cat', 'dog']\"\n2.jpg,cat\n", "row 2"),
        ("file,label\n1.jpg,cat\n./1.jpg,dog\n", "row 3.*1.jpg is 'dog' here and 'cat' above"),
        ("file,cat,dog\n1.jpg,1,1\n2.jpg,0,1\n", "columns cat, dog.*--label"),
        ("file,cat,dog\n1.jpg,-1,1\n2.jpg,1,-1\n", "columns cat, dog.*--label"),
    ],
)
def test_several_labels_per_picture_are_refused_by_name(write, text, message):
    with pytest.raises(DataError, match="several labels per picture") as caught:
        table.read_table(write(text))
    assert caught.match(message)
    assert caught.match("one label per picture")


def test_a_bar_in_a_name_is_no_second_label(write):
    assert table.read_table(write("file,label\n1.jpg,black|white\n2.jpg,grey\n")).classes == (
        "black|white",
        "grey",
    )


def test_one_of_several_marks_may_be_chosen(write):
    listing = table.read_table(write("file,cat,dog\n1.jpg,1,1\n2.jpg,0,1\n"), "cat")
    assert rows(listing) == [("1.jpg", "1", None), ("2.jpg", "0", None)]


def test_text_that_is_not_utf8_is_answered(write):
    with pytest.raises(DataError, match=r"labels\.csv is not UTF-8"):
        table.read_table(write("file,label\n1.jpg,caf\u00e9\n", encoding="latin-1"))


def parquet(path, **columns):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet as format_

    format_.write_table(pyarrow.table(columns), path)
    return path


def test_parquet(tmp_path):
    path = parquet(
        tmp_path / "t.parquet",
        file=["1.jpg", "2.jpg", "3.jpg"],
        label=[10, 2, 2],
        split=["train", "train", "test"],
    )
    listing = table.read_table(path)
    assert rows(listing) == [("1.jpg", "10", "train"), ("2.jpg", "2", "train"), ("3.jpg", "2", "test")]
    assert listing.classes == ("2", "10")


def test_parquet_lists(tmp_path):
    one = parquet(tmp_path / "one.parquet", file=["1.jpg", "2.jpg"], label=[["cat"], ["dog"]])
    assert table.read_table(one).classes == ("cat", "dog")
    two = parquet(tmp_path / "two.parquet", file=["1.jpg", "2.jpg"], label=[["cat"], ["cat", "dog"]])
    with pytest.raises(DataError, match="row 3: several labels per picture"):
        table.read_table(two)


@pytest.mark.parametrize("label", [[1.0, None], ["a", None], [1.0, float("nan")]])
def test_parquet_without_a_label(tmp_path, label):
    with pytest.raises(DataError, match="row 3: no label"):
        table.read_table(parquet(tmp_path / "t.parquet", file=["1.jpg", "2.jpg"], label=label))


def test_parquet_needs_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r"fieldmark\[table\]"):
        table.read_table(tmp_path / "t.parquet")


def test_broken_parquet(tmp_path):
    path = tmp_path / "t.parquet"
    path.write_bytes(b"no table")
    with pytest.raises(DataError, match=r"t\.parquet is not a Parquet table"):
        table.read_table(path)
