"""The run folder on disk: its name, its files, and how they are written."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

from fieldmark.errors import ClassifierError, UserError
from fieldmark.files import read_json as read_document
from fieldmark.vocabulary import History

RECIPE, RUN, HISTORY, METRICS = "recipe.json", "run.json", "history.csv", "metrics.json"
CHECKPOINTS, FIGURES, CLASSIFIER = "checkpoints", "figures", "classifier"


def next_free(data_name: str, model: str, parent: Path = Path("runs")) -> Path:
    """The first of runs/<data>-<model>-1, -2, ... that is not there yet.

    Names are data, never paths: everything but letters, digits, '.', '_' and '-' becomes '-'.

    >>> next_free("../birds", "net:make", Path("no-such-folder")).as_posix()
    'no-such-folder/birds-net-make-1'
    """
    words = [re.sub(r"[^A-Za-z0-9._-]+", "-", word).strip(".-") or "x" for word in (data_name, model)]
    stem = "-".join(words)
    number = 1
    while (parent / f"{stem}-{number}").exists():
        number += 1
    return parent / f"{stem}-{number}"


def check_free(folder: Path, overwrite: bool) -> None:
    """Raises UserError when `folder` is taken, or is to be overwritten and is not a run of ours."""
    if not folder.exists():
        return
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if not overwrite:
        raise UserError(f"{folder} exists already. Take another --out, or --overwrite to replace that run.")
    if not (folder / RUN).is_file():
        raise UserError(f"{folder} is not a run of fieldmark (it has no {RUN}), so it is not overwritten.")


def create(folder: Path) -> None:
    """Make an empty run folder; a run that stands there is removed (`check_free` came first)."""
    if folder.exists():
        shutil.rmtree(folder)
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise UserError(f"cannot make the run folder {folder}: {error.strerror}.") from error


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all: beside it first, then renamed."""
    beside = path.with_name(path.name + ".part")
    try:
        with beside.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise UserError(f"cannot write {path}: {error.strerror}.") from error


def write_json(path: Path, document: dict[str, Any]) -> None:
    """A JSON object, indented, written whole or not at all."""
    write_text(path, json.dumps(document, indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file of a run. Raises ClassifierError, naming it."""
    try:
        return read_document(path)
    except UserError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            told = f"{path.parent} is not a run of fieldmark: it has no {path.name}."
            raise ClassifierError(told) from error
        raise ClassifierError(str(error)) from error


def history_csv(history: History) -> str:
    """The rows of `history.csv`, epochs as whole numbers, the rest with six significant digits."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(History.COLUMNS)
    for row in history.rows:
        writer.writerow([int(row["epoch"]), *(f"{row[name]:.6g}" for name in History.COLUMNS[1:])])
    return text.getvalue()
