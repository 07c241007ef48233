"""The flags about tables, from the command line to the pictures and back in evaluate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.cli_helpers import SMALL
from PIL import Image

from fieldmark.cli import main
from fieldmark.runs.run import Run


@pytest.fixture
def visits(tmp_path: Path) -> Path:
    """A table of 60 pictures of 20 patients, its columns under names of their own."""
    folder, rows = tmp_path / "visits", ["scan,finding,patient,held_out"]
    folder.mkdir()
    generator = np.random.default_rng(0)
    for number in range(60):
        bright = number % 2
        pixels = generator.integers(100 * bright, 100 * bright + 50, (12, 12, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        rows.append(
            f"{number}.png,{'well' if bright else 'ill'},p{number // 3},{'yes' if number < 18 else 'no'}"
        )
    (folder / "visits.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder / "visits.csv"


def printed(words: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def patients(run: Path, split: str) -> set[int]:
    files = Run(run).images(split).files
    assert files is not None
    return {int(file.removesuffix(".png")) // 3 for file in files}


def test_a_run_by_groups_is_evaluated_on_its_own_groups(
    visits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    words = ["train", str(visits), "--file-column", "scan", "--label", "finding", "--group", "patient"]
    printed([*words, *SMALL, str(run)], capsys)
    parts = [patients(run, split) for split in ("train", "val", "test")]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 20
    document = printed(["evaluate", str(run)], capsys)
    assert document["n"] == 3 * len(parts[2])


def test_evaluate_takes_columns_of_other_data(
    visits: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = visits.read_text().replace("well", "day").replace("ill", "night")
    visits.write_text(text)
    words = ["evaluate", str(run), "--data", str(visits), "--file-column", "scan", "--label", "finding"]
    assert printed(words, capsys)["n"] == 60
    words += ["--split-column", "held_out", "--split", "val"]
    assert printed(words, capsys)["n"] == 18


def test_more_than_a_tenth_unreadable_is_allowed_when_asked(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil

    copy = shutil.copytree(photos, tmp_path / "copy")
    for number in range(1, 6):
        (copy / "day" / f"{number}.png").write_bytes(b"a poem")
    words = ["train", str(copy), *SMALL, str(tmp_path / "run")]
    assert main(words) == 1
    told = capsys.readouterr().err
    assert "5 of 40 pictures" in told
    listed = next(word for word in told.split() if word.endswith("unreadable-copy.txt."))
    assert len(Path(listed.rstrip(".")).read_text().splitlines()) == 6
    printed([*words, "--allow-unreadable"], capsys)
    assert printed(["evaluate", str(tmp_path / "run"), "--split", "all"], capsys)["n"] == 35
