"""A name of code counts only when the caller passes it: no file makes fieldmark import anything."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from training.whole_run import train as train_network

import fieldmark as fm
from fieldmark.errors import UserError
from fieldmark.runs import sitting
from fieldmark.vocabulary import Dataset

NAME = "planted_network:make"
SETTINGS: dict[str, Any] = {"epochs": 1, "batch_size": 64, "progress": False}


def make(num_classes: int, in_channels: int, image_size: tuple[int, int]) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(in_channels * image_size[0] * image_size[1], num_classes))


@pytest.fixture
def few(small_digits: Dataset) -> Dataset:
    part = torch.arange(100)
    return replace(small_digits, train=small_digits.train.select(part), val=small_digits.val.select(part))


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module that can be imported and leaves a file when it is; returns that file's path."""
    folder, ran = tmp_path / "importable", tmp_path / "ran"
    folder.mkdir()
    program = f"from pathlib import Path\nPath({str(ran)!r}).touch()\nfrom {__name__} import make\n"
    (folder / "planted_network.py").write_text(program)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    monkeypatch.delitem(sys.modules, "planted_network", raising=False)
    return ran


@pytest.fixture
def stranger(few: Dataset, tmp_path: Path) -> Path:
    """A run whose recipe and classifier name the planted module."""
    network = make(10, 1, (28, 28))
    run = fm.train(few, model=network, out=tmp_path / "stranger", **SETTINGS)
    for file in ("recipe.json", "run.json"):
        text = (run.folder / file).read_text()
        named = json.dumps(f"{type(network).__module__}:Sequential")
        (run.folder / file).write_text(text.replace(named, json.dumps(NAME)).replace("finished", "stopped"))
    assert fm.Recipe.load(run.folder / "recipe.json").model == NAME
    run.classifier.save(run.folder / "classifier", overwrite=True)
    shipped = fm.Classifier.load(run.folder, model=network)
    replace(shipped, name=NAME).save(run.folder / "classifier", overwrite=True)
    return run.folder


def test_no_door_imports_what_only_a_file_names(
    stranger: Path, few: Dataset, planted: Path, tmp_path: Path
) -> None:
    recipe, out = fm.Recipe.load(stranger / "recipe.json"), tmp_path / "out"
    doors: list[Callable[[], Any]] = [
        lambda: fm.train(few, start_from=stranger, out=out, **SETTINGS),
        lambda: fm.train(few, recipe, out=out, progress=False),
        lambda: fm.resume(stranger, data=few),
        lambda: sitting.train_run(few, recipe, out=out),
        lambda: train_network(few, recipe),
        lambda: fm.Run(stranger).evaluate(),
        lambda: fm.Classifier.load(stranger),
    ]
    for door in doors:
        with pytest.raises(UserError, match=f"--model ({NAME}|module:function)"):
            door()
    assert not planted.exists()
    assert "planted_network" not in sys.modules
    assert not out.exists()


def test_a_name_that_the_caller_passes_is_imported(
    stranger: Path, few: Dataset, planted: Path, tmp_path: Path
) -> None:
    fm.train(few, model=NAME, start_from=stranger, out=tmp_path / "out", **SETTINGS)
    assert planted.exists()
    again = sitting.resume(stranger, model=NAME, data=few)
    assert again.document["status"] == "finished"


def test_another_name_than_the_recipes_is_refused(few: Dataset, planted: Path) -> None:
    with pytest.raises(UserError, match=f"own, {NAME}"):
        sitting.train_run(few, fm.Recipe(model=NAME), model="other:make")
    assert not planted.exists()
