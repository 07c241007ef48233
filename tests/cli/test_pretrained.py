"""`--pretrained` with a file and without, and what fine-tuning takes unless told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fieldmark.cli import main
from fieldmark.cli.parsing import with_value
from fieldmark.cli.train import may_be_weights
from fieldmark.errors import UserError
from fieldmark.recipe import Recipe
from fieldmark.training.presets.finetuning import finetuned
from fieldmark.weights import published


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the command line asks of training, which itself does nothing."""
    from fieldmark.runs import sitting

    seen: dict[str, Any] = {}

    def train(data: str, recipe: Recipe, **arguments: Any) -> None:
        seen.update(arguments, data=data, recipe=recipe)
        raise UserError("enough.")

    monkeypatch.setattr(sitting, "train_run", train)
    return seen


@pytest.mark.parametrize(
    ("words", "data", "file"),
    [
        (["photos", "--pretrained"], "photos", "public"),
        (["--pretrained", "photos"], "photos", "public"),
        (["--pretrained", "photos.csv"], "photos.csv", "public"),
        (["--pretrained", "sample", "--epochs", "3"], "sample", "public"),
        (["photos", "--pretrained", "--epochs", "3"], "photos", "public"),
        (["photos", "--pretrained", "a/resnet18.pth"], "photos", "a/resnet18.pth"),
        (["--pretrained", "x.safetensors", "photos"], "photos", "x.safetensors"),
        (["photos", "--pretrained=weights"], "photos", "weights"),
        (["photos", "--pretrained", "plain"], "photos", "plain"),
        (["photos", "--pretrained", "public"], "photos", "public"),
        (["photos", "--pretrained", "none"], "photos", None),
    ],
)
def test_the_file_may_be_left_out(
    asked: dict[str, Any], words: list[str], data: str, file: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("plain").touch()
    Path("photos").mkdir()
    assert main(["train", *words, "--model", "resnet18"]) == 1
    assert capsys.readouterr().err == "fieldmark: enough.\n"
    assert asked["data"] == data
    assert asked["recipe"].pretrained == file


def test_only_the_flag_itself_gets_a_value() -> None:
    words = ["a.pth", "--pretrained=b.pth", "--out", "x"]
    assert with_value(words, "--pretrained", "public", may_be_weights) == words
    assert with_value(["--pretrained"], "--pretrained", "public", may_be_weights) == [
        "--pretrained",
        "public",
    ]


def test_fine_tuning_takes_its_own_settings_and_flags_win(
    asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["train", "photos", "--model", "resnet18", "--pretrained"])
    assert asked["recipe"] == finetuned("resnet18").replace(pretrained="public")
    flags = ["--freeze", "0", "--layer-decay", "1", "--learning-rate", "0.1", "--optimizer", "sgd"]
    flags += ["--mean", "0.5", "0.5", "0.5", "--std", "1", "1", "1", "--channels", "3"]
    main(["train", "photos", "--model", "resnet18", "--pretrained", *flags])
    assert asked["recipe"] == finetuned("resnet18").replace(
        pretrained="public",
        freeze=0,
        layer_decay=1.0,
        learning_rate=0.1,
        optimizer="sgd",
        mean=(0.5,) * 3,
        std=(1.0,) * 3,
        channels=3,
    )


def test_the_help_shows_the_settings_of_fine_tuning(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--model", "resnet18", "--pretrained", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.replace("\u2502", " ").split())
    recipe = finetuned("resnet18")
    for flag, value in (
        ("--pretrained [FILE]", "public"),
        ("--epochs INT", recipe.epochs),
        ("--freeze INT", recipe.freeze),
        ("--layer-decay FLOAT", recipe.layer_decay),
    ):
        assert shown.partition(flag)[2].partition("(default: ")[2].startswith(f"{value})"), flag


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--model", "baseline", "--pretrained"], "no published weights for 'baseline'"),
        (["--model", "resnet18", "--pretrained", "no.pth"], "no such path: "),
        (["--model", "resnet18", "--pretrained", "--from", "runs/a"], "not both"),
        (["--model", "timm:resnet18", "--pretrained"], 'pip install "fieldmark[pretrained]"'),
        (["--pretrained", "--mean", "x"], "--mean takes numbers or none; got 'x'"),
        (["--freez", "3"], "Closest: --freeze"),
        (["--weights", "x.pth"], "Closest: --pretrained"),
    ],
)
def test_what_cannot_be_is_one_line(
    words: list[str],
    told: str,
    photos: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "timm", None)
    assert main(["train", str(photos), *words]) in (1, 2)
    line = capsys.readouterr().err
    assert told in line
    assert line.count("\n") == 1


def test_without_a_network_the_file_and_where_to_put_it_are_named(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FIELDMARK_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(published, "ADDRESSES", ("http://127.0.0.1:9/",))
    assert main(["train", str(photos), "--model", "resnet18", "--pretrained"]) == 1
    line = capsys.readouterr().err
    assert f"put resnet18-f37072fd.pth into {tmp_path / 'data' / 'weights'}" in line
    assert line.count("\n") == 1
