"""Prices of a test's own, whatever was fitted on the machine that it runs on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from fieldmark.conv.prices import fitted_file, forget_prices


@pytest.fixture
def keep_prices(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[Any], Path]]:
    """Writes a document as the prices fitted for this number of threads. Until then nothing is fitted."""
    monkeypatch.setenv("FIELDMARK_DATA", str(tmp_path))
    forget_prices()

    def keep(document: Any, threads: int | None = None) -> Path:
        path = fitted_file(threads or torch.get_num_threads())
        path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
        forget_prices()
        return path

    yield keep
    forget_prices()
