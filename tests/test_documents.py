"""Documents of a run or a classifier that somebody else wrote: bounded, and each broken one is one line."""

from __future__ import annotations

import json
import os
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import fieldmark as fm
from fieldmark.errors import ClassifierError, UserError
from fieldmark.files import LARGEST, parse_json, read_ordinary

RUN: dict[str, Any] = {
    "status": "stopped",
    "started": "2026-01-01T00:00:00+00:00",
    "data": None,
    "dataset": {"fingerprint": "0" * 64},
}


def load_run(folder: Path) -> Any:
    return fm.Run(folder)


def load_recipe(folder: Path) -> Any:
    return fm.Recipe.load(folder / "recipe.json")


def load_classifier(folder: Path) -> Any:
    return fm.Classifier.load(folder)


DOCUMENTS: dict[str, Callable[[Path], Any]] = {
    "run.json": load_run,
    "recipe.json": load_recipe,
    "classifier.json": load_classifier,
}


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"model": ' + b"[" * 300 + b"]" * 300 + b"}",
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": 1, "a": 2}',
        b'{"a": [' + b"[]," * 10**6 + b"[]]}",
        b" " * (LARGEST + 1),
    ],
)
def test_a_broken_document_is_one_line_that_names_it(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=name.replace(".", r"\.")) as caught:
        DOCUMENTS[name](tmp_path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400 + len(str(tmp_path))


@pytest.mark.skipif(sys.platform == "win32", reason="no such files there")
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_device_or_a_pipe_is_not_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    for make in (lambda: path.symlink_to("/dev/zero"), lambda: os.mkfifo(path), path.mkdir):
        make()
        with pytest.raises(UserError):
            DOCUMENTS[name](tmp_path)
        with pytest.raises(UserError, match="no ordinary file"):
            read_ordinary(path)
        path.rmdir() if path.is_dir() else path.unlink()


def test_no_more_than_the_bound_is_read_of_a_large_file(tmp_path: Path) -> None:
    with (tmp_path / "run.json").open("wb") as file:
        file.truncate(2**40)  # a terabyte of zeros that takes no room on the disk
    tracemalloc.start()
    with pytest.raises(ClassifierError, match=r"run\.json is larger than 16 MB"):
        fm.Run(tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * LARGEST


def test_what_we_write_is_read(tmp_path: Path) -> None:
    assert parse_json(json.dumps({"a": [1, 2.5, "x", None, {"b": [[1]]}], "seed": 2**63 - 1}))["seed"] > 0
    (tmp_path / "run.json").write_text(json.dumps(RUN))
    assert fm.Run(tmp_path).document == RUN


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"status": None}, "status is None"),
        ({"started": 3}, "started is 3"),
        ({"dataset": None}, "dataset.fingerprint is None"),
        ({"dataset": []}, "dataset.fingerprint is None"),
        ({"dataset": {"fingerprint": ["x"]}}, r"dataset.fingerprint is \['x'\]"),
        ({"data": 5}, "data is 5"),
        ({"data": ["/"]}, r"data is \['/'\]"),
        ({"seconds": "long"}, "seconds is 'long'"),
        ({"seconds": -1}, "seconds is -1"),
        ({"seconds": True}, "seconds is True"),
    ],
)
def test_a_run_whose_document_lacks_what_is_used_is_refused(
    change: dict[str, Any], told: str, tmp_path: Path
) -> None:
    (tmp_path / "run.json").write_text(json.dumps({**RUN, **change}))
    with pytest.raises(ClassifierError, match=told):
        fm.Run(tmp_path)
    left = {name: value for name, value in RUN.items() if name not in change}
    if set(change) & {"status", "started", "dataset"}:
        (tmp_path / "run.json").write_text(json.dumps(left))
        with pytest.raises(ClassifierError, match="is None"):
            fm.Run(tmp_path)
