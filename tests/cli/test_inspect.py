from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from cli.cli_helpers import imported_by

from fieldmark.cli import main
from fieldmark.cli.amounts import BINARY, DECIMAL, amount, columns, scaled, unit
from fieldmark.models import ABOUT, create
from fieldmark.shipping.classifier import Classifier
from fieldmark.vocabulary import Preprocessing

NETWORK = """
from torch import nn

class Own(nn.Module):
    def __init__(self, num_classes, in_channels, image_size, width=4):
        super().__init__()
        self.convolution = nn.Conv2d(in_channels, width, 3)
        self.head = nn.Linear(width * 30 * 30, num_classes)

    def forward(self, images):
        return self.head(self.convolution(images).flatten(1))
"""


@pytest.fixture
def _own_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry not in ("", str(Path.cwd()))])
    monkeypatch.delitem(sys.modules, "inspected_network", raising=False)
    Path("inspected_network.py").write_text(NETWORK)


@pytest.fixture
def shipped() -> Path:
    """A classifier folder: resnet18 of width 4 for 1x24x32 pictures of three classes."""
    options = {"width": 4, "stem": "small"}
    network = create("resnet18", 3, 1, (24, 32), **options)
    takes = Preprocessing((24, 32), 1, mean=(0.5,), std=(0.2,))
    Classifier(network, "resnet18", options, ("crow", "swan", "wren"), takes).save("shipped")
    return Path("shipped")


