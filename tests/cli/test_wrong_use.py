"""What a person does wrong: one line with what was found and what to do, exit code 1, nothing written."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from cli.cli_helpers import make_pictures

from fieldmark.cli import main


@pytest.fixture
def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[Sequence[object]], str]:
    """Runs a command that must be refused, and returns the line."""

    def run(words: Sequence[object]) -> str:
        before = sorted(tmp_path.rglob("*"))
        assert main([str(word) for word in words]) == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("fieldmark: ")
        assert captured.err.count("\n") == 1, captured.err
        assert "this is a bug" not in captured.err
        after = [
            path for path in sorted(tmp_path.rglob("*")) if "cache" not in path.relative_to(tmp_path).parts
        ]
        assert after == [path for path in before if "cache" not in path.relative_to(tmp_path).parts]
        return captured.err

    return run


Refused = Callable[[Sequence[object]], str]


def test_no_such_path(refused: Refused) -> None:
    line = refused(["train", "./photo"])
    assert "./photo" in line


def test_a_misspelled_set(refused: Refused) -> None:
    line = refused(["train", "mnits"])
    assert "'mnits'" in line
    assert "Closest: mnist" in line
    assert "Closest: mnist" in refused(["train", "MNIST"])


def test_an_empty_folder(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    line = refused(["train", tmp_path / "empty"])
    assert str(tmp_path / "empty") in line
    assert "subfolder per class" in line


def test_one_class(refused: Refused, tmp_path: Path) -> None:
    make_pictures(tmp_path / "photos" / "cat", 5, 100)
    line = refused(["train", tmp_path / "photos"])
    assert "'cat'" in line
    assert "two" in line


def test_the_classes_one_folder_further_down(refused: Refused, tmp_path: Path) -> None:
    make_pictures(tmp_path / "download" / "photos" / "cat", 5, 100)
    make_pictures(tmp_path / "download" / "photos" / "dog", 5, 10)
    line = refused(["train", tmp_path / "download"])
    assert "If the classes are cat, dog, give download/photos." in line


def test_a_class_with_one_picture(refused: Refused, tmp_path: Path) -> None:
    make_pictures(tmp_path / "photos" / "cat", 5, 100)
    make_pictures(tmp_path / "photos" / "lynx", 1, 20)
    line = refused(["train", tmp_path / "photos"])
    assert "'lynx'" in line
    assert "--classes" in line


def test_an_unknown_model(refused: Refused, photos: Path) -> None:
    line = refused(["train", photos, "--model", "basline"])
    assert "'basline' is not a model. Closest: baseline." in line


def test_an_unknown_class(refused: Refused, photos: Path) -> None:
    line = refused(["train", photos, "--classes", "day", "nigt"])
    assert "nigt" in line
    assert "night" in line


def test_an_unknown_recipe(refused: Refused, photos: Path) -> None:
    assert "'textbok'" in refused(["train", photos, "--recipe", "textbok"])


def test_a_recipe_that_is_none(refused: Refused, photos: Path, tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    path.write_text('{"epoch": 3}')
    line = refused(["train", photos, "--recipe", path])
    assert str(path) in line
    assert "epochs" in line


def test_a_size_too_small_for_the_net(refused: Refused, photos: Path) -> None:
    line = refused(["train", photos, "--model", "deep", "--image-size", "4"])
    assert "deep" in line
    assert "8" in line


@pytest.mark.parametrize(
    ("flag", "value", "told"),
    [
        ("--epochs", "ten", "--epochs takes a whole number; got 'ten'"),
        ("--epochs", "0", "epochs=0"),
        ("--optimizer", "adm", "Closest: adam"),
        ("--image-size", "wide", "64x48"),
        ("--options", "widht=3", "widht"),
        ("--augment", "miror", "Closest: mirror"),
        ("--val", "1.5", "val=1.5"),
        ("--threads", "0", "--threads 0"),
        ("--threads", "100000", "take about as many"),
        ("--classes", "day,night", "--classes day,night: more than one is given with spaces between"),
        ("--augment", "mirror,crop", "spaces between"),
        ("--device", "gpu", "'gpu' is not a device"),
        ("--from", "no-such-run", "no-such-run"),
        ("--resize", "zoom", "crop, pad, stretch"),
        ("--model", "no.such:net", "no.such"),
    ],
)
def test_a_value_that_cannot_be(refused: Refused, photos: Path, flag: str, value: str, told: str) -> None:
    assert told in refused(["train", photos, flag, value])


def test_a_run_folder_that_exists(refused: Refused, photos: Path, run: Path) -> None:
    before = (run / "run.json").read_bytes()
    line = refused(["train", photos, "--out", run])
    assert str(run) in line
    assert "--overwrite" in line
    assert (run / "run.json").read_bytes() == before


def test_a_folder_of_something_else_is_not_overwritten(
    refused: Refused, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.txt").write_text("...")
    assert "thesis" in refused(["train", photos, "--out", tmp_path / "thesis", "--overwrite"])


def test_a_class_of_text_files_called_pictures(refused: Refused, tmp_path: Path) -> None:
    make_pictures(tmp_path / "photos" / "cat", 5, 100)
    (tmp_path / "photos" / "dog").mkdir()
    for number in range(5):
        (tmp_path / "photos" / "dog" / f"{number}.jpg").write_text("not a picture")
    line = refused(["train", tmp_path / "photos"])
    assert "dog" in line
    assert "text" in line


def test_several_labels_per_picture(refused: Refused, photos: Path, tmp_path: Path) -> None:
    files = [photos / "day" / f"{number}.png" for number in range(1, 5)]
    tables = {
        "two rows": f"file,label\n{files[0]},day\n{files[0]},sunny\n",
        "joined": f"file,label\n{files[0]},day\n{files[1]},sunny\n{files[2]},day|sunny\n",
        "marks": f"file,day,sunny\n{files[0]},1,1\n{files[1]},0,1\n",
    }
    for way, text in tables.items():
        (tmp_path / f"{way}.csv").write_text(text)
        line = refused(["train", tmp_path / f"{way}.csv"])
        assert "several labels per picture" in line
        assert f"{way}.csv" in line


@pytest.mark.parametrize("verb", ["train", "show", "evaluate"])
def test_a_text_file_as_the_data(refused: Refused, run: Path, tmp_path: Path, verb: str) -> None:
    (tmp_path / "cat.jpg").write_text("not a picture")
    words = [run, "--data"] if verb == "evaluate" else []
    assert "cat.jpg is a single file" in refused([verb, *words, tmp_path / "cat.jpg"])


def test_what_is_wrong_with_the_network_is_said_before_any_picture_is_decoded(
    refused: Refused, tmp_path: Path
) -> None:
    make_pictures(tmp_path / "photos" / "cat", 12, 100, (20, 80))
    make_pictures(tmp_path / "photos" / "dog", 12, 10, (20, 80))
    (tmp_path / "photos" / "dog" / "notes.txt").write_text("worth a note")
    for flags in (["--image-size", "2"], ["--options", "width=x"], ["--model", "no.such:net"]):
        refused(["train", tmp_path / "photos", *flags])
    assert not (tmp_path / "cache").exists()


OWN = """
from torch import nn

