"""The run folder on disk: its name and its files."""

from __future__ import annotations

import csv
import os
import re
from io import StringIO
from pathlib import Path
from typing import Any

from fieldmark.errors import ClassifierError, UserError
from fieldmark.files import read_json as read_document
from fieldmark.vocabulary import Dataset, History

RECIPE, RUN, HISTORY, METRICS = "recipe.json", "run.json", "history.csv", "metrics.json"
CHECKPOINTS, FIGURES, CLASSIFIER = "checkpoints", "figures", "classifier"

LARGEST = 2**26
"""Bytes of a JSON file: 64 MiB hold the names of half a million unreadable pictures."""


def stem(data_name: str, model: str) -> str:
    """What the folders of runs with this data and model are called, save the number.

    Names are data, never paths: everything but letters, digits, '.', '_' and '-' becomes '-'.

    >>> stem("../birds", "net:make")
    'birds-net-make'
    """
    words = [re.sub(r"[^A-Za-z0-9._-]+", "-", word).strip(".-")[:80] or "x" for word in (data_name, model)]
    return "-".join(words)


def name_of(data: Dataset | str | Path) -> str:
    """What DATA is called, before any of it is read; a Dataset knows its name.

    >>> name_of("photos/birds.csv"), name_of("mnist")
    ('birds', 'mnist')
    """
    if isinstance(data, Dataset):
        return data.name
    path = Path(os.path.expanduser(data))  # noqa: PTH111 - Path's own raises for an unknown user
    return path.resolve().name if os.path.isdir(path) else path.stem  # noqa: PTH112 - nor may this raise


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
