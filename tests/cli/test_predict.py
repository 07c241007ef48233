from __future__ import annotations

import csv
import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from cli.cli_helpers import make_pictures

from fieldmark.cli import main


@pytest.fixture
def holiday(tmp_path: Path) -> Path:
    """Three good pictures, a text file called .jpg, and a file that is none."""
    folder = tmp_path / "holiday"
    make_pictures(folder, 1, 180)
    (folder / "1.png").rename(folder / "10.png")
    make_pictures(folder / "more", 2, 20, (40, 30))
    (folder / "2.jpg").write_text("not a picture")
    (folder / "notes.txt").write_text("milk")
    return folder


def rows(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["predictions"]
    found: list[dict[str, Any]] = document["predictions"]
    return found


def test_every_picture_has_its_row_in_order(
    run: Path, holiday: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(run), str(holiday), "missing.jpg", "--json"]) == 0
    found = rows(capsys)
    files = [str(holiday / name) for name in ("2.jpg", "10.png", "more/1.png", "more/2.png")]
    assert [row["file"] for row in found] == [*files, "missing.jpg"]
    assert [row["status"] for row in found] == ["unreadable", "ok", "ok", "ok", "missing"]
    assert [row["label"] for row in found] == [None, "day", "night", "night", None]
    good = found[1]
    assert list(good) == ["file", "status", "reason", "label", "score", "scores"]
    assert good["reason"] is None
    assert good["score"] == good["scores"][0]["score"]
    assert [one["label"] for one in good["scores"]] == ["day", "night"], "clipped to the classes, best first"
    assert sum(one["score"] for one in good["scores"]) == pytest.approx(1)
    assert found[0]["scores"] == []
    assert "text" in found[0]["reason"]


def test_what_is_left_out_and_what_failed_is_counted_on_stderr(
    run: Path, holiday: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(run), str(holiday), "--json"]) == 0
    told = capsys.readouterr().err
    assert "extension: 1 (1 .txt)" in told
    assert "4 pictures: 1 unreadable, 3 ok" in told


def test_strict_makes_any_failure_exit_code_1(
    run: Path, holiday: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(run), str(holiday), "--strict", "--json"]) == 1
    assert len(rows(capsys)) == 4
    assert main(["predict", str(run), str(holiday / "more"), "--strict", "--json"]) == 0


def test_no_readable_picture_is_exit_code_1_with_rows(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(run), "a.jpg", "b.jpg", "--json"]) == 1
    assert [row["status"] for row in rows(capsys)] == ["missing", "missing"]


def test_names_come_from_stdin(
    run: Path, holiday: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{holiday / '10.png'}\n"))
    assert main(["predict", str(run), "-", "--json"]) == 0
    assert [row["label"] for row in rows(capsys)] == ["day"]


def test_top_k_takes_the_best(run: Path, holiday: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(run), str(holiday / "10.png"), "--top-k", "1", "--json"]) == 0
    assert [one["label"] for one in rows(capsys)[0]["scores"]] == ["day"]


def test_csv_and_json_say_the_same(run: Path, holiday: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(run), str(holiday), "--format", "csv"]) == 0
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert main(["predict", str(run), str(holiday), "--format", "json"]) == 0
    for one, row in zip(table, rows(capsys), strict=True):
        assert one["file"] == row["file"]
        assert one["status"] == row["status"]
        assert (float(one["score"]) if one["score"] else None) == row["score"]
        assert (float(one["score_2"]) if one["score_2"] else None) == (
            row["scores"][1]["score"] if row["scores"] else None
        )


def test_csv_on_stdout_is_utf8_and_keeps_the_bytes_of_a_name(
    run: Path, holiday: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [b"caf\xe9, two.png", "\U0001f600.png".encode()]
    for name in names:
        shutil.copyfile(holiday / "10.png", tmp_path / os.fsdecode(name))
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", stdout)
    assert main(["predict", str(run), *(os.fsdecode(name) for name in names), "--format", "csv"]) == 1
    monkeypatch.chdir(tmp_path)
    assert main(["predict", str(run), *(os.fsdecode(name) for name in names), "--format", "csv"]) == 0
    stdout.flush()
    lines = stdout.buffer.getvalue().splitlines()
    assert lines[4].startswith(b'"caf\xe9, two.png",ok,,day,')
    assert lines[5].startswith("\U0001f600.png,ok,,day,".encode())


def test_the_table_is_for_people(run: Path, holiday: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(run), str(holiday)]) == 0
    shown = capsys.readouterr().out
    assert "10.png" in shown
    assert "unreadable" in shown


