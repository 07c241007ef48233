import csv
import json
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional
from training.whole_run import runs_stopped_at

import fieldmark as fm
from fieldmark.errors import ClassifierError, DataError, TrainingError, UserError
from fieldmark.recipe import Recipe
from fieldmark.runs import sitting
from fieldmark.runs.run import Run
from fieldmark.vocabulary import Dataset, History

RECIPE = Recipe(model="baseline", epochs=2, batch_size=64, learning_rate=0.01)


def test_a_run_folder_holds_what_is_promised(small_digits: Dataset, tmp_path: Path) -> None:
    run = sitting.train_run(small_digits, RECIPE, out=tmp_path / "run")
    names = {path.relative_to(run.folder).as_posix() for path in run.folder.rglob("*") if path.is_file()}
    assert names == {
        "recipe.json",
        "run.json",
        "history.csv",
        "metrics.json",
        "checkpoints/last.pt",
        "checkpoints/previous.pt",
        "classifier/classifier.json",
        "classifier/weights.safetensors",
        "figures/curves.png",
        "figures/confusion.png",
        "figures/mistakes.png",
        "figures/predictions.png",
        "figures/recalls.png",
    }
    assert Recipe.load(run.folder / "recipe.json") == RECIPE
    with (run.folder / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(History.COLUMNS)
    assert [row["epoch"] for row in rows] == ["1", "2"]
    document = json.loads((run.folder / "run.json").read_text())
    assert document["status"] == "finished"
    assert document["dataset"]["fingerprint"] == small_digits.fingerprint
    assert document["dataset"]["pictures"] == {"train": 600, "val": 200, "test": 200}
    metrics = json.loads((run.folder / "metrics.json").read_text())
    assert set(metrics) == {"train", "val"}, "the test split is not touched by training"


def test_the_summary_is_a_clean_pass_of_the_kept_weights(small_digits: Dataset, tmp_path: Path) -> None:
    run = sitting.train_run(small_digits, RECIPE, out=tmp_path / "run")
    summary = run.summary()
    assert set(summary) == {
        "run",
        "classifier",
        "model",
        "epochs",
        "best_epoch",
        "train",
        "val",
        "seconds",
        "images_per_second",
        "status",
    }
    kept = fm.Classifier.load(tmp_path / "run").model
    pixels = small_digits.train.images.double() / 255
    figures = {}
    for split in ("train", "val", "test"):
        images = small_digits.split(split)
        inputs = (images.images.double() / 255 - pixels.mean()) / pixels.std(correction=0)
        with torch.no_grad():
            logits = kept(inputs.float())
        right = (logits.argmax(1) == images.labels).double().mean().item()
        figures[split] = {"loss": functional.cross_entropy(logits, images.labels).item(), "accuracy": right}
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    for split in ("train", "val"):
        for found in (summary[split], metrics[split], run.document[split]):
            assert found["loss"] == pytest.approx(figures[split]["loss"], rel=1e-4)
            assert found["accuracy"] == pytest.approx(figures[split]["accuracy"])
    for opened in (run, Run(tmp_path / "run", dataset=small_digits)):
        assert opened.evaluate("test")["n"] == 200
        assert opened.evaluate("test")["loss"] == pytest.approx(figures["test"]["loss"], rel=1e-4)
    assert figures["train"]["loss"] != pytest.approx(figures["val"]["loss"], rel=0.01)


def test_an_existing_folder_is_kept(small_digits: Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(UserError, match="run"):
            sitting.train_run(small_digits, RECIPE, out=folder, overwrite=overwrite)
        assert [path.name for path in folder.iterdir()] == ["thesis.txt"]


def test_overwriting_replaces_a_run_once_training_begins(small_digits: Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    sitting.train_run(small_digits, RECIPE, out=folder)
    first = contents(folder)
    with pytest.raises(UserError, match="exists already"):
        sitting.train_run(small_digits, RECIPE, out=folder)
    for changes in ({"options": {"depth": 3}}, {"accumulate": 1000}, {"image_size": (9, 9)}):
        with pytest.raises(UserError):
            sitting.train_run(small_digits, RECIPE.replace(**changes), out=folder, overwrite=True)
        assert contents(folder) == first, "nothing is removed before the new run is sure to begin"
    with pytest.raises(UserError, match="which this run reads"):
        sitting.train_run(small_digits, RECIPE, out=folder, overwrite=True, start_from=folder)
    sitting.train_run(small_digits, RECIPE.replace(seed=1), out=folder, overwrite=True)
    second = contents(folder)
    assert second["classifier/weights.safetensors"] != first["classifier/weights.safetensors"]
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        (RECIPE.replace(model="resnet1800"), "resnet1800"),
        (RECIPE.replace(augment=("miror",)), "Closest: mirror"),
        (RECIPE.replace(accumulate=1000), "accumulate=1000"),
    ],
)
def test_what_cannot_be_trained_writes_nothing(
    small_digits: Dataset, tmp_path: Path, recipe: Recipe, told: str
) -> None:
    with pytest.raises(UserError, match=told):
        sitting.train_run(small_digits, recipe, out=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_run_says_so(small_digits: Dataset, tmp_path: Path) -> None:
    wild = RECIPE.replace(model="deep", optimizer="sgd", learning_rate=1e30, precision="fp32")
    with pytest.raises(TrainingError, match="no longer a number"):
        sitting.train_run(small_digits, wild, out=tmp_path / "run")
    document = json.loads((tmp_path / "run" / "run.json").read_text())
    assert document["status"] == "failed"
    assert "no longer a number" in document["reason"]


def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = RECIPE.replace(limit=600, averaging=0.9, augment=("crop",), model="dropout")
    whole = sitting.train_run("sample", recipe, out=tmp_path / "whole")

    with runs_stopped_at(12):
        half = sitting.train_run("sample", recipe, out=tmp_path / "half")
    assert half.summary()["status"] == "stopped"
    assert (tmp_path / "half" / "classifier" / "weights.safetensors").is_file(), "ends with what there is"
    rest = sitting.resume(tmp_path / "half")
    assert rest.summary()["status"] == "finished"
    one = (tmp_path / "whole" / "classifier" / "weights.safetensors").read_bytes()
    assert (tmp_path / "half" / "classifier" / "weights.safetensors").read_bytes() == one
    assert rest.document["started"] == half.document["started"]
    assert whole.summary()["best_epoch"] == rest.summary()["best_epoch"]


def test_a_finished_run_is_not_measured_again(small_digits: Dataset, tmp_path: Path) -> None:
    sitting.train_run(small_digits, RECIPE, out=tmp_path / "run")
    before = (tmp_path / "run" / "run.json").read_bytes()
    with pytest.raises(UserError, match=r"is finished.*--from"):
        sitting.resume(tmp_path / "run", data=small_digits)
    assert (tmp_path / "run" / "run.json").read_bytes() == before


def test_a_single_step_learns_something(small_digits: Dataset, tmp_path: Path) -> None:
    one = RECIPE.replace(epochs=1, batch_size=600, schedule="one-cycle", optimizer="sgd", learning_rate=0.5)
    run = sitting.train_run(small_digits, one, out=tmp_path / "run")
    start = sitting.train_run(small_digits, one.replace(learning_rate=1e-30), out=tmp_path / "start")
    assert run.summary()["train"]["loss"] < start.summary()["train"]["loss"]


def test_a_handful_of_pictures_gets_batches_that_fit(tmp_path: Path) -> None:
    run = fm.train("sample", model="digits", limit=160, epochs=2, out=tmp_path / "run", progress=False)
    assert run.recipe.batch_size == 20, "recipe.json holds what was used"


def test_resuming_what_is_no_run_or_has_other_pictures(small_digits: Dataset, tmp_path: Path) -> None:
    with pytest.raises(ClassifierError, match="no such run"):
        sitting.resume(tmp_path / "nothing")
    sitting.train_run(small_digits, RECIPE, out=tmp_path / "run")
    document = json.loads((tmp_path / "run" / "run.json").read_text())
    (tmp_path / "run" / "run.json").write_text(json.dumps(document | {"status": "stopped"}))
    with pytest.raises(DataError, match="memory"):
        sitting.resume(tmp_path / "run")
    with pytest.raises(DataError, match="not those"):
        sitting.resume(tmp_path / "run", data=fm.load("sample", limit=300))


def test_your_own_module_becomes_a_classifier_that_needs_it_again(
    small_digits: Dataset, tmp_path: Path
) -> None:
    def make() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))

    run = fm.train(small_digits, RECIPE.replace(epochs=5), model=make(), out=tmp_path / "run")
    assert run.evaluate("test")["accuracy"] > 0.5
    with pytest.raises(ClassifierError, match="model"):
        fm.Classifier.load(tmp_path / "run")
    loaded = fm.Classifier.load(tmp_path / "run", model=make())
    assert loaded.classes == small_digits.classes


