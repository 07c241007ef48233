"""Several networks side by side: every name whole, every remark once."""

from __future__ import annotations

import re

import pytest

from fieldmark.cli import main

MANY = ("lenet", "alexnet", "vgg16_bn", "nin", "googlenet", "resnet18", "densenet121", "deep_residual")


def told(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main(["inspect", *map(str, words)]) == 0
    return capsys.readouterr().out


def test_headings_of_eight_networks_are_whole(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, *MANY, "--image-size", 64)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 100
    assert not any(line.startswith("..") for line in lines)
    assert sum(line.startswith("FLOPs for one picture") for line in lines) == 2
    heads = [line.split() for line in lines if line.split() and line.split()[0] in MANY and ":" not in line]
    assert [name for head in heads for name in head] == list(MANY)


def test_a_remark_on_several_networks_is_made_once(capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(told(capsys, *MANY, "--image-size", 64).split())
    assert text.count("stem small") == 1
    assert "alexnet, vgg16_bn, nin, googlenet, resnet18, densenet121: stem small" in text
    assert "Fully connected" not in text
    assert text.endswith("What stands out in one of them: fieldmark inspect NAME.")
    two = " ".join(told(capsys, "lenet", "digits", "--image-size", 28).split())
    assert two.count("No output of a map sees the whole picture of 28x28") == 1
    assert two.count("Fully connected, the same maps") == 2


def test_what_the_remarks_said_is_in_the_totals(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, "lenet", "alexnet", "resnet18", "--image-size", 224)
    assert re.search(r"^an output sees at most, pixels +16x16 +195x195 +all$", text, re.MULTILINE)
    alexnet = 100 * 37_752_832 / 57_044_810
    assert re.search(rf"^largest layer's parameters .* {alexnet:.1f} % ", text, re.MULTILINE)
