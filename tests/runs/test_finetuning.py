"""From trained weights to a run folder: what is kept, what is new, and what is said about it."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from models.fake_timm import module
from PIL import Image
from training.whole_run import runs_stopped_at
from weights.public_resnet import OPTIONS, public_weights

import fieldmark as fm
from fieldmark.data.pixels.channels import dataset_to_channels
from fieldmark.errors import UserError
from fieldmark.runs import sitting
from fieldmark.runs.run import Run
from fieldmark.runs.watcher import Quiet
from fieldmark.vocabulary import Dataset
from fieldmark.weights.public_files import MEAN, STD


class Notes(Quiet):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELDMARK_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "public.safetensors"
    safetensors.torch.save_file(public_weights(), path)
    return path


@pytest.fixture
def few_digits(small_digits: Dataset) -> Dataset:
    rows = torch.arange(40)
    return replace(small_digits, train=small_digits.train.select(rows), val=small_digits.val.select(rows))


@pytest.fixture
def grey(tmp_path: Path) -> Path:
    """A folder of 2 x 12 grey pictures, 20 x 20: night is dark, day is bright."""
    for name, brightness in (("day", 180), ("night", 20)):
        (tmp_path / "grey" / name).mkdir(parents=True)
        generator = np.random.default_rng(brightness)
        for number in range(12):
            pixels = generator.integers(brightness, brightness + 50, (20, 20), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "grey" / name / f"{number}.png")
    return tmp_path / "grey"


def two(dataset: Dataset, classes: tuple[str, str]) -> Dataset:
    """The pictures of two of the digits only."""
    labels = [dataset.classes.index(one) for one in classes]

    def chosen(images: Any) -> Any:
        rows = torch.cat([(images.labels == label).nonzero()[:, 0] for label in labels])
        fresh = (images.labels[rows] == labels[1]).long()
        return replace(images.select(rows), labels=fresh, classes=classes)

    return replace(dataset, train=chosen(dataset.train), val=chosen(dataset.val), test=None)


def tensors(run: Run) -> dict[str, torch.Tensor]:
    return safetensors.torch.load_file(run.folder / "classifier" / "weights.safetensors")


def described(run: Run) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((run.folder / "classifier" / "classifier.json").read_text())
    return document


def test_published_weights_keep_their_stem_size_channels_and_normalisation(
    tmp_path: Path, weights: Path, grey: Path
) -> None:
    # Grey pictures of 20 pixels, and a network for colour pictures of 224; 48 only to be quick.
    notes = Notes()
    run = fm.train(
        grey,
        model="resnet18",
        pretrained=weights,
        options=OPTIONS,
        image_size=(48, 48),
        epochs=1,
        freeze=1,
        batch_size=6,
        out=tmp_path / "run",
        progress=notes,
    )
    document = described(run)
    assert document["options"] == {"stem": "published", **OPTIONS}
    assert document["preprocessing"] == {
        "image_size": [48, 48],
        "channels": 3,
        "mean": list(MEAN),
        "std": list(STD),
        "resize": "crop",
    }
    found = tensors(run)
    assert torch.equal(found["features.stem.convolution.weight"], public_weights()["conv1.weight"])
    assert torch.equal(found["features.stem.normalisation.running_var"], public_weights()["bn1.running_var"])
    assert found["head.weight"].shape[0] == 2
    assert run.recipe.pretrained == str(weights)
    assert run.recipe.channels == 3
    said = [line for line in notes.lines if line.startswith("starting from public.safetensors: adamw at ")]
    assert len(said) == 1
    assert "the head alone for the first one" in said[0]
    assert not any(line.startswith("stem small") for line in notes.lines)

    again = tensors(sitting.train_run(grey, run.recipe, out=tmp_path / "again"))
    assert all(torch.equal(tensor, again[name]) for name, tensor in found.items()), "recipe.json repeats it"


def test_unless_told_the_pictures_get_224_pixels(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fieldmark.runs import ingredients

    seen: list[Any] = []

    def load_for(data: Any, recipe: fm.Recipe, display: Any) -> None:
        seen.append(recipe)
        raise UserError("enough.")

    monkeypatch.setattr(ingredients, "load_for", load_for)
    with pytest.raises(UserError, match="enough"):
        fm.train("sample", model="resnet18", pretrained=weights, progress=False)
    assert (seen[0].image_size, seen[0].channels, seen[0].mean) == ((224, 224), 3, MEAN)


def test_a_run_goes_on_with_its_own_normalisation_size_and_stem(few_digits: Dataset, tmp_path: Path) -> None:
    odd = two(few_digits, ("1", "7"))
    even = two(few_digits, ("0", "8"))
    notes = Notes()
    short = {"epochs": 1, "batch_size": 4}
    first = fm.train(odd, model="resnet18", options=OPTIONS, out=tmp_path / "first", progress=notes, **short)
    assert described(first)["options"] == {"width": 4, "stem": "small"}
    said = "stem small: first layer 3x3 stride 1, no early pooling (pictures below 96 pixels)"
    assert [line for line in notes.lines if line.startswith(said)], notes.lines

    notes = Notes()
    second = fm.train(
        even, start_from=first.folder, freeze=1, out=tmp_path / "second", progress=notes, **short
    )
    assert second.recipe.model == "resnet18"
    assert described(second)["options"] == described(first)["options"]
    assert described(second)["preprocessing"] == described(first)["preprocessing"]
    before, after = tensors(first), tensors(second)
    assert torch.equal(before["features.stem.convolution.weight"], after["features.stem.convolution.weight"])
    assert any("the head starts fresh" in line for line in notes.lines), "as many classes, but others"
    assert not torch.allclose(before["head.weight"], after["head.weight"], atol=1e-2)


def test_a_run_on_grey_pictures_turns_others_grey(few_digits: Dataset, tmp_path: Path) -> None:
    first = fm.train(few_digits, model="wide", epochs=1, out=tmp_path / "first", progress=False)
    coloured = dataset_to_channels(few_digits, 3)
    second = fm.train(coloured, start_from=first.folder, epochs=1, out=tmp_path / "second", progress=False)
    assert described(second)["preprocessing"]["channels"] == 1
    assert second.evaluate("val")["n"] == 40


def test_a_set_loaded_at_another_size_is_said(few_digits: Dataset, weights: Path, tmp_path: Path) -> None:
    notes = Notes()
    run = fm.train(
        few_digits,
        model="resnet18",
        pretrained=weights,
        options=OPTIONS,
        epochs=1,
        out=tmp_path / "run",
        progress=notes,
    )
    assert "the pictures are loaded at 28x28, not at 224x224: fm.load takes image_size." in notes.lines
    assert described(run)["preprocessing"]["image_size"] == [28, 28] == list(run.recipe.image_size)
    assert described(run)["preprocessing"]["channels"] == 3


def test_a_stopped_run_from_trained_weights_goes_on_to_the_same_weights(
    tmp_path: Path, weights: Path, grey: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = fm.Recipe(
        model="resnet18",
        pretrained=str(weights),
        options=OPTIONS,
        image_size=(32, 32),
        epochs=2,
        freeze=1,
        layer_decay=0.5,
        batch_size=6,
        best="last",
    )
    whole = sitting.train_run(grey, recipe, out=tmp_path / "whole")

    with runs_stopped_at(1):
        half = sitting.train_run(grey, recipe, out=tmp_path / "half")
    assert half.summary()["status"] == "stopped"
    weights.unlink()  # a run that goes on needs its own folder only
    rest = sitting.resume(tmp_path / "half")
    assert rest.summary()["status"] == "finished"
    assert all(torch.equal(tensor, tensors(whole)[name]) for name, tensor in tensors(rest).items())
    assert described(rest)["preprocessing"] == described(whole)["preprocessing"]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"channels": 1}, r"channels=1: public\.safetensors was trained on pictures with 3"),
        ({"options": {"width": 8}}, r"public\.safetensors: the public weights have other shapes"),
        ({"start_from": Path()}, "not both"),
        ({"model": "baseline"}, "no published weights for 'baseline'"),
        ({"pretrained": "nothing.pth"}, r"no such path: .*nothing\.pth"),
    ],
)
def test_weights_that_do_not_fit_leave_no_folder(
    tmp_path: Path, weights: Path, grey: Path, settings: dict[str, Any], told: str
) -> None:
    given = {
        "model": "resnet18",
        "pretrained": weights,
        "options": OPTIONS,
        "image_size": (32, 32),
    } | settings
    with pytest.raises(UserError, match=told):
        fm.train(grey, out=tmp_path / "run", progress=False, **given)
    assert not (tmp_path / "run").exists()


def test_a_network_of_timm_keeps_timms_normalisation_from_run_to_run(
    tmp_path: Path, grey: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "timm", module())
    given = {"epochs": 1, "freeze": 1, "progress": False}
    first = fm.train(grey, model="timm:plain", pretrained=True, out=tmp_path / "first", **given)
    expected = {"image_size": [16, 16], "channels": 3, "mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}
    assert described(first)["preprocessing"] == {**expected, "resize": "crop"}
    assert tensors(first)["features.trunk.network.conv.bias"].tolist() == pytest.approx([0.02] * 4)
    second = fm.train(grey, start_from=first.folder, out=tmp_path / "second", **given)
    assert described(second)["preprocessing"] == described(first)["preprocessing"]
    assert second.recipe.model == "timm:plain"
    assert second.evaluate("test")["n"] == 2
