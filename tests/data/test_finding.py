"""What DATA means: a name, a folder or a table, and what is answered when it is none of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fieldmark.data.load import find
from fieldmark.errors import DataError, UserError
from fieldmark.vocabulary import Listing


@pytest.fixture
def photos(tmp_path, paint, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("cat", "dog")):
        paint(tmp_path / "photos" / name / "1.png", number)
    return tmp_path / "photos"


def test_a_folder_by_text_and_by_path(photos):
    for data in ("photos", "./photos", str(photos), photos, Path("photos")):
        name, found = find(data)
        assert name == "photos"
        assert isinstance(found, Listing)
        assert found.classes == ("cat", "dog")


def test_a_table_is_called_by_its_stem(tmp_path):
    (tmp_path / "birds.csv").write_text("file,label\n1.png,a\n")
    assert find(tmp_path / "birds.csv")[0] == "birds"


def test_a_name_is_the_set_even_beside_a_folder_of_that_name(photos):
    photos.rename("sample")
    assert isinstance(find("sample")[1], dict)
    for data in ("./sample", Path("sample")):
        assert isinstance(find(data)[1], Listing)


def test_the_current_folder_has_a_name_too(photos, monkeypatch):
    monkeypatch.chdir(photos)
    assert find(".")[0] == "photos"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("samplle", "no such path.*'samplle' is not a data set. Closest: sample"),
        ("photos/", "no such path: photos/"),
        ("~/no/such", "no such path: ~/no/such"),
        (Path("sample"), "no such path: sample"),
        ("~nobody-of-this-name/x", "no such path: ~nobody"),
        ("", "no such path"),
        ("photos/a\0b", "cannot read"),
        ("x" * 5000, "cannot read"),
    ],
)
def test_what_is_not_there(tmp_path, monkeypatch, data, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=message) as caught:
        find(data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.zip", "a.zip is an archive. Unpack it"),
        ("a.jpg", r"a\.jpg is a single file. Give a folder.*\.csv"),
    ],
)
def test_other_files_are_answered(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    Path(name).touch()
    with pytest.raises(DataError, match=message):
        find(name)


def test_a_label_for_a_folder_is_refused(photos):
    with pytest.raises(UserError, match="photos has one label per picture: --label size"):
        find("photos", "size")
