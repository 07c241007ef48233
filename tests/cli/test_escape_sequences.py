"""Names are data: what a stranger wrote into them does not command the terminal."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

import fieldmark as fm
from fieldmark.cli import main
from fieldmark.cli.answers import to_csv
from fieldmark.cli.output import print_file
from fieldmark.errors import ClassifierError
from fieldmark.vocabulary import Preprocessing

ESCAPE, SHOWN = "a\x1b]0;owned\x07\x9b31m\u202eb.png", "a\\x1b]0;owned\\x07\\x9b31m\\u202eb.png"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_csv_on_a_terminal_shows_control_characters_and_in_a_file_keeps_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = {"file": ESCAPE, "status": "ok", "reason": None, "label": "x\x1b[2J", "score": 1.0, "scores": []}
    text = to_csv([row], top_k=1)
    for stream, names in ((Terminal(), (SHOWN, "x\\x1b[2J")), (io.StringIO(), (ESCAPE, "x\x1b[2J"))):
        monkeypatch.setattr(sys, "stdout", stream)
        print_file(text)
        assert stream.getvalue() == f"file,status,reason,label,score\n{names[0]},ok,,{names[1]},1.0\n"


class Named(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleDict({"one\x1b[2J": nn.Flatten(), "two\nlines": nn.Linear(48, 2)})

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        for part in self.parts.values():
            images = part(images)
        return images


def test_names_of_layers_and_of_the_network_are_shown_without_control_characters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    colours = Preprocessing((4, 4), 3, mean=(0.5,) * 3, std=(0.2,) * 3)
    folder = tmp_path / "shipped"
    fm.Classifier(Named(), "net\x1b[2J:f", {}, ("c\x1b[2J", "d"), colours).save(folder)
    monkeypatch.setattr(
        "fieldmark.cli.opening.open_classifier", lambda *_: fm.Classifier.load(folder, model=Named())
    )
    assert main(["inspect", str(folder), "--depth", "0"]) == 0
    out = capsys.readouterr().out
    assert all(letter.isprintable() or letter == "\n" for letter in out)
    assert "net\\x1b[2J:f on" in out
    assert "one\\x1b[2J" in out
    assert "two\\nlines" in out


def test_class_names_that_nothing_can_write_down_are_refused() -> None:
    colours = Preprocessing((8, 8), 3, mean=(0.5,) * 3, std=(0.2,) * 3)
    network = fm.create("baseline", 2, 3, 8)
    shipped = fm.Classifier(network, "baseline", {}, ("caf\udce9", "b"), colours)  # a folder's bytes
    with pytest.raises(ClassifierError, match="no text file can hold"):
        replace(shipped, classes=("a\ud800", "b"))
