from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from cli.cli_helpers import make_pictures

from fieldmark.cli import main
from fieldmark.runs.run import Run


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_json_has_the_figures_of_the_test_split(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(run), "--json"]) == 0
    found = document(capsys)
    assert list(found) == [
        "split",
        "n",
        "loss",
        "accuracy",
        "accuracy_interval",
        "balanced_accuracy",
        "per_class",
        "confusion",
        "classes",
        "top_k",
    ]
    assert found["split"] == "test"
    assert found["n"] == 4
    assert found["classes"] == ["day", "night"]
    assert found == json.loads(json.dumps(Run(run).evaluate("test")))


def test_the_parts_of_the_data_are_told_apart(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = {}
    for split in ("train", "val", "test", "all"):
        assert main(["evaluate", str(run), "--split", split, "--json"]) == 0
        sizes[split] = document(capsys)["n"]
    assert sizes == {"train": 32, "val": 4, "test": 4, "all": 40}


def test_people_get_accuracy_with_its_interval_and_every_class(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(run)]) == 0
    shown = capsys.readouterr().out
    for part in ("test: n = 4", "accuracy", "95 %:", "balanced accuracy", "loss", "day", "night", "recall"):
        assert part in shown


def test_a_run_on_some_classes_is_measured_on_those(capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--classes", "5", "3", "--limit", "100", "--model", "mlp", "--epochs", "1", "--out", "two"]
    assert main(["train", "sample", *flags]) == 0
    capsys.readouterr()
    assert main(["evaluate", "two", "--json"]) == 0
    found = document(capsys)
    assert found["classes"] == ["5", "3"]
    assert found["n"] == 200
    assert main(["evaluate", "two", "--data", "sample", "--classes", "3", "5", "--json"]) == 0
    again = document(capsys)
    assert again["confusion"] == found["confusion"]
    assert again["classes"] == found["classes"]


def test_other_pictures_without_splits_are_all_measured_and_it_is_said(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    make_pictures(other / "day", 3, 190, (24, 30))
    make_pictures(other / "night", 5, 10)
    (other / "day" / "broken.jpg").write_text("no picture")
    words = ["evaluate", str(run / "classifier"), "--data", str(other), "--json"]
    for number in range(4, 30):
        shutil.copy(other / "day" / "1.png", other / "day" / f"{number}.png")
    assert main(words) == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert found["split"] == "all"
    assert found["n"] == 34
    assert "no splits: all of it" in captured.err
    assert "broken.jpg" in captured.err


def test_the_runs_own_folder_given_by_name_is_measured_on_its_test_split(
    run: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(run), "--data", str(photos), "--json"]) == 0
    assert document(capsys)["split"] == "test"


def test_figures_go_into_a_folder_and_are_not_overwritten(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", str(run), "--out", "report", "--json"]
    assert main(words) == 0
    captured = capsys.readouterr()
    assert "report" in captured.err
    files = {path.name for path in Path("report").iterdir()}
    assert files == {"metrics.json", "confusion.png", "mistakes.png", "predictions.png", "recalls.png"}
    assert json.loads(Path("report/metrics.json").read_text()) == json.loads(captured.out)
    assert main(words) == 1
    assert "--overwrite" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ([], 2, "fieldmark evaluate RUN"),
        (["no-such-run"], 1, "no-such-run"),
        (["CLASSIFIER"], 1, "--data"),
        (["RUN", "--split", "tset"], 1, "Closest: test"),
        (["RUN", "--data", "no-such-data"], 1, "no-such-data"),
        (["RUN", "--data", "sample"], 1, "does not know"),
        (["RUN", "--threads", "0"], 1, "--threads 0"),
    ],
)
def test_wrong_use_is_one_line(
    words: list[str], code: int, told: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_for = {"RUN": str(run), "CLASSIFIER": str(run / "classifier")}
    assert main(["evaluate", *(stand_for.get(word, word) for word in words)]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert told in captured.err
    assert list(Path().iterdir()) == [], "nothing written"


def test_the_runs_own_folder_is_divided_as_the_run_divided_it(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # With the default shares, a tenth would be "test": twice as many, half of them trained on.
    flags = ["--model", "mlp", "--epochs", "1", "--val", "0.05", "--test", "0.05", "--out", "five"]
    assert main(["train", str(photos), *flags]) == 0
    capsys.readouterr()
    for words in ([], ["--data", str(photos)]):
        assert main(["evaluate", "five", *words, "--json"]) == 0
        assert document(capsys)["n"] == 2


@pytest.fixture
def own_copy(run: Path, photos: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A run of a copy of the pictures, and that copy."""
    mine, copy = tmp_path / "mine", tmp_path / "own run"
    shutil.copytree(photos, mine)
    shutil.copytree(run, copy)
    written = json.loads((copy / "run.json").read_text())
    (copy / "run.json").write_text(json.dumps(written | {"data": str(mine)}))
    return copy, mine


def test_pictures_that_were_taken_away_since_are_noticed(
    own_copy: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    # Without one picture of a flat folder the cuts shift, and a training picture may move into the test.
    run, pictures = own_copy
    for words in (["evaluate", str(run)], ["evaluate", str(run), "--data", str(pictures)]):
        assert main(words) == 0
        assert "any more" not in capsys.readouterr().err
    (pictures / "day" / "1.png").unlink()
    for split in ("test", "train", "all"):
        assert main(["evaluate", str(run), "--split", split]) == 0
        told = capsys.readouterr().err
        assert "the pictures are not those of the training any more" in told
        assert "may have been trained on" in told


def test_pictures_that_have_moved_are_asked_for_and_divided_as_before(
    own_copy: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, pictures = own_copy
    assert main(["evaluate", str(run), "--json"]) == 0
    before = document(capsys)
    pictures.rename(tmp_path / "moved")
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(record | {"status": "stopped"}))  # so that it can be resumed
    for words in (["evaluate", str(run)], ["train", "--resume", str(run)]):
        assert main(words) == 1
        told = capsys.readouterr().err
        assert told.count("\n") == 1
        assert str(pictures) in told
        assert "--data PATH --split test" in told
    assert main(["evaluate", str(run), "--data", str(tmp_path / "moved"), "--split", "test", "--json"]) == 0
    assert document(capsys) == before