def test_a_file_takes_its_format_from_its_name_and_is_not_overwritten(
    run: Path, holiday: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["predict", str(run), str(holiday), "--out", "answers.csv"]
    assert main(words) == 0
    assert capsys.readouterr().out == ""
    first = Path("answers.csv").read_text(encoding="utf-8")
    assert first.startswith("file,status,reason,label,score,label_2,score_2\n")
    assert main(words) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert main([*words, "--overwrite", "--tta"]) == 0
    assert Path("answers.csv").read_text(encoding="utf-8") != first, "the mirror counts"


def test_a_classifier_folder_alone_is_enough(
    run: Path, holiday: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(run / "classifier"), str(holiday / "10.png"), "--json"]) == 0
    alone = rows(capsys)
    assert main(["predict", str(run), str(holiday / "10.png"), "--json"]) == 0
    assert rows(capsys) == alone


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ([], 2, "fieldmark predict RUN PATHS"),
        (["RUN"], 2, "fieldmark predict RUN PATHS"),
        (["RUN", "EMPTY"], 1, "no pictures in"),
        (["RUN", "a.jpg", "--top-k", "0"], 1, "--top-k 0"),
        (["RUN", "a.jpg", "--format", "parquet"], 1, "--out"),
        (["RUN", "a.jpg", "--format", "cvs"], 1, "Closest: csv"),
        (["RUN", "a.jpg", "--json", "--format", "csv"], 1, "contradict"),
        (["RUN", "a.jpg", "--out", "answers.xls"], 1, ".csv, .json or .parquet"),
        (["RUN", "a.jpg", "--out", "none/answers.csv"], 1, "no folder none"),
        (["RUN", "a.jpg", "--device", "gpu"], 1, "'gpu' is not a device"),
        (["RUN", "a.jpg", "--threads", "0"], 1, "--threads 0"),
        (["no-such-run", "a.jpg"], 1, "no-such-run"),
    ],
)
def test_wrong_use_is_one_line(
    words: list[str], code: int, told: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    stand_for = {"RUN": str(run), "EMPTY": str(tmp_path / "empty")}
    assert main(["predict", *(stand_for.get(word, word) for word in words)]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert told in captured.err
    assert list(Path().iterdir()) == [], "nothing written"


def test_one_bad_name_or_folder_does_not_end_the_run(
    run: Path, holiday: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "more":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert main(["predict", str(run), "x" * 5000, str(holiday), "--json"]) == 0
    found = rows(capsys)
    assert [row["status"] for row in found] == ["unreadable", "unreadable", "ok", "unreadable"]
    assert "File name too long" in found[0]["reason"]
    assert found[3]["reason"] == f"cannot list {holiday / 'more'}: Permission denied."


def test_a_read_error_on_one_picture_costs_one_row(
    run: Path, holiday: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from fieldmark.data.decode import decoder

    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    whole = decoder._file
    broken = holiday / "more" / "1.png"
    monkeypatch.setattr(decoder, "_file", lambda path: Failing() if Path(path) == broken else whole(path))
    assert main(["predict", str(run), str(holiday / "more"), "--json"]) == 0
    found = rows(capsys)
    assert [(row["status"], row["reason"]) for row in found] == [
        ("unreadable", "cannot be read: Input/output error"),
        ("ok", None),
    ]


def test_a_list_and_content_by_flags(run: Path, holiday: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (holiday / "more" / "1.png").rename(holiday / "more" / "IMG_1")
    (holiday / "list.csv").write_text("id,where\n1,10.png\n2,more/IMG_1\n", encoding="utf-8")
    words = ["predict", str(run), str(holiday / "list.csv"), str(holiday / "more"), "--json"]
    assert main([*words, "--file-column", "where", "--any-extension"]) == 0
    names = ["10.png", "more/IMG_1", "more/2.png", "more/IMG_1"]
    assert [row["file"] for row in rows(capsys)] == [str(holiday / name) for name in names]
