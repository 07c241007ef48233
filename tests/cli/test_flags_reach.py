"""Flags and the settings of a run reach what is measured, which is compared with figures computed by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

import fieldmark as fm
from fieldmark.cli import main

SETTINGS: dict[str, Any] = {
    "image_size": (8, 10),
    "resize": "pad",
    "channels": 1,
    "val": 0.3,
    "test": 0.2,
    "limit": 21,
    "seed": 3,
}
FLAGS = [
    *("--image-size", "8x10", "--resize", "pad", "--channels", "1", "--val", "0.3", "--test", "0.2"),
    *("--limit", "21", "--seed", "3"),
]


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 pictures of noise, 12x12, in three class folders: no class can be learned, so every one counts."""
    folder, numbers = tmp_path_factory.mktemp("noise"), np.random.default_rng(5)
    for name in ("crow", "owl", "swan"):
        (folder / name).mkdir()
        for number in range(20):
            pixels = numbers.integers(0, 256, (12, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def noisy_run(noise: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    words = ["train", str(noise), "--model", "baseline", "--epochs", "2", "--batch-size", "7", *FLAGS]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIELDMARK_CACHE", str(folder / "cache"))
        assert main([*words, "--out", str(folder / "run")]) == 0
    return folder / "run"


def logits_by_hand(run: Path, images: torch.Tensor, tta: bool) -> torch.Tensor:
    classifier = fm.Classifier.load(run)
    described = classifier.preprocessing
    inputs = (images.float() / 255 - described.mean[0]) / described.std[0]
    with torch.no_grad():
        logits = classifier.model(inputs)
        return (logits + classifier.model(inputs.flip(3))) / 2 if tta else logits


@pytest.mark.parametrize("tta", [False, True])
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_evaluate_measures_the_runs_own_split(
    noise: Path, noisy_run: Path, capsys: pytest.CaptureFixture[str], split: str, tta: bool
) -> None:
    words = ["evaluate", str(noisy_run), "--split", split, "--json"]
    assert main([*words, "--tta"] if tta else words) == 0
    found = json.loads(capsys.readouterr().out)
    images = fm.load(noise, **SETTINGS).split(split)
    assert images is not None
    logits = logits_by_hand(noisy_run, images.images, tta)
    assert found["n"] == {"train": 21, "val": 18, "test": 12}[split]
    assert found["loss"] == pytest.approx(functional.cross_entropy(logits, images.labels).item(), rel=1e-4)


@pytest.mark.parametrize("tta", [False, True])
def test_predict_tells_the_probabilities_of_each_picture(
    noise: Path, noisy_run: Path, capsys: pytest.CaptureFixture[str], tta: bool
) -> None:
    words = ["predict", str(noisy_run), str(noise), "--json"]
    assert main([*words, "--tta"] if tta else words) == 0
    rows = {row["file"]: row for row in json.loads(capsys.readouterr().out)["predictions"]}
    assert len(rows) == 60
    images = fm.load(noise, **SETTINGS).test
    assert images is not None
    assert images.files is not None
    probabilities = logits_by_hand(noisy_run, images.images, tta).softmax(1)
    for file, row in zip(images.files, probabilities.tolist(), strict=True):
        told = {one["label"]: one["score"] for one in rows[str(noise / file)]["scores"]}
        assert told == pytest.approx(dict(zip(images.classes, row, strict=True)), rel=1e-3)


def test_the_mirror_makes_a_difference_here(noise: Path, noisy_run: Path) -> None:
    images = fm.load(noise, **SETTINGS).test
    assert images is not None
    straight, both = (logits_by_hand(noisy_run, images.images, tta) for tta in (False, True))
    assert (straight.softmax(1) - both.softmax(1)).abs().max() > 0.02
