from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from cli.cli_helpers import SMALL, make_pictures

from fieldmark.cli import main


@pytest.fixture(autouse=True)
def _own_cache_and_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read from or written to the user's cache, and runs/ is made below tmp_path."""
    monkeypatch.setenv("FIELDMARK_CACHE", str(tmp_path / "cache"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 2 x 20 pictures, 12 x 12: night is dark, day is bright."""
    folder = tmp_path_factory.mktemp("data") / "photos"
    make_pictures(folder / "day", 20, 180)
    make_pictures(folder / "night", 20, 20)
    return folder


@pytest.fixture(scope="session")
def trained(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A run on them, and what `fieldmark train --json` printed."""
    folder = tmp_path_factory.mktemp("runs")
    run = folder / "photos"
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.setenv("FIELDMARK_CACHE", str(folder / "cache"))
        assert main(["train", str(photos), *SMALL, str(run), "--json"]) == 0
    return run, json.loads(printed.getvalue())


@pytest.fixture
def run(trained: tuple[Path, dict[str, Any]]) -> Path:
    return trained[0]
