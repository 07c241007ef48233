from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

from fieldmark.cli import demo, main
from fieldmark.training import presets

Demonstrated = tuple[Path, dict[str, Any]]


@pytest.fixture(scope="module")
def demonstrated(tmp_path_factory: pytest.TempPathFactory) -> Demonstrated:
    """`fieldmark demo --json`, with one epoch of a small network: where it ran, and what it printed."""
    here, printed, found = tmp_path_factory.mktemp("demo"), io.StringIO(), presets.find_recipe
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.chdir(here)
        short = {"model": "mlp", "options": {}, "epochs": 1, "limit": 1000, "batch_size": 50}
        patch.setattr(presets, "find_recipe", lambda name: found(name).replace(**short))
        assert main(["demo", "--json"]) == 0
    return here, json.loads(printed.getvalue())


def test_json_has_the_run_the_test_and_the_predictions(demonstrated: Demonstrated) -> None:
    here, found = demonstrated
    assert found["run"] == str(Path("runs/demo-1"))
    assert found["test"]["n"] == 1000
    assert found["test"]["accuracy"] > 0.3
    assert [row["status"] for row in found["predictions"]] == ["ok"] * demo.PICTURES
    for row in found["predictions"]:
        assert (here / row["file"]).is_file()


def test_the_run_folder_has_everything_there_is_to_look_at(demonstrated: Demonstrated) -> None:
    here, _ = demonstrated
    run = here / "runs" / "demo-1"
    for name in ("recipe.json", "run.json", "classifier", "figures", "test/mistakes.png", "pictures"):
        assert (run / name).exists()


def test_five_lines_say_what_happened_where_to_look_and_what_to_try(demonstrated: Demonstrated) -> None:
    _, found = demonstrated
    lines = demo.told(found, found["test"], found["predictions"]).splitlines()
    parts = ("Trained", "Test accuracy", "Predicted", "Look at runs", "Try next: fieldmark predict")
    assert len(lines) == len(parts) == 5
    for line, part in zip(lines, parts, strict=True):
        assert part in line


def test_what_it_says_to_try_next_works(
    demonstrated: Demonstrated, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here, found = demonstrated
    monkeypatch.chdir(here)
    assert main(["predict", "runs/demo-1", "runs/demo-1/pictures", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)["predictions"]
    assert [row["label"] for row in again] == [row["label"] for row in found["predictions"]]


def test_a_folder_that_is_taken_is_refused(
    demonstrated: Demonstrated, capsys: pytest.CaptureFixture[str]
) -> None:
    here, _ = demonstrated
    assert main(["demo", "--out", str(here / "runs" / "demo-1")]) == 1
    assert "--overwrite" in capsys.readouterr().err
