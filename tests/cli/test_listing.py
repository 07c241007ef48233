from __future__ import annotations

import json

import pytest
from cli.cli_helpers import imported_by

from fieldmark.cli import main
from fieldmark.cli.listing import FAMILIES
from fieldmark.conv.kernels import KERNELS
from fieldmark.data.sources import SOURCES
from fieldmark.models import MODELS
from fieldmark.training.augmentation import AUGMENTATIONS
from fieldmark.training.presets import RECIPES

TABLES = {
    "models": MODELS,
    "data": SOURCES,
    "recipes": RECIPES,
    "augmentations": AUGMENTATIONS,
    "kernels": KERNELS,
}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_member_is_listed_with_a_summary(family: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", family, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)[family]
    assert {row["name"] for row in rows} == set(TABLES[family])
    assert all(row["summary"] for row in rows)
    assert main(["list", family]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in TABLES[family])


def test_models_that_have_published_weights_are_marked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "models", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["models"]}
    assert rows["resnet18"]["pretrained"] is True
    assert rows["lenet"]["pretrained"] is rows["nin"]["pretrained"] is False
    assert main(["list", "models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [" yes " in line for line in lines if line.startswith(("resnet18", "lenet"))] == [False, True]


def test_listing_does_not_wait_for_torch() -> None:
    code = f"from fieldmark.cli import main; [main(['list', name, '--json']) for name in {list(FAMILIES)}]"
    assert not imported_by(code) & {"torch", "numpy", "matplotlib", "PIL"}


def test_nothing_named_is_exit_code_2_and_a_wrong_name_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 2
    assert "models|data|recipes|augmentations|kernels" in capsys.readouterr().err
    assert main(["list", "model"]) == 1
    assert "'model' is not a family. Closest: models." in capsys.readouterr().err


def test_textbook_smiles_tells_what_was_printed_and_what_is_right(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["list", "recipes", "--json"]) == 0
    rows = {row["name"]: row["summary"] for row in json.loads(capsys.readouterr().out)["recipes"]}
    assert "84.46 % printed, 90.21 % corrected" in rows["textbook-smiles"]
