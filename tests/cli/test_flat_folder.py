"""A flat folder of 64 x 64 grey pictures, two classes, 3 to 1: one command trains, and nobody is fooled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fieldmark.cli import main
from fieldmark.data.load import load
from fieldmark.recipe import Recipe


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """240 of the packaged zeros and 80 of its ones, four times as many pixels to a side, less two."""
    folder = tmp_path_factory.mktemp("flat") / "digits"
    part = load("sample", classes=["0", "1"]).train
    for label, count in enumerate((240, 80)):
        (folder / part.classes[label]).mkdir(parents=True)
        for row in (part.labels == label).nonzero().flatten()[:count].tolist():
            picture = Image.fromarray(part.images[row, 0].numpy()).resize((64, 64), Image.Resampling.BICUBIC)
            picture.save(folder / part.classes[label] / f"{row}.png")
    return folder


def printed(words: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What the command prints as JSON."""
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_one_command_trains_and_balanced_accuracy_stands_beside_accuracy(
    digits: Path, capsys: pytest.CaptureFixture[str], weights: str
) -> None:
    words = ["train", str(digits), "--epochs", "3", "--threads", "1", "--class-weights", weights]
    run = printed(words, capsys)["run"]
    assert Recipe.load(Path(run) / "recipe.json").class_weights == weights
    shipped = json.loads((Path(run) / "classifier" / "classifier.json").read_text())
    assert shipped["classes"] == ["0", "1"]
    assert shipped["preprocessing"]["channels"] == 1
    assert shipped["preprocessing"]["image_size"] == [64, 64]

    found = printed(["evaluate", run], capsys)
    confusion = found["confusion"]
    assert [sum(row) for row in confusion] == [24, 8]
    recalls = [confusion[0][0] / 24, confusion[1][1] / 8]
    assert found["balanced_accuracy"] == pytest.approx(sum(recalls) / 2)
    assert found["accuracy"] == pytest.approx((confusion[0][0] + confusion[1][1]) / 32)

    assert main(["evaluate", run]) == 0
    told = capsys.readouterr().out
    assert told.index("accuracy") < told.index("balanced accuracy") < told.index("recall")

    picture = str(next((digits / "1").iterdir()))
    (row,) = printed(["predict", run, picture], capsys)["predictions"]
    assert row["status"] == "ok"
    assert {one["label"] for one in row["scores"]} == {"0", "1"}


def test_with_its_own_settings_the_rare_class_is_found(
    digits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", str(digits), "--epochs", "20", "--threads", "1"]
    run = printed(words, capsys)["run"]
    assert printed(["evaluate", run], capsys)["balanced_accuracy"] >= 0.9  # 0.5 is the majority's
