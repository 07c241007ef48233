"""A table of file names and labels, CSV or Parquet, in the folder its paths start from."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from fieldmark.data.sources.folder import stranger
from fieldmark.data.sources.naming import SPLIT_NAMES, listed, natural_order
from fieldmark.errors import DataError
from fieldmark.families import unknown
from fieldmark.vocabulary import Listing

FILE_COLUMNS = (
    "file",
    "filename",
    "file_name",
    "path",
    "filepath",
    "file_path",
    "image",
    "image_path",
    "img",
)
LABEL_COLUMNS = ("label", "class", "target", "category", "class_name", "labels")
TABLE_EXTENSIONS = (".csv", ".tsv", ".parquet")

Columns = Mapping[str, Sequence[Any]]


def find(path: Path, label: str | None = None) -> Listing:
    """The pictures that the table at `path` lists, files relative to the table's folder.

    Columns: the file (one of FILE_COLUMNS), the label (`label`, or else one of LABEL_COLUMNS), and, if there,
    `split` (train, val, valid, validation or test); capitals do not matter. CSV is UTF-8 with commas,
    semicolons or tabs; Parquet needs the extra `table`. Rows that repeat another are noted and left out.

    Raises DataError naming the table and, where there is one, the row: for a table that cannot be read,
    columns that are missing, empty cells, and several labels per picture, which is refused.
    """
    columns = _parquet(path) if path.suffix.lower() == ".parquet" else _csv(path)
    files = [_file(cell) for cell in columns[_file_column(path, columns)]]
    name = _label_column(path, columns, label)
    labels = [_text(cell) for cell in columns[name]]
    splits = _splits(path, columns)
    _refuse_empty(path, files, labels, name)
    _refuse_several(path, files, labels, name, columns[name])
    rows = list(dict.fromkeys(zip(files, labels, splits, strict=True)))
    repeated = len(files) - len(rows)
    notes = (f"left out: rows of {path.name} that repeat another: {repeated}.",) if repeated else ()
    classes = natural_order({row[1] for row in rows if row[2] in (None, "train")} or {row[1] for row in rows})
    position = {one: number for number, one in enumerate(classes)}
    for file, one, split in rows:
        if one not in position:
            raise DataError(stranger(one, classes, f"{path}: {split} ({file})"))
    found, named, parts = zip(*rows, strict=True)
    return Listing(path.parent, found, tuple(position[one] for one in named), parts, classes, notes)


def _csv(path: Path) -> Columns:
    try:
        text = path.read_bytes().decode("utf-8-sig")  # not as text: a label may hold a lone carriage return
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text (byte {error.start}). Save it as CSV in UTF-8.") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}.") from error
    head = text.partition("\n")[0]
    if not head.strip():
        raise DataError(
            f"{path} has no header line. Wanted: a line such as file,label and one line per picture."
        )
    delimiter = max(",;\t", key=lambda one: len(next(csv.reader([head], delimiter=one))))
    try:
        header, *rows = [
            row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if row
        ]
    except csv.Error as error:
        raise DataError(f"{path} is not a CSV table: {error}.") from error
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise DataError(f"{path}, row {number}: {len(row)} cells; the header has {len(header)}.")
    return _columns(path, [name.strip() for name in header], rows)


def _columns(path: Path, header: list[str], rows: Sequence[Sequence[Any]]) -> Columns:
    if not rows:
        raise DataError(f"{path} has a header but no rows.")
    doubled = [name for name in dict.fromkeys(header) if name and header.count(name) > 1]
    if doubled:
        raise DataError(f"{path} has two columns of the name '{doubled[0]}'. Rename one.")
    return dict(zip(header, zip(*rows, strict=True), strict=True))


def _parquet(path: Path) -> Columns:
    try:
        from pyarrow import ArrowException, parquet
    except ModuleNotFoundError as error:
        raise DataError(f"{path}: Parquet needs pyarrow. Try: pip install 'fieldmark[table]'.") from error
    try:
        table = parquet.read_table(path)
    except (ArrowException, OSError) as error:
        raise DataError(
            f"{path} is not a Parquet table: {str(error).splitlines()[0].rstrip('.')}."
        ) from error
    if not table.num_rows:
        raise DataError(f"{path} has no rows.")
    return {str(name): table.column(name).to_pylist() for name in table.column_names}


def _match(columns: Columns, names: Sequence[str]) -> str | None:
    """The column whose name is the earliest of `names`, capitals aside."""
    spelled = {column.lower(): column for column in reversed(list(columns))}
    return next((spelled[name] for name in names if name in spelled), None)


def _file_column(path: Path, columns: Columns) -> str:
    found = _match(columns, FILE_COLUMNS)
    if found is None:
        raise DataError(
            f"{path} has no column of file names. It has: {listed(filter(None, columns), 10)}; "
            f"name one of them {', '.join(FILE_COLUMNS[:-1])} or {FILE_COLUMNS[-1]}."
        )
    return found


def _label_column(path: Path, columns: Columns, label: str | None) -> str:
    if label is not None:
        found = _match(columns, (label.lower(),)) if label not in columns else label
        if found is None:
            raise DataError(f"{path}: {unknown(label, filter(None, columns), 'column')}")
        return found
    found = _match(columns, LABEL_COLUMNS)
    if found is not None:
        return found
    marks = [name for name in columns if name and {_text(cell) for cell in columns[name]} <= {"0", "1", "-1"}]
    if len(marks) > 1:
        raise DataError(
            f"{path} marks several labels per picture, in the columns {listed(marks)}. fieldmark takes one "
            "label per picture: choose a column with --label, or write the class into a column named label."
        )
    raise DataError(
        f"{path} has no column of labels. It has: {listed(filter(None, columns), 10)}. "
        "Choose one with --label, or name it label."
    )


def _splits(path: Path, columns: Columns) -> list[str | None]:
    column = _match(columns, ("split",))
    cells = [_text(cell) for cell in columns[column]] if column else []
    if not any(cells):
        return [None] * len(next(iter(columns.values())))
    for number, cell in enumerate(cells, start=2):
        if cell.lower() not in SPLIT_NAMES:
            raise DataError(f"{path}, row {number}: split '{cell}'. Wanted: {', '.join(SPLIT_NAMES)}.")
    return [SPLIT_NAMES[cell.lower()] for cell in cells]


def _refuse_empty(path: Path, files: list[str], labels: list[str], column: str) -> None:
    for number, (file, label) in enumerate(zip(files, labels, strict=True), start=2):
        if not file or not label:
            missing = f"no label in column '{column}'" if file else "no file name"
            raise DataError(f"{path}, row {number}: {missing}. Fill it in, or take the row out.")


def _refuse_several(
    path: Path, files: list[str], labels: list[str], column: str, cells: Sequence[Any]
) -> None:
    """Raise DataError if pictures have more than one label, whichever way the table writes that."""
    why = "fieldmark takes one label per picture."
    label_of: dict[str, str] = {}
    for number, (file, label) in enumerate(zip(files, labels, strict=True), start=2):
        if label_of.setdefault(file, label) != label:
            raise DataError(
                f"{path}, row {number}: several labels per picture: {file} is '{label}' here and "
                f"'{label_of[file]}' above; {why}"
            )
    whole = set(labels)
    owners: dict[str, str] = {}  # part of a joined label -> the first joined label it is part of
    for number, (cell, label) in enumerate(zip(cells, labels, strict=True), start=2):
        parts = _parts(cell)
        if len(parts) < 2:
            continue
        is_list = not isinstance(cell, str) or label.startswith("[")
        if is_list or any(part in whole or owners.setdefault(part, label) != label for part in parts):
            raise DataError(f"{path}, row {number}: several labels per picture: {column} is '{label}'; {why}")


def _parts(cell: Any) -> list[str]:
    """What a cell would hold if it held several labels: the items of a list, the parts between | or ;"""
    if isinstance(cell, list | tuple):
        return [_text(item) for item in cell]
    text = _text(cell)
    if text.startswith("[") and text.endswith("]"):
        return text[1:-1].split(",")
    return [part.strip() for part in re.split(r"[|;]", text) if part.strip()]


def _text(cell: Any) -> str:
    """A cell as a label: text trimmed, whole floats as whole numbers, a list of one as its item, null as ''.

    >>> [_text(cell) for cell in (" cat ", 3, 3.0, None, ["cat"])]
    ['cat', '3', '3', '', 'cat']
    """
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, list) and len(cell) == 1:
        return _text(cell[0])
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _file(cell: Any) -> str:
    """A path below the table's folder with forward slashes, as Windows and Unix tables may write it.

    >>> _file(".\\\\cats\\\\1.jpg")
    'cats/1.jpg'
    """
    text = _text(cell).replace("\\", "/")
    return str(PurePosixPath(text)) if text else ""
