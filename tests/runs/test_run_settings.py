"""Settings about the pictures reach them, in training and when a run is opened again; its clock goes on."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from training.recording import levels

import fieldmark as fm
from fieldmark.recipe import Recipe
from fieldmark.runs.screen import HEADER, epoch_line

SETTINGS: dict[str, Any] = {
    "classes": ("owl", "crow"),
    "limit": 14,
    "image_size": (8, 10),
    "resize": "pad",
    "channels": 1,
    "val": 0.3,
    "test": 0.2,
    "seed": 3,
}


@pytest.fixture(scope="module")
def birds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """60 pictures of noise, 12x12, in three class folders."""
    folder, noise = tmp_path_factory.mktemp("birds"), np.random.default_rng(5)
    for name in ("crow", "owl", "swan"):
        (folder / name).mkdir()
        for number in range(20):
            pixels = noise.integers(0, 256, (12, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIELDMARK_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield folder


@pytest.fixture(scope="module")
def run(birds: Path, tmp_path_factory: pytest.TempPathFactory) -> fm.Run:
    recipe = Recipe(model="baseline", epochs=1, batch_size=7, **SETTINGS)
    return fm.train(birds, recipe, out=tmp_path_factory.mktemp("run") / "run", progress=False)


def test_a_run_trains_on_the_pictures_that_its_settings_say(birds: Path, run: fm.Run) -> None:
    expected = fm.load(birds, **SETTINGS)
    told = run.document["dataset"]
    assert told["fingerprint"] == expected.fingerprint
    assert told["pictures"] == {"train": 14, "val": 12, "test": 8}
    assert told["classes"] == ["owl", "crow"]
    described = fm.Classifier.load(run.folder).preprocessing
    assert (described.image_size, described.resize, described.channels) == ((8, 10), "pad", 1)
    assert not expected.train.images[..., 0].any(), "12x12 in 8x10 leaves a black column on both sides"
    assert expected.train.images[..., 1].any()


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_run_opened_again_finds_the_same_pictures(birds: Path, run: fm.Run, split: str) -> None:
    expected = fm.load(birds, **SETTINGS).split(split)
    found = fm.Run(run.folder).images(split)
    assert expected is not None
    assert torch.equal(found.images, expected.images)
    assert torch.equal(found.labels, expected.labels)
    assert found.files == expected.files


def test_each_setting_changes_the_pictures(birds: Path) -> None:
    """So that the tests above would notice if any of them were lost."""
    whole = fm.load(birds, **SETTINGS)
    others = {
        "classes": ("crow", "owl"),
        "limit": 13,
        "image_size": (8, 9),
        "resize": "stretch",
        "channels": 3,
        "val": 0.1,
        "test": 0.1,
        "seed": 0,
    }
    for name, value in others.items():
        other = fm.load(birds, **{**SETTINGS, name: value})
        same = other.train.images.shape == whole.train.images.shape and torch.equal(
            other.train.images, whole.train.images
        )
        assert not same, name


class Watching(torch.nn.Module):
    """Notes what it is given in training, and presses Ctrl-C in the middle of one batch."""

    def __init__(self, interrupt_at: int | None = None) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(48, 3)
        self.given: list[torch.Tensor] = []
        self.interrupt_at = interrupt_at

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        pixels = levels(images)
        if self.training and pixels is not None:
            self.given.append(pixels)
            if len(self.given) == self.interrupt_at:
                signal.raise_signal(signal.SIGINT)
        logits: torch.Tensor = self.linear(images.reshape(len(images), -1))
        return logits


WATCHED = Recipe(
    model="tests:watching",
    epochs=3,
    batch_size=8,
    image_size=(6, 8),
    channels=1,
    mean=(0.0,),
    std=(1.0,),
    precision="fp32",
)


def test_a_window_moves_over_pictures_that_are_stored_with_a_margin(birds: Path, tmp_path: Path) -> None:
    model = Watching()
    fm.train(birds, WATCHED.replace(augment=("window",)), model=model, out=tmp_path / "run", progress=False)
    given = torch.cat(model.given)
    assert given.shape[2:] == (6, 8)
    assert len(given) == 3 * 48
    assert len(given.flatten(1).unique(dim=0)) > 48, "not the same 48 in every epoch"


@pytest.mark.skipif(os.name == "nt", reason="signals are sent another way on Windows")
def test_a_resumed_run_counts_the_seconds_of_both_sittings(birds: Path, tmp_path: Path) -> None:
    half = fm.train(birds, WATCHED, model=Watching(interrupt_at=8), out=tmp_path / "run", progress=False)
    assert half.document["status"] == "stopped"
    # As if the first sitting had taken an hour.
    (tmp_path / "run" / "run.json").write_text(json.dumps(half.document | {"seconds": 3600.0}))
    model = Watching()
    rest = fm.resume(tmp_path / "run", model=model)
    assert rest.document["status"] == "finished"
    assert len(model.given) == 18 - 8
    assert rest.document["seconds"] > 3600


def test_the_line_of_an_epoch_tells_training_before_validation() -> None:
    row = {
        "epoch": 3,
        "train_loss": 1.25,
        "train_accuracy": 0.5,
        "val_loss": 2.5,
        "val_accuracy": 0.25,
        "learning_rate": 0.01,
        "seconds": 7.0,
        "images_per_second": 80.0,
    }
    assert epoch_line(row).split() == [
        *("3", "1.2500", "50.00", "%", "2.5000", "25.00", "%", "0.01", "7.0", "80")
    ]
    assert HEADER.index("train loss") < HEADER.index("val loss")
