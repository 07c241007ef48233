"""What an inspection shows: the right numbers beside each other, and what a layer really does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from torch import nn

import fieldmark as fm
from fieldmark.diagram.drawing import draw_network
from fieldmark.inspection.notes import fully_connected
from fieldmark.models import ABOUT

DOCS = Path(__file__).parents[2] / "docs"
ROW = re.compile(r"^\|[^|]*\|(?P<year>[^|]*)\| `(?P<name>\w+)` \| (?P<layers>\d+) \|", re.MULTILINE)
ROWS = [match.groupdict() for match in ROW.finditer((DOCS / "architectures.md").read_text(encoding="utf-8"))]


def words(svg: str) -> str:
    return " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", svg))


def test_biases_count_on_both_sides() -> None:
    found = fm.inspect("digits", 28, in_channels=1)
    first = found.layers[0]
    assert (first.parameters, first.biases) == (832, 32)
    # facts 1: (28 * 28)^2 * 1 * 32 weights and 28 * 28 * 32 biases
    assert fully_connected(found, first) == 19_694_080
    assert "has 832 parameters. Fully connected" in found.notes[0]
    assert "would take 19,694,080" in found.notes[0]
    bare = fm.inspect(nn.Sequential(nn.Conv2d(1, 32, 5, padding=2, bias=False)), 28, in_channels=1)
    assert fully_connected(bare, bare.layers[0]) == 19_668_992


def test_print_gives_a_short_table() -> None:
    text = str(fm.inspect("densenet121", 224, num_classes=1000))
    lines = text.splitlines()
    assert len(lines) <= 30
    assert max(map(len, lines)) <= 100
    assert lines[0] == (
        "densenet121 on pictures of 3x224x224: 7,978,856 parameters, 5,668,323,328 FLOPs, 121 layers deep"
    )
    assert sum(int(line.split()[-2].replace(",", "")) for line in lines[4:] if line.split()[-2] != "-") == (
        7_978_856
    )


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_page_and_inspection_count_the_same_layers(row: dict[str, str]) -> None:
    side = 28 if row["name"] == "lenet" else 224
    assert fm.inspect(row["name"], side).depth == int(row["layers"])


@pytest.mark.parametrize("path", sorted((DOCS / "pictures").glob("net-*.svg")), ids=lambda path: path.stem)
def test_drawing_and_page_count_the_same_layers(path: Path) -> None:
    (layers,) = re.findall(r"([\d,]+) layers deep", path.read_text(encoding="utf-8"))
    (row,) = [row for row in ROWS if row["name"] == path.stem.removeprefix("net-")]
    assert layers == row["layers"]


def test_years_on_the_page_are_those_of_the_list() -> None:
    year = ""
    for row in ROWS:
        year = row["year"].strip() or year
        assert f"({year})" in ABOUT[row["name"]].summary, row["name"]


def test_a_mean_that_changes_nothing_is_said_and_not_drawn() -> None:
    found = fm.inspect("vgg11", 224)
    assert (
        "grid (AdaptiveAvgPool2d) changes nothing at this size: its input is 512x7x7 already." in found.notes
    )
    assert "mean" not in draw_network(found)
    larger = fm.inspect("vgg11", 256)
    assert not any("changes nothing" in note for note in larger.notes)
    assert "mean" in draw_network(larger)


@pytest.mark.parametrize(("name", "activation"), [("digits", "ReLU"), ("baseline", "Tanh")])
def test_pooling_before_the_activation_is_told(name: str, activation: str) -> None:
    found = fm.inspect(name, ABOUT[name].published_size)
    (note,) = [note for note in found.notes if "pools before" in note]
    assert note.startswith(f"features.stage1.pool pools before {activation}, where books pool after it.")
    assert "Pooling comes before the activation here" in words(draw_network(found))


def test_pooling_after_the_activation_needs_no_word() -> None:
    found = fm.inspect("alexnet", 224)
    assert not any("pools before" in note for note in found.notes)
    assert "Pooling comes before" not in words(draw_network(found))
