"""However a run ends, its folder says so, and it goes on where that makes sense."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import fieldmark as fm
from fieldmark.errors import ClassifierError, UserError
from fieldmark.recipe import Recipe
from fieldmark.runs import sitting
from fieldmark.runs.watcher import Quiet
from fieldmark.training.checkpoint import NAME, load_checkpoint
from fieldmark.vocabulary import Dataset

RECIPE = Recipe(model="baseline", epochs=3, batch_size=100, learning_rate=0.01)


@pytest.fixture(autouse=True)
def _no_figures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes longer than all the rest of these runs."""
    if "links" not in request.node.name:
        monkeypatch.setattr(sitting, "draw_training", lambda *arguments: None)
        monkeypatch.setattr(sitting, "draw_answers", lambda *arguments: None)


class Watching(Quiet):
    """Writes down the notes, and does something when an epoch is over."""

    def __init__(self, after: Any = lambda row: None) -> None:
        self.notes: list[str] = []
        self.after = after

    def note(self, text: str) -> None:
        self.notes.append(text)

    def epoch(self, row: dict[str, float]) -> None:
        self.after(row)


class Failing(nn.Module):
    """Fails at its third batch of training."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.layer, self.seen, self.error = nn.Linear(784, 10), 0, error

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.seen += self.training and len(images) == RECIPE.batch_size
        if self.seen == 3:
            raise self.error
        return self.layer(images.flatten(1))


def document(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "run.json").read_text())


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (ZeroDivisionError("division by zero"), "failed", "ZeroDivisionError: division by zero"),
        (MemoryError(), "failed", "MemoryError"),
        (torch.OutOfMemoryError("CUDA out of memory"), "failed", "OutOfMemoryError: CUDA out of memory"),
        (SystemExit(3), "failed", "SystemExit: 3"),
        (KeyboardInterrupt(), "stopped", "KeyboardInterrupt"),
    ],
)
def test_an_error_in_training_is_recorded(
    small_digits: Dataset, tmp_path: Path, error: BaseException, status: str, reason: str
) -> None:
    with pytest.raises((type(error), UserError)):  # the user's own is told as the user's
        sitting.train_run(
            small_digits, RECIPE.replace(model="my:net"), model=Failing(error), out=tmp_path / "run"
        )
    found = document(tmp_path / "run")
    assert found["status"] == status
    assert reason in found["reason"]
    assert not (tmp_path / "run" / "run.lock").exists()


def test_an_error_after_training_is_recorded_and_the_run_can_be_completed(
    small_digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any) -> None:
        raise UserError("cannot write the figure: No space left on device.")

    with monkeypatch.context() as patch:
        patch.setattr(sitting, "draw_training", full)
        with pytest.raises(UserError):
            sitting.train_run(small_digits, RECIPE, out=tmp_path / "run")
    assert document(tmp_path / "run")["status"] == "failed"
    assert "No space left" in document(tmp_path / "run")["reason"]
    run = sitting.resume(tmp_path / "run", data=small_digits)
    assert run.summary()["status"] == "finished"
    assert run.summary()["epochs"] == 3


def test_a_running_run_says_so_and_is_not_resumed_nor_replaced(small_digits: Dataset, tmp_path: Path) -> None:
    folder, tried = tmp_path / "run", []

    def another(row: dict[str, float]) -> None:
        tried.append(document(folder)["status"])
        with pytest.raises(UserError, match=r"being trained in by another run"):
            sitting.resume(folder, data=small_digits)
        with pytest.raises(UserError, match=r"being trained in by another run"):
            sitting.train_run(small_digits, RECIPE, out=folder, overwrite=True)

    sitting.train_run(small_digits, RECIPE, out=folder, progress=Watching(another))
    assert tried == ["running"] * 3


def test_a_mistake_leaves_no_folder_and_is_told_before_the_pictures_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*arguments: Any, **more: Any) -> None:
        raise AssertionError("pictures were decoded first")

    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr("fieldmark.runs.ingredients.load", never)
    with pytest.raises(UserError, match="cannot make the run folder"):
        sitting.train_run("sample", RECIPE, out=tmp_path / "file" / "run")
    monkeypatch.undo()
    with pytest.raises(UserError):
        sitting.train_run(tmp_path / "no-such-pictures", RECIPE, out=tmp_path / "deep" / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", ["RANK", "LOCAL_RANK"])
def test_one_of_several_processes_is_refused(
    small_digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv(name, "1")
    with pytest.raises(UserError, match=r"one of 2 processes"):
        sitting.train_run(small_digits, RECIPE, out=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_run_whose_time_was_up_is_over_until_it_gets_more(small_digits: Dataset, tmp_path: Path) -> None:
    recipe = RECIPE.replace(epochs=6, averaging=0.9)
    whole = sitting.train_run(small_digits, recipe, out=tmp_path / "whole")
    folder = tmp_path / "run"
    first = sitting.train_run(small_digits, recipe.replace(max_minutes=1e-9), out=folder)
    assert (first.document["status"], first.document["epochs"]) == ("time", 1)
    before = (folder / "run.json").read_bytes()
    with pytest.raises(UserError, match=r"is over: it trained .* minutes.*1 of|is over.*--max-minutes"):
        sitting.resume(folder, data=small_digits)
    with pytest.raises(UserError, match=r"epochs cannot be changed, only max_minutes and patience"):
        sitting.resume(folder, data=small_digits, epochs=12)
    assert (folder / "run.json").read_bytes() == before
    rest = sitting.resume(folder, data=small_digits, max_minutes=60.0)
    assert rest.recipe.max_minutes == 60.0
    assert (rest.document["status"], rest.document["epochs"]) == ("finished", 6)
    assert rest.document["best_epoch"] == whole.document["best_epoch"]
    weights = [path / "classifier" / "weights.safetensors" for path in (whole.folder, folder)]
    assert weights[0].read_bytes() == weights[1].read_bytes(), "as if there had been no bell"


def test_a_run_without_patience_left_is_over_until_it_gets_more(
    small_digits: Dataset, tmp_path: Path
) -> None:
    recipe = RECIPE.replace(
        epochs=6, learning_rate=1e-12, schedule="constant", patience=2, batch_size=300, optimizer="sgd"
    )
    run = sitting.train_run(small_digits, recipe, out=tmp_path / "run")
    assert run.document["status"] == "patience"
    done = run.document["epochs"]
    assert done < 6
    with pytest.raises(UserError, match=r"is over: 2 epochs brought no lower.*--patience"):
        sitting.resume(tmp_path / "run", data=small_digits)
    rest = sitting.resume(tmp_path / "run", data=small_digits, patience=None)
    assert (rest.document["status"], rest.document["epochs"]) == ("finished", 6)


def test_a_damaged_checkpoint_is_told_and_the_one_before_leads_to_the_same_weights(
    small_digits: Dataset, tmp_path: Path
) -> None:
    def fail(row: dict[str, float]) -> None:
        if row["epoch"] == 3:
            raise RuntimeError("power cut")

    whole = sitting.train_run(small_digits, RECIPE, out=tmp_path / "whole")
    folder, watching = tmp_path / "run", Watching()
    with pytest.raises(RuntimeError):
        sitting.train_run(small_digits, RECIPE, out=folder, progress=Watching(fail))
    last = folder / "checkpoints" / NAME
    content = bytearray(last.read_bytes())
    content[len(content) // 2] ^= 4
    last.write_bytes(content)
    sitting.resume(folder, data=small_digits, progress=watching)
    assert any("is damaged" in note and "Going on from the one before" in note for note in watching.notes)
    assert load_checkpoint(folder / "checkpoints")["step"] == 18
    weights = [path / "classifier" / "weights.safetensors" for path in (whole.folder, folder)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_seconds_count_from_the_call_in_python(small_digits: Dataset, tmp_path: Path) -> None:
    for number in range(2):
        began = time.monotonic()
        run = fm.train(small_digits, RECIPE, out=tmp_path / str(number), progress=False)
        took = time.monotonic() - began
        assert 0 < run.summary()["seconds"] <= took + 0.01


def test_a_batch_size_that_was_given_is_kept(small_digits: Dataset, tmp_path: Path) -> None:
    small = replace(small_digits, train=small_digits.train.select(torch.arange(400)))
    preset = fm.preset("baseline")
    assert preset.batch_size == 256
    one = {"epochs": 1, "progress": False}
    run = fm.train(small, model="baseline", batch_size=256, out=tmp_path / "given", **one)
    assert run.recipe.batch_size == 256
    whole = fm.train(small, preset.replace(epochs=1), out=tmp_path / "whole", progress=False)
    assert whole.recipe.batch_size == 256
    assert fm.train(small, model="baseline", out=tmp_path / "preset", **one).recipe.batch_size == 50


def test_a_picture_size_that_was_given_is_not_ignored(small_digits: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"loaded at 28x28, not at 32x32: fm.load takes image_size"):
        fm.train(small_digits, model="baseline", image_size=(32, 32), out=tmp_path / "run")


@pytest.mark.parametrize(
    "name", ["history.csv", "metrics.json", "checkpoints", "figures", "run.lock", "figures/curves.png"]
)
def test_links_in_a_strangers_run_are_not_written_through(
    small_digits: Dataset, tmp_path: Path, name: str
) -> None:
    def fail(row: dict[str, float]) -> None:
        if row["epoch"] == 2:
            raise RuntimeError("power cut")

    folder, outside = tmp_path / "run", tmp_path / "outside"
    with pytest.raises(RuntimeError):
        sitting.train_run(small_digits, RECIPE.replace(epochs=2), out=folder, progress=Watching(fail))
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    if path.exists():
        path.rename(outside)
    elif "." in name:
        outside.write_text("theirs")
    else:
        outside.mkdir()
    path.symlink_to(outside)
    before = contents(outside)
    with pytest.raises(UserError, match="is a link"):
        sitting.resume(folder, data=small_digits)
    assert contents(outside) == before


def contents(path: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in (path, *path.rglob("*")) if one.is_file()}


@pytest.mark.parametrize("text", ["{}", '{"status": "stopped"}', '{"status": 1, "dataset": {}}'])
def test_a_run_json_that_says_nothing_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(ClassifierError, match=r"run\.json is broken"):
        sitting.resume(tmp_path)
