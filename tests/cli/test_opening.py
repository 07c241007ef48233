from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fieldmark.cli import main
from fieldmark.cli.opening import check_own
from fieldmark.errors import UserError

NETWORK = """
from torch import nn

def make(num_classes, in_channels, image_size):
    height, width = image_size
    return nn.Sequential(nn.Flatten(), nn.Linear(in_channels * height * width, num_classes))
"""


def test_nothing_is_imported_because_a_file_says_so() -> None:
    with pytest.raises(UserError, match="--model mine:make"):
        check_own("mine:make", None)
    check_own("baseline", None)


@pytest.fixture
def _own_network(monkeypatch: pytest.MonkeyPatch) -> None:
    # As the installed command has it, in whose sys.path the current folder is not.
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry not in ("", str(Path.cwd()))])
    monkeypatch.delitem(sys.modules, "my_network", raising=False)
    Path("my_network.py").write_text(NETWORK)


@pytest.mark.usefixtures("_own_network")
def test_a_network_of_ones_own_is_trained_and_has_to_be_named_again(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = str(photos / "day" / "1.png")
    words = ["train", str(photos), "--epochs", "1", "--out", "own"]
    assert main([*words, "--model", "my_network:make"]) == 0
    capsys.readouterr()
    assert main(["predict", "own", picture]) == 1
    assert "my_network:make" in capsys.readouterr().err
    assert main(["predict", "own", picture, "--model", "my_network:make", "--json"]) == 0
    assert main(["evaluate", "own", "--model", "my_network:make", "--json"]) == 0
    capsys.readouterr()
    again = ["train", str(photos), "--recipe", "own/recipe.json", "--out", "again"]
    assert main(again) == 1
    assert "--model my_network:make" in capsys.readouterr().err
    assert not Path("again").exists()
    assert main([*again, "--model", "my_network:make"]) == 0


def test_a_network_of_timm_is_none_of_ones_own() -> None:
    check_own("timm:resnet18", None)
    with pytest.raises(UserError, match="--model nets:make"):
        check_own("nets:make", None)
