"""What is said twice, of the project itself, is said alike."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import fieldmark as fm

ROOT = Path(__file__).parents[1]


def recipe(target: str) -> list[str]:
    """The commands of a target of the Makefile, as they are typed in an environment that is active."""
    text = (ROOT / "Makefile").read_text("utf-8")
    pytest_line = re.search(r"^PYTEST = (.*)$", text, re.MULTILINE)
    block = re.search(rf"^{target}:[^\n]*\n((?:\t.*\n)+)", text, re.MULTILINE)
    assert pytest_line
    assert block
    commands = block.group(1).replace("$(PYTEST)", pytest_line.group(1)).replace("$(BIN)/", "")
    return [line.strip() for line in commands.splitlines()]


@pytest.mark.parametrize("target", ["check", "test"])
def test_the_workflow_runs_what_make_runs(target: str) -> None:
    workflow = (ROOT / ".github/workflows/tests.yml").read_text("utf-8")
    ran = [line.split("run: ", 1)[1] for line in workflow.splitlines() if "- run: " in line]
    assert [command for command in ran if command in recipe(target)] == recipe(target)


def test_every_python_that_is_named_is_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = [found for line in project["classifiers"] if (found := re.search(r":: (3\.\d+)$", line))]
    workflow = (ROOT / ".github/workflows/tests.yml").read_text("utf-8")
    matrix = re.search(r"python: \[(.*)\]", workflow)
    assert matrix
    assert re.findall(r"3\.\d+", matrix.group(1)) == [found.group(1) for found in named]
    assert project["requires-python"] == f">={named[0].group(1)}"


def test_the_citation_is_of_this_version() -> None:
    assert f"\nversion: {fm.__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