def needs_more(num_classes, width):
    return nn.Linear(width, num_classes)

def raises(num_classes, in_channels, image_size):
    raise KeyError("weights")

def no_network(num_classes, in_channels, image_size):
    return "resnet"

def wrong_input(num_classes, in_channels, image_size):
    return nn.Linear(7, num_classes)

def wrong_output(num_classes, in_channels, image_size):
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(num_classes + 5))
"""


@pytest.mark.parametrize(
    ("network", "told"),
    [
        ("needs_more", "needs_more cannot be made: TypeError: .*'width'.* It is called with num_classes=2"),
        ("raises", "raises cannot be made: KeyError: 'weights'"),
        ("no_network", "no_network gives a str"),
        ("wrong_input", r"Linear fails on pictures \(2, 3, 12, 12\): RuntimeError"),
        ("wrong_output", r"makes \(2, 7\) of pictures \(2, 3, 12, 12\); \(2, 2\) is wanted"),
    ],
)
def test_a_network_of_ones_own_that_does_not_work(
    refused: Refused, photos: Path, monkeypatch: pytest.MonkeyPatch, network: str, told: str
) -> None:
    Path("faulty.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(Path.cwd()))
    monkeypatch.delitem(sys.modules, "faulty", raising=False)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    words = ["train", photos, "--batch-size", "8", "--model", f"faulty:{network}"]
    assert re.search(told, refused(words))


def break_weights(classifier: Path) -> None:
    path = classifier / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


def cut_json(classifier: Path) -> None:
    path = classifier / "classifier.json"
    path.write_text(path.read_text()[:50])


def change_classes(classifier: Path) -> None:
    path = classifier / "classifier.json"
    document = json.loads(path.read_text())
    document["classes"] = document["classes"][:1]
    path.write_text(json.dumps(document))


def remove_weights(classifier: Path) -> None:
    (classifier / "weights.safetensors").unlink()


@pytest.mark.parametrize("change", [break_weights, cut_json, change_classes, remove_weights])
@pytest.mark.parametrize("verb", ["predict", "evaluate", "train"])
def test_a_broken_or_altered_classifier(
    refused: Refused, run: Path, photos: Path, tmp_path: Path, change: Callable[[Path], None], verb: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run / "classifier", copy)
    change(copy)
    words = {
        "predict": [copy, photos / "day" / "1.png"],
        "evaluate": [copy, "--data", photos],
        "train": [photos, "--from", copy],
    }
    assert str(copy) in refused([verb, *words[verb]])


def test_a_folder_that_is_no_classifier(refused: Refused, photos: Path) -> None:
    assert str(photos) in refused(["predict", photos, photos / "day" / "1.png"])


def test_resuming_what_is_no_run(refused: Refused, photos: Path) -> None:
    assert str(photos) in refused(["train", "--resume", photos])
