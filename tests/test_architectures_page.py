"""The table of docs/architectures.md is what the code counts, and its pictures are there."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from fieldmark.models import create

PAGE = Path(__file__).parents[1] / "docs" / "architectures.md"
ROW = re.compile(
    r"^\|[^|]*\|[^|]*\| `(?P<name>\w+)` \| (?P<layers>\d+) "
    r"\| (?P<parameters>[\d,]+) \| (?P<flops>[\d,]+) \|$",
    re.MULTILINE,
)
ROWS = [match.groupdict() for match in ROW.finditer(PAGE.read_text(encoding="utf-8"))]


def number(text: str) -> int:
    return int(text.replace(",", ""))


def test_every_family_has_a_row():
    assert [row["name"] for row in ROWS] == [
        "lenet", "alexnet", "vgg11", "vgg16", "nin", "googlenet", "resnet18", "resnet50", "densenet121",
    ]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_a_row_is_what_is_counted(row):
    classes, channels, side = (10, 1, 28) if row["name"] == "lenet" else (1000, 3, 224)
    with torch.device("meta"):
        model = create(row["name"], classes, channels, side).eval()
        with FlopCounterMode(display=False) as counter:
            model(torch.empty(1, channels, side, side))
    assert sum(parameter.numel() for parameter in model.parameters()) == number(row["parameters"])
    assert counter.get_total_flops() == number(row["flops"])
    assert longest(model, row["name"]) == number(row["layers"])


def test_what_was_measured_is_what_the_page_says():
    root = PAGE.parents[1]
    rows = json.loads((root / "benchmarks" / "results" / "families.json").read_text(encoding="utf-8"))
    example = runpy.run_path(str(root / "examples" / "architectures.py"))
    assert {(row["data"], row["family"]) for row in rows} == {
        (data, family) for data in example["DATA"] for family in example["MEMBERS"]
    }
    assert example["table"](rows) in PAGE.read_text(encoding="utf-8")


def longest(model: nn.Module, name: str) -> int:
    """Layers with weights on the longest way through, as the papers count: no shortcuts, no side branches."""
    with_weights = [path for path, layer in model.named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    if name == "googlenet":  # an inception block is two layers deep, whichever branch
        blocks = {path.split(".branch")[0] for path in with_weights if ".branch" in path}
        return 2 * len(blocks) + sum(".branch" not in path for path in with_weights)
    return sum("shortcut" not in path for path in with_weights)


def test_pictures_are_there():
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", PAGE.read_text(encoding="utf-8"))
    assert len(pictures) == 8
    for picture in pictures:
        assert (PAGE.parent / picture).is_file(), picture
