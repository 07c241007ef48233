from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from cli.cli_helpers import SMALL

from fieldmark.cli import main
from fieldmark.cli.train import starting_recipe, told
from fieldmark.errors import UserError
from fieldmark.recipe import Recipe
from fieldmark.training.presets import RECIPES, find_recipe, preset
from fieldmark.training.presets.finetuning import finetuned


def test_json_has_what_was_trained_and_how_well(trained: tuple[Path, dict[str, Any]]) -> None:
    run, summary = trained
    assert {"run", "classifier", "model", "epochs", "best_epoch", "train", "val", "seconds"} <= set(summary)
    assert summary["run"] == str(run)
    assert Path(summary["classifier"]).is_dir()
    assert summary["model"] == "baseline"
    assert summary["epochs"] == 3
    assert 1 <= summary["best_epoch"] <= 3
    assert set(summary["train"]) == set(summary["val"]) == {"loss", "accuracy"}
    assert summary["seconds"] > 0
    assert summary["images_per_second"] > 0


def test_the_flags_given_are_in_the_recipe_of_the_run(run: Path) -> None:
    recipe = Recipe.load(run / "recipe.json")
    expected = preset("baseline").replace(epochs=3, batch_size=8, learning_rate=0.01)
    assert recipe == expected


def test_the_same_recipe_gives_the_same_weights(run: Path, photos: Path) -> None:
    """In processes of their own: that is what is promised for every kind of processor."""
    repeat = [sys.executable, "-m", "fieldmark", "train", str(photos), "--recipe", str(run / "recipe.json")]
    children = [
        subprocess.Popen([*repeat, "--out", name], stderr=subprocess.DEVNULL) for name in ("one", "two")
    ]
    assert [child.wait() for child in children] == [0, 0]
    weights = "classifier/weights.safetensors"
    assert Path("one", weights).read_bytes() == Path("two", weights).read_bytes()


def test_without_a_terminal_there_is_a_line_per_epoch_and_no_bar(
    run: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(photos), "--recipe", str(run / "recipe.json"), "--out", "again"]) == 0
    captured = capsys.readouterr()
    assert "fieldmark evaluate again" in captured.out
    assert "\x1b" not in captured.err, "no bars without a terminal"
    assert len([line for line in captured.err.splitlines() if line.strip()[:1].isdigit()]) == 3, (
        "one per epoch"
    )


def test_without_out_the_next_free_folder_is_taken(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--model", "mlp", "--epochs", "1", "--json"]
    for number in (1, 2):
        assert main(["train", str(photos), *flags]) == 0
        assert Path(json.loads(capsys.readouterr().out)["run"]) == Path(f"runs/photos-mlp-{number}")


def test_the_help_shows_the_defaults_of_the_model_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--model", "digits", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.replace("\u2502", " ").split())
    recipe = preset("digits")
    for flag, value in (("--epochs INT", recipe.epochs), ("--model TEXT", recipe.model)):
        after = shown.partition(flag)[2]
        assert after.partition("(default: ")[2].startswith(f"{value})")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], preset("baseline")),
        (["photos", "--model", "digits"], preset("digits")),
        (["photos", "--model=wide", "--epochs", "3"], preset("wide")),
        (["--recipe", sorted(RECIPES)[0], "--model", "mlp"], find_recipe(sorted(RECIPES)[0])),
    ],
)
def test_the_defaults_come_from_the_recipe_or_the_model(words: list[str], expected: Recipe) -> None:
    assert starting_recipe(words) == expected


def test_weights_of_a_run_bring_its_model_and_options(tmp_path: Path) -> None:
    trained = Recipe(model="digits", options={"width": 8}, resize="pad", epochs=77)
    (tmp_path / "recipe.json").write_text(trained.to_json())
    expected = finetuned("digits").replace(options={"width": 8}, resize="pad")
    assert starting_recipe(["--from", str(tmp_path)]) == expected
    assert starting_recipe(["--from", str(tmp_path), "--model", "wide"]) == finetuned("wide")


