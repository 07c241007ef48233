"""How predictions are written: a table for people; CSV, JSON or Parquet for programs.

A row is {file, status, reason, label, score, scores}; scores: a list of {label, score}, the best first.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from fieldmark.cli.output import percent, print_table, to_json
from fieldmark.errors import UserError
from fieldmark.files import replacing

Row = dict[str, Any]


def to_csv(rows: Sequence[Row], top_k: int) -> str:
    r"""Columns file, status, reason, label, score, then label_2, score_2 and so on up to `top_k`.

    Names are written as they are, also where a spreadsheet would take them for a formula (=SUM(A1), +1, @x):
    a program that joins the rows with its files must find the same names. In a spreadsheet, import the
    columns as text.

    >>> row = {"file": "a,b.jpg", "status": "missing", "reason": "no such file"}
    >>> to_csv([row | {"label": None, "score": None, "scores": []}], top_k=1)
    'file,status,reason,label,score\n"a,b.jpg",missing,no such file,,\n'
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    further = [f"{column}_{place}" for place in range(2, top_k + 1) for column in ("label", "score")]
    writer.writerow(["file", "status", "reason", "label", "score", *further])
    for row in rows:
        scores = [cell for one in row["scores"][1:top_k] for cell in (one["label"], one["score"])]
        cells = [row["file"], row["status"], row["reason"], row["label"], row["score"], *scores]
        writer.writerow(cells + [None] * (5 + len(further) - len(cells)))
    return text.getvalue()


def write_parquet(rows: Sequence[Row], file: BinaryIO) -> None:
    """The rows as a Parquet file; scores are a list of {label, score}. Raises UserError without pyarrow."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise UserError('--format parquet needs the extra: pip install "fieldmark[table]".') from error
    scores = pyarrow.list_(pyarrow.struct([("label", pyarrow.string()), ("score", pyarrow.float64())]))
    text, number = pyarrow.string(), pyarrow.float64()
    kinds = {"file": text, "status": text, "reason": text, "label": text, "score": number, "scores": scores}
    plain = [_plain(row) for row in rows]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(plain, schema=pyarrow.schema(kinds)), file)


def _plain(value: Any) -> Any:
    """A row for Parquet, which holds UTF-8 only: of other names the bytes are written as escapes."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def write(rows: Sequence[Row], path: Path, form: str, top_k: int) -> None:
    """Write the rows to `path`, whole or not at all. Raises UserError when it cannot be written."""
    with replacing(path) as file:
        if form == "parquet":
            write_parquet(rows, file)
        else:
            text = to_csv(rows, top_k) if form == "csv" else to_json({"predictions": rows}) + "\n"
            file.write(text.encode("utf-8", "surrogateescape"))


def show(rows: Sequence[Row]) -> None:
    """The rows as a table on stdout, with the second and further classes in one column."""
    cells = [[row["file"], *_answer(row)] for row in rows]
    print_table(["file", "label", "score", "then"], cells, numbers=["score"])


def _answer(row: Row) -> list[str]:
    if row["status"] != "ok":
        return ["-", "-", f"{row['status']}: {row['reason']}"]
    then = ", ".join(f"{one['label']} {percent(one['score'])}" for one in row["scores"][1:])
    return [row["label"], percent(row["score"]), then]
