from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.cli.answers import show, to_csv, write
from fieldmark.errors import UserError


def row(file: str, *labels: str) -> dict[str, Any]:
    scores = [{"label": label, "score": 0.5 / (place + 1)} for place, label in enumerate(labels)]
    if not labels:
        return {
            "file": file,
            "status": "missing",
            "reason": "no such file",
            "label": None,
            "score": None,
            "scores": [],
        }
    return {
        "file": file,
        "status": "ok",
        "reason": None,
        "label": labels[0],
        "score": scores[0]["score"],
        "scores": scores,
    }


AWKWARD = ["a,b.jpg", 'say "cheese".jpg', "two\nlines.jpg", "\U0001f600.jpg", "= 1+1.jpg"]


def test_csv_has_a_column_pair_per_further_class_and_empty_cells_for_failures() -> None:
    text = to_csv([row("a.jpg", "cat", "dog"), row("b.jpg")], top_k=2)
    assert text.splitlines() == [
        "file,status,reason,label,score,label_2,score_2",
        "a.jpg,ok,,cat,0.5,dog,0.25",
        "b.jpg,missing,no such file,,,,",
    ]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text().filter(lambda name: "\r" not in name and "\0" not in name), max_size=5))
def test_any_name_comes_back_from_csv(names: list[str]) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv([row(name, "cat") for name in names], 1))))
    assert [one["file"] for one in rows] == names
    assert all(one["label"] == "cat" and None not in one for one in rows)


def test_a_csv_file_keeps_names_that_are_not_text(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    write([row("caf\udce9.jpg", "cat")], path, "csv", 1)
    assert path.read_bytes().splitlines()[1] == b"caf\xe9.jpg,ok,,cat,0.5"


def test_a_parquet_file_has_the_same_rows_with_typed_columns(tmp_path: Path) -> None:
    path = tmp_path / "answers.parquet"
    rows = [row(name, "cat", "dog") for name in AWKWARD] + [row("b.jpg")]
    write(rows, path, "parquet", 2)
    assert pyarrow.parquet.read_table(path).to_pylist() == rows


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        write([row("a.jpg", "cat")], tmp_path / "none" / "answers.csv", "csv", 1)
    (tmp_path / "answers.csv").mkdir()
    with pytest.raises(UserError, match="it is a folder"):
        write([row("a.jpg", "cat")], tmp_path / "answers.csv", "csv", 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.csv", "here"]


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_a_link_is_not_written_through(tmp_path: Path, form: str) -> None:
    (tmp_path / "outside").write_text("theirs")
    for name in (f"answers.{form}", f"answers.{form}.part"):
        (tmp_path / name).symlink_to(tmp_path / "outside")
    with pytest.raises(UserError, match="is a link"):
        write([row("a.jpg", "cat")], tmp_path / f"answers.{form}", form, 1)
    (tmp_path / f"answers.{form}").unlink()
    write([row("a.jpg", "cat")], tmp_path / f"answers.{form}", form, 1)
    assert (tmp_path / f"answers.{form}").stat().st_size > 20
    assert (tmp_path / "outside").read_text() == "theirs"


def test_the_table_keeps_each_picture_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    show([row("two\nlines.jpg", "[bold]cat", "dog"), row("b.jpg")])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["two\\nlines.jpg", "[bold]cat", "50.00", "%", "dog", "25.00", "%"] in lines
    assert ["b.jpg", "-", "-", "missing:", "no", "such", "file"] in lines


def test_a_class_name_that_is_not_utf8_reaches_parquet_and_csv(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    scores = [{"label": name, "score": 0.75}, {"label": "bar", "score": 0.25}]
    rows = [{"file": "1.jpg", "status": "ok", "reason": None, "label": name, "score": 0.75, "scores": scores}]
    write(rows, tmp_path / "a.parquet", "parquet", 2)
    (row,) = pyarrow.parquet.read_table(tmp_path / "a.parquet").to_pylist()
    assert (row["label"], row["scores"][0]["label"]) == ("caf\\udce9", "caf\\udce9")
    write(rows, tmp_path / "a.csv", "csv", 2)
    assert b"caf\xe9" in (tmp_path / "a.csv").read_bytes()


@pytest.mark.parametrize("name", ["=SUM(A1).jpg", "+1.jpg", "@x.jpg", "-1.jpg"])
def test_a_name_that_looks_like_a_formula_is_the_same_name_in_csv(name: str) -> None:
    row = {
        "file": name,
        "status": "missing",
        "reason": "no such file",
        "label": None,
        "score": None,
        "scores": [],
    }
    (read,) = csv.DictReader(io.StringIO(to_csv([row], 1)))
    assert read["file"] == name