def test_training_starts_from_a_run(run: Path, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--epochs", "1", "--out", "next", "--json"]
    assert main(["train", str(photos), "--from", str(run), *flags]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "baseline"


def test_flags_of_every_kind_arrive(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from fieldmark.runs import sitting

    seen: dict[str, Any] = {}

    def train(data: str, recipe: Recipe, **arguments: Any) -> None:
        seen.update(arguments, data=data, recipe=recipe)
        raise UserError("enough.")

    monkeypatch.setattr(sitting, "train_run", train)
    words = [
        *("train", "cifar10", "--classes", "airplane", "bird", "--options", "width=32", "kernel_size=5"),
        *("--augment", "mirror", "crop", "--image-size", "64x48", "--learning-rate", "find"),
        *("--no-channels-last", "--patience", "5", "--clip", "none", "--threads", "2", "--device", "cpu"),
        *("--tensorboard", "--overwrite", "--from", "weights.safetensors", "--max-minutes", "1.5"),
    ]
    assert main(words) == 1
    recipe = seen["recipe"]
    assert type(recipe) is Recipe
    assert recipe == finetuned("baseline").replace(
        classes=("airplane", "bird"),
        options={"width": 32, "kernel_size": 5},
        augment=("mirror", "crop"),
        image_size=(64, 48),
        learning_rate="find",
        channels_last=False,
        patience=5,
        clip=None,
        max_minutes=1.5,
    )
    assert seen["data"] == "cifar10"
    assert (seen["threads"], seen["device"]) == (2, "cpu")
    assert seen["tensorboard"] is True
    assert seen["overwrite"] is True
    assert seen["start_from"] == Path("weights.safetensors")
    assert seen["out"] is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["train"], "fieldmark train DATA"),
        (["train", "photos", "--resume", "RUN"], "leave out DATA"),
        (["train", "--resume", "RUN", "--epochs", "9"], "leave out --epochs"),
        (["train", "--resume", "RUN", "--out", "x"], "leave out --out"),
    ],
)
def test_flags_that_do_not_go_together_are_exit_code_2(
    words: list[str], told: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(run) if word == "RUN" else word for word in words]) == 2
    assert told in capsys.readouterr().err


def test_resume_without_more_is_the_runs_own(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from fieldmark.runs import sitting

    seen: list[Path] = []

    def resume(folder: Path, **arguments: Any) -> None:
        seen.append(folder)
        raise UserError("enough.")

    monkeypatch.setattr(sitting, "resume", resume)
    assert main(["train", "--resume", str(run), "--threads", "1"]) == 1
    assert seen == [run]


def test_after_ctrl_c_the_run_is_told_how_to_go_on_and_nothing_follows(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from fieldmark.runs import sitting
    from fieldmark.runs.run import Run

    stopped = Run(run)
    stopped.document["status"] = "stopped"
    monkeypatch.setattr(sitting, "train_run", lambda *_, **__: stopped)
    assert main(["train", "sample"]) == 130
    assert f"fieldmark train --resume {run}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "epoch 3 of 4 is kept"),
        ({"status": "time"}, "--max-minutes"),
        ({"status": "patience"}, "--patience"),
        ({"status": "stopped"}, "fieldmark train --resume runs/a"),
        ({"status": "stopped", "epochs": 0, "best_epoch": 0}, "no epoch was finished"),
    ],
)
def test_why_a_run_ended_before_its_last_epoch_is_said(changes: dict[str, Any], said: str) -> None:
    val = {"loss": 0.1, "accuracy": 0.9}
    summary = {
        "run": "runs/a",
        "epochs": 4,
        "best_epoch": 3,
        "val": val,
        "seconds": 7.2,
        "status": "finished",
    }
    assert said in told(summary | changes)
    assert ("--" in told(summary | changes)) is bool(changes)


def test_too_large_a_batch_says_which_flags_make_the_same_steps_with_less_memory(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from fieldmark.runs import sitting

    def train(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nGPU 0 has ...")

    monkeypatch.setattr(sitting, "train_run", train)
    assert main(["train", "sample", "--batch-size", "512"]) == 1
    told = capsys.readouterr().err
    assert "--batch-size 256 --accumulate 2" in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("rank", [0, 1])
def test_one_of_several_processes_is_refused_in_one_line(
    rank: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", str(rank))
    for words in (["train", "sample", *SMALL, "x"], ["train", "--resume", "x"], ["demo"]):
        assert main(words) == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1
        assert "one of 2 processes" in captured.err
    assert list(Path().iterdir()) == []


def test_settings_are_given_by_being_named(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    preset_size = preset("baseline").batch_size
    words = ["train", str(photos), "--model", "baseline", "--epochs", "1", "--out"]
    for name, more, expected in (
        ("named", ["--batch-size", str(preset_size)], preset_size),
        ("same", [f"--batch_size={preset_size}"], preset_size),
        ("recipe", ["--recipe", "small"], preset_size),
        ("fitted", [], 4),  # 32 pictures to train on: eight steps
    ):
        assert main([*words, name, *more]) == 0
        assert Recipe.load(Path(name) / "recipe.json").batch_size == expected, name
    assert capsys.readouterr().err.count("few pictures") == 1


def test_a_run_that_is_over_goes_on_with_more_time_only(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(photos), *SMALL, "run", "--max-minutes", "0.0000001"]) == 0
    assert "--resume run --max-minutes MORE" in capsys.readouterr().out
    for words, expected in (
        (["--resume", "run"], "is over: it trained"),
        (["--resume", "run", "--max-minutes", "0.0000002"], "is over: it trained"),
    ):
        assert main(["train", *words]) == 1
        assert expected in capsys.readouterr().err
    assert main(["train", "--resume", "run", "--epochs", "9"]) == 2
    assert "--max-minutes and --patience may be given" in capsys.readouterr().err
    assert main(["train", "--resume", "run", "--max-minutes", "none", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "finished"
    assert Recipe.load(Path("run") / "recipe.json").max_minutes is None