def test_settings_from_python_take_names_dicts_and_dataclasses(small_digits: Dataset, tmp_path: Path) -> None:
    from fieldmark.training.augmentation import Mirror

    run = fm.train(
        small_digits,
        model="baseline",
        epochs=1,
        augment=["crop", {"name": "rotate", "degrees": 5}, Mirror(0.25)],
        out=tmp_path / "run",
    )
    assert run.recipe.augment == (
        "crop",
        {"name": "rotate", "degrees": 5},
        {"name": "mirror", "probability": 0.25},
    )
    with pytest.raises(UserError, match="Closest: epochs"):
        fm.train(small_digits, epoch=3)


def test_starting_from_a_run_goes_on_with_its_weights(small_digits: Dataset, tmp_path: Path) -> None:
    first = sitting.train_run(small_digits, RECIPE.replace(epochs=6), out=tmp_path / "first")
    second = sitting.train_run(
        small_digits,
        RECIPE.replace(epochs=1, learning_rate=1e-9, augment=()),
        out=tmp_path / "second",
        start_from=tmp_path / "first",
    )
    assert second.summary()["val"]["accuracy"] == pytest.approx(first.summary()["val"]["accuracy"], abs=0.01)


def test_tensorboard_files_are_written(small_digits: Dataset, tmp_path: Path) -> None:
    run = sitting.train_run(small_digits, RECIPE, out=tmp_path / "run", tensorboard=True)
    assert list((run.folder / "tensorboard").glob("events.out.tfevents.*"))