def told(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main(["inspect", *map(str, words)]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def found(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    return json.loads(told(capsys, *words, "--json"))


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main(["inspect", *map(str, words)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def test_the_json_of_one_network(capsys: pytest.CaptureFixture[str]) -> None:
    document = found(capsys, "alexnet", "--image-size", 224, "--classes", 1000)
    assert document["model"] == "alexnet"
    assert document["parameters"] == document["trainable"] == 61_100_840
    assert document["input_shape"] == [3, 224, 224]
    assert document["flops"] == sum(layer["flops"] for layer in document["layers"])
    first = document["layers"][0]
    assert {
        name: first[name] for name in ("name", "type", "output_shape", "parameters", "receptive_field")
    } == {
        "name": "features.stage1.convolution",
        "type": "Conv2d",
        "output_shape": [64, 55, 55],
        "parameters": 64 * 3 * 121 + 64,
        "receptive_field": [11, 11],
    }
    assert first["fully_connected"] == (3 * 224 * 224 + 1) * 64 * 55 * 55
    assert document["layers"][-1]["receptive_field"] is None
    memory = document["memory"]
    assert memory["batch_size"] == 64
    assert memory["total"] == sum(
        memory[name] for name in ("weights", "gradients", "optimiser", "activations")
    )


def test_the_json_of_several_is_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    document = found(capsys, "lenet", "digits", "--channels", 1)
    assert [one["model"] for one in document["models"]] == ["lenet", "digits"]
    assert [one["parameters"] for one in document["models"]] == [61_706, 3_274_634]


def test_the_table_has_its_figures_under_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(capsys, "vgg16", "--depth", 0, "--classes", 1000).splitlines()
    head = next(line for line in lines if line.startswith("layer"))
    ends = {
        name: head.index(name) + len(name)
        for name in ("parameters", "weights", "FLOPs", "kept", "sees", "step")
    }
    row = next(line for line in lines if "102,764,544" in line)
    cells = {name: row[:end].split()[-1] for name, end in ends.items()}
    assert cells["parameters"] == "102,764,544"
    assert cells["weights"] == "401,424"  # KiB: 102,764,544 x 4 / 1024, and the unit stands above
    assert cells["FLOPs"] == "206"  # M: 2 x 25,088 x 4,096
    assert cells["sees"] == cells["step"] == "-"
    units = lines[lines.index(head) + 1]
    assert units.split() == ["KiB", "M", "KiB", "px", "px"]
    total = next(line for line in lines if line.startswith("total"))
    assert total[: ends["parameters"]].split()[-1] == "138,357,544"
    assert total[: ends["FLOPs"]].split()[-1] == "30,941"


@pytest.mark.parametrize("name", ["baseline", "densenet201", "googlenet", "nin", "resnet152", "vgg19_bn"])
def test_tables_fit_100_columns_and_a_screen(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(capsys, name).splitlines()
    assert max(map(len, lines)) <= 100
    rules = [i for i, line in enumerate(lines) if line and set(line) == {"-"}]
    figures = [line for line in lines[rules[0] + 1 : rules[1]] if len(line.split()) > 2]
    assert 2 <= len(figures) <= 48
    assert not any(line.startswith("..") for line in figures), "names are whole"
    assert all(line == line.rstrip() for line in lines)


def test_every_layer_of_densenet_is_shown_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, "densenet121", "--depth", 0)
    assert text.count("convolution2    Conv2d") == 58
    assert max(map(len, text.splitlines())) <= 100
    assert "(n): a block" not in text
    blocks = told(capsys, "densenet121")
    assert re.search(r"block3 +Block \(168\) +1024x14x14 +2,837,760 ", blocks)
    assert "(n): a block" in blocks


def test_what_training_needs_is_said_with_its_parts(capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(told(capsys, "resnet18", "--image-size", 224, "--batch-size", 32).split())
    memory = found(capsys, "resnet18", "--image-size", 224, "--batch-size", 32)["memory"]
    for part in ("weights", "gradients", "activations"):
        assert f"{part} {scaled(memory[part], BINARY)}" in text
    assert f"{scaled(memory['total'], BINARY)} for 32 pictures" in text
    assert f"Adam's two means {scaled(memory['optimiser'], BINARY)}" in text
    double = found(capsys, "resnet18", "--image-size", 224, "--batch-size", 64)["memory"]
    assert double["activations"] > 1.99 * memory["activations"]


def test_two_networks_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, "resnet18", "resnet34", "--image-size", 224)
    assert re.search(r"^parameters +11,181,642 +21,289,802$", text, re.MULTILINE)
    assert re.search(r"^FLOPs for one picture +3\.63 G +7\.33 G$", text, re.MULTILINE)
    assert re.search(r"^depth +18 +34$", text, re.MULTILINE)
    assert re.search(r"^features\.stage1\.block2 +- +64x56x56 +73,984 ", text, re.MULTILINE)
    assert "features.stage1.block0" not in text
    assert re.search(r"^\d+ rows are alike in both\.$", text, re.MULTILINE)
    assert max(map(len, text.splitlines())) <= 100


def test_the_same_network_twice_and_three_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert "rows are alike in both." in told(capsys, "lenet", "lenet")
    text = told(capsys, "lenet", "digits", "baseline", "--image-size", 28)
    assert re.search(r"^parameters +62,006 +3,276,234 +[\d,]+$", text, re.MULTILINE)
    assert "differing" not in text


def test_options_as_train_has_them_and_a_stem_of_its_own_accord(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = found(capsys, "resnet18", "--image-size", 32, "--options", "width=8", "stem=published")
    assert chosen["layers"][0]["output_shape"] == [8, 16, 16]
    assert not any(note.startswith("stem") for note in chosen["notes"])
    small = found(capsys, "resnet18", "--image-size", "32x48")
    assert small["layers"][0]["output_shape"] == [64, 32, 48]
    assert small["notes"][0].startswith("stem small: first layer 3x3 stride 1")
    assert "--options stem=published" in small["notes"][0]


def test_a_classifier_folder_is_inspected_as_it_is(shipped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = found(capsys, shipped)
    assert document["model"] == "resnet18"
    assert document["input_shape"] == [1, 24, 32]
    assert document["layers"][0]["output_shape"] == [4, 24, 32]
    assert document["layers"][-1]["output_shape"] == [3]
    same = ["--image-size", "24x32", "--channels", "1", "--classes", "3"]
    assert found(capsys, shipped, *same) == document
    beside = found(capsys, shipped, "lenet")["models"]
    assert [one["model"] for one in beside] == ["resnet18", "lenet"]
    assert beside[0] == document


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--image-size", "32"], "trained with --image-size 24x32"),
        (["--channels", "3"], "trained with --channels 1"),
        (["--classes", "10"], "trained with --classes 3"),
        (["--options", "width=8"], "leave out --options"),
    ],
)
def test_flags_that_contradict_the_folder_are_refused(
    words: list[str], said: str, shipped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused(capsys, shipped, *words)


def test_a_run_is_inspected(trained: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    document = found(capsys, trained[0])
    assert document["model"] == "baseline"
    assert document["input_shape"] == [3, 12, 12]


@pytest.mark.usefixtures("_own_network")
def test_a_network_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    document = found(
        capsys, "inspected_network:Own", "--image-size", 32, "--options", "width=2", "--classes", 5
    )
    assert document["model"] == "inspected_network:Own"
    assert document["parameters"] == 2 * 27 + 2 + 5 * 2 * 900 + 5
    assert "inspected_network:Own on pictures of 3x32x32" in told(
        capsys, "inspected_network:Own", "--image-size", 32
    )
    line = refused(capsys, "inspected_network:Own", "--image-size", 64)
    assert "head gets 15376" in line
    assert "--image-size 32" in line


@pytest.mark.usefixtures("_own_network")
def test_a_run_with_a_network_of_ones_own_has_it_named_again(capsys: pytest.CaptureFixture[str]) -> None:
    sys.path.append(str(Path.cwd()))
    from inspected_network import Own  # type: ignore[import-not-found]

    takes = Preprocessing((32, 32), 3, mean=(0.5,) * 3, std=(0.2,) * 3)
    Classifier(Own(2, 3, (32, 32)), "inspected_network:Own", {}, ("crow", "swan"), takes).save("own")
    assert "--model module:function" in refused(capsys, "own")
    document = found(capsys, "own", "--model", "inspected_network:Own")
    assert document["layers"][-1]["output_shape"] == [2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["resnet1800"], "Closest: resnet18."),
        (["nowhere/run"], "there is no folder nowhere/run"),
        (["vgg16", "--image-size", "8"], "at least 16x16"),
        (["lenet", "--batch-size", "0"], "--batch-size 0: at least 1"),
        (["lenet", "--channels", "0"], "--channels 0"),
        (["lenet", "--classes", "1"], "--classes 1"),
        (["lenet", "--depth", "-1"], "--depth -1"),
        (["lenet", "--image-size", "big"], "--image-size takes"),
        (["lenet", "--options", "growth=3"], "no option 'growth'"),
        (["lenet", "--out", "net.png"], "end the name in .svg"),
        (["lenet", "--out", "no/net.svg"], "there is no folder no"),
        (["lenet", "digits", "--out", "net.svg"], "--out draws one network; 2 are given"),
        (["no_such_module:make"], "no module named 'no_such_module'"),
        (["lenet", "--model", "mine:make"], "--model mine:make is for a RUN"),
    ],
)
def test_wrong_values_are_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said in refused(capsys, *words)


def test_without_a_network_it_asks_for_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect"]) == 2
    assert "fieldmark inspect MODEL" in capsys.readouterr().err


def test_the_drawing_is_written_and_no_file_is_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Drawing: net.svg" in told(capsys, "lenet", "--out", "net.svg")
    drawing = Path("net.svg").read_text()
    assert drawing.lstrip().startswith("<")
    assert "</svg>" in drawing
    Path("net.svg").write_text("kept")
    assert "exists already" in refused(capsys, "lenet", "--out", "net.svg")
    assert Path("net.svg").read_text() == "kept"
    told(capsys, "lenet", "--out", "net.svg", "--overwrite", "--json")
    assert Path("net.svg").read_text() == drawing


def test_the_largest_network_needs_neither_sympy_nor_a_weight() -> None:
    """What makes it fast: torch's shapes come with imports of a second, drawing weights takes another one."""
    assert "sympy" not in imported_by(
        "from fieldmark.cli import main; main(['inspect', 'densenet201', '--json'])"
    )


def test_units_are_chosen_so_that_digits_are_kept() -> None:
    assert [unit(total, DECIMAL)[0] for total in (0, 999, 1_000_000, 5_666_295_808)] == ["", "", "k", "M"]
    assert [amount(value, 1000) for value in (0, 3, 70, 99_900, 1_234_567)] == [
        "-",
        "<0.1",
        "0.1",
        "99.9",
        "1,235",
    ]
    assert [scaled(value, BINARY) for value in (0, 1023, 1024, 2**30)] == ["0 B", "1,023 B", "1 KiB", "1 GiB"]


def test_long_names_are_cut_from_the_left() -> None:
    lines = columns([["name", "figure"]], [["a" * 200 + ".convolution", "7"]], None, left=1)
    assert all(len(line) <= 100 for line in lines)
    assert lines[-1].startswith("..a")
    assert ".convolution" in lines[-1]


def test_every_model_that_is_listed_can_be_inspected_at_its_smallest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("alexnet", "densenet121", "nin", "vgg11"):
        side = ABOUT[name].smallest
        assert found(capsys, name, "--image-size", side)["input_shape"] == [3, side, side]


def test_pictures_are_never_drawn_into_the_random_state(capsys: pytest.CaptureFixture[str]) -> None:
    before = torch.get_rng_state()
    told(capsys, "resnet18", "--image-size", 32)
    assert torch.equal(torch.get_rng_state(), before)
