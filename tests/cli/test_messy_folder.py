"""A folder as people have them: what is in it comes out right, and is the same to every verb."""

from __future__ import annotations

import csv
import io
import json
import shutil
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.cli_helpers import SMALL, make_pictures
from PIL import Image

from fieldmark.cli import main

CLASSES = ("2 dusk", "10 night", "a day \N{BLACK SUN WITH RAYS}, bright")
"""In their natural order; as text, 10 would come before 2."""
ORIENTATION = 0x0112  # the EXIF tag; 6 is a phone held upright


@pytest.fixture
def messy(tmp_path: Path) -> Path:
    """Three classes with pictures of many sizes and kinds, broken ones, and what is none."""
    folder = tmp_path / "messy"
    for number, name in enumerate(CLASSES):
        make_pictures(folder / name, 12, (100, 10, 190)[number])
        generator = np.random.default_rng(number)
        wide = Image.fromarray(generator.integers(0, 256, (20, 60, 3), np.uint8))
        turned = Image.Exif()
        turned[ORIENTATION] = 6
        wide.save(folder / name / "phone.jpg", exif=turned)
        wide.convert("RGBA").save(folder / name / "alpha.png")
        wide.convert("CMYK").save(folder / name / "print.jpg")
        wide.quantize(16).save(folder / name / "new\nline.png")
    (folder / CLASSES[1] / "letter.jpg").write_text("Dear all,")
    whole = (folder / CLASSES[0] / "phone.jpg").read_bytes()
    (folder / CLASSES[0] / "half.jpg").write_bytes(whole[: len(whole) // 2])
    for junk in (".ipynb_checkpoints/1.png", "__MACOSX/cat/1.png"):
        (folder / junk).parent.mkdir(parents=True)
        shutil.copy(folder / CLASSES[0] / "1.png", folder / junk)
    return folder


@pytest.fixture
def run(messy: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Path, str]:
    """A run on them, and what was said meanwhile."""
    assert main(["train", str(messy), *SMALL, "messy run", "--image-size", "16"]) == 0
    return Path("messy run"), capsys.readouterr().err


def test_training_names_what_it_left_out_and_why(run: tuple[Path, str]) -> None:
    told = run[1].splitlines()
    assert "left out: pictures that cannot be read: 2 of 50." in told
    assert any(f"{CLASSES[1]}/letter.jpg: text" in line for line in told)
    assert any(f"{CLASSES[0]}/half.jpg: " in line for line in told)
    assert any("lose more than a third of their pixels to --resize crop: 12;" in line for line in told)
    document = json.loads((run[0] / "run.json").read_text())
    assert len(document["dataset"]["unreadable"]) == 2
    assert sum(document["dataset"]["pictures"].values()) == 48


def test_the_classes_that_are_shipped_are_in_natural_order(run: tuple[Path, str]) -> None:
    shipped = json.loads((run[0] / "classifier" / "classifier.json").read_text())
    assert tuple(shipped["classes"]) == CLASSES
    assert shipped["preprocessing"]["resize"] == "crop"


def test_predict_sees_the_pictures_that_evaluate_saw(
    run: tuple[Path, str], messy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(run[0]), "--split", "all", "--json"]) == 0
    confusion = json.loads(capsys.readouterr().out)["confusion"]
    folders = [str(messy / name) for name in CLASSES]
    assert main(["predict", str(run[0]), *folders, "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out, newline="")))
    assert sum(row["status"] == "unreadable" for row in rows) == 2
    assert any(row["file"].endswith("new\nline.png") for row in rows)
    counted = [[0] * 3 for _ in CLASSES]
    for row in rows:
        if row["status"] == "ok":
            actual = CLASSES.index(Path(row["file"]).parent.name)
            counted[actual][CLASSES.index(row["label"])] += 1
    assert counted == confusion


def test_the_test_pictures_decide_nothing(tmp_path: Path) -> None:
    weights = []
    for number, brightness in enumerate((60, 250)):
        folder = tmp_path / f"photos {number}"
        make_pictures(folder / "train" / "day", 20, 180)
        make_pictures(folder / "train" / "night", 20, 20)
        make_pictures(folder / "test" / "day", 5, 205 - brightness // 2)
        assert main(["train", str(folder), *SMALL, f"run {number}"]) == 0
        weights.append(Path(f"run {number}/classifier/weights.safetensors").read_bytes())
    assert weights[0] == weights[1]


def test_names_of_classes_are_no_paths(
    tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"day": "../../escaped", "night": "CON"}
    table = tmp_path / "labels.csv"
    rows = [f"{path},{names[path.parent.name]}" for path in sorted(photos.rglob("*.png"))]
    table.write_text("file,label\n" + "\n".join(rows))

    def outside() -> list[Path]:
        return [path for path in tmp_path.rglob("*") if "run" not in path.parts and "cache" not in path.parts]

    before = outside()
    assert main(["train", str(table), *SMALL, "run"]) == 0
    assert main(["evaluate", "run", "--out", "run/report"]) == 0
    assert main(["show", str(table), "--out", "run/grid.png"]) == 0
    assert outside() == before
    capsys.readouterr()
    assert main(["predict", "run", str(photos / "day"), "--json"]) == 0
    labels = {row["label"] for row in json.loads(capsys.readouterr().out)["predictions"]}
    assert labels <= set(names.values())


def test_without_a_network_everything_works(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("nothing here needs a network")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    for data in (str(photos), "sample"):
        assert (
            main(["train", data, "--limit", "30", "--epochs", "1", "--model", "mlp", "--out", data[-6:]]) == 0
        )
        assert main(["evaluate", data[-6:]]) == 0
        assert main(["predict", data[-6:], str(photos / "day")]) == 0
