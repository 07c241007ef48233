"""Pictures made for the tests, and stores and data folders that leave the user's own alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Paint = Callable[..., Path]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores go to a folder of the test."""
    monkeypatch.setenv("FIELDMARK_CACHE", str(tmp_path_factory.mktemp("stores")))


@pytest.fixture
def named_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in which named sets are looked for."""
    folder = tmp_path / "named"
    folder.mkdir()
    monkeypatch.setenv("FIELDMARK_DATA", str(folder))
    return folder


@pytest.fixture
def paint() -> Paint:
    """paint(path, seed, size=(height, width), mode="RGB"): a picture of noise, the same for the same seed."""

    def draw(path: Path, seed: int = 0, size: tuple[int, int] = (8, 8), mode: str = "RGB") -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = size if mode == "L" else (*size, len(mode))
        pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
        Image.fromarray(pixels).save(path)
        return path

    return draw
