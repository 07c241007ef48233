"""What the pages say to type is there: every verb and flag, and the program on the page about comparisons."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import fieldmark as fm
from fieldmark.cli import VERBS, main

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", *(f"docs/{name}.md" for name in ("index", "my-pictures", "learn", "compare"))]
COMMAND = re.compile(r"(?:^ {4}|`)fieldmark ([a-z]+)([^`#|>\n]*(?:\n[^`\n]+(?=`))?)", re.MULTILINE)


def flags_of(page: str) -> dict[str, set[str]]:
    """The verbs of a page's commands, each with the flags that stand behind it there."""
    found: dict[str, set[str]] = {}
    for verb, rest in COMMAND.findall((ROOT / page).read_text("utf-8")):
        found.setdefault(verb, set()).update(re.findall(r"--[a-z][a-z-]*", rest))
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_verb_and_flag_that_a_page_names_is_there(
    page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = flags_of(page)
    assert set(commands) <= set(VERBS)
    assert "train" in commands or "demo" in commands or "inspect" in commands
    for verb, flags in commands.items():
        if flags:
            assert main([verb, "--help"]) == 0
            assert flags <= {"--help", *re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out)}, verb


def test_the_program_that_compares_two_networks_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    runs: dict[str, fm.Run] = {}
    train = fm.train

    def train_once(data: fm.Dataset, model: str, **settings: Any) -> fm.Run:
        """One run for all seeds, as a run takes a second or two."""
        if model not in runs:
            runs[model] = train(data, model=model, **settings)
        return runs[model]

    monkeypatch.setattr(fm, "train", train_once)
    program = re.search(r"```python\n(.*?)```", (ROOT / "docs/compare.md").read_text("utf-8"), re.DOTALL)
    assert program
    quick = program.group(1)
    for long, short in (("limit=600", "limit=60"), ("epochs=5", "epochs=1")):
        assert long in quick
        quick = quick.replace(long, short)
    exec(quick, {"__name__": "compare"})
    assert re.search(r"^wide - baseline: [+-]\d+\.\d\d%, give or take \d+\.\d\d%$", capsys.readouterr().out)
    assert set(runs) == {"wide", "baseline"}
