"""Tables as they lie on disk, CSV or Parquet, read into columns of cells, and cells into text.

Pictures that lie inside a Parquet table are written out once, into the cache, and read as any others.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from fieldmark.data.decode.formats import LONGEST, sniff
from fieldmark.data.store.housekeeping import (
    cache_folder,
    check_space,
    keep_pictures,
    kept_pictures,
    megabytes,
)
from fieldmark.errors import DataError
from fieldmark.printable import shortened

MOST_ROWS = 10_000_000  # of a Parquet table, which may announce billions in a few bytes
LARGEST_CELL = 2**31 - 1  # what the csv module can be told everywhere; its own limit is 131,072

FORMAT = 1  # of the pictures written out
TIMES, SLACK = 10, 2**26  # bytes: pictures are packed already, so a table hardly packs them further
SUFFIXES = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "GIF": ".gif",
    "BMP": ".bmp",
    "TIFF": ".tif",
    "WEBP": ".webp",
    "AVIF": ".avif",
    "HEIF": ".heic",
}

Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Table:
    """A table in memory, pictures apart.

    Attributes:
        path: where it lies.
        columns: name to cells, all of one length.
        rows: how many.
        pictures: names of the columns that hold whole pictures, as bytes or as {bytes, path}; these are not
            in `columns`.
        classes: names of the numbers 0, 1, ... in a column, where the table says them (as data sets on the
            Hugging Face Hub do).
    """

    path: Path
    columns: Columns
    rows: int
    pictures: tuple[str, ...] = ()
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """All columns that have a name, also those with pictures."""
        return [name for name in (*self.columns, *self.pictures) if name]


def open_table(path: Path) -> Table:
    """Read a table, CSV or Parquet by its extension.

    Args:
        path: the file.

    Raises:
        DataError: it cannot be read; names it.
    """
    return _parquet(path) if path.suffix.lower() == ".parquet" else _csv(path)


def _csv(path: Path) -> Table:
    try:
        content = path.read_bytes().decode("utf-8-sig")  # a label may hold a lone carriage return
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text (byte {error.start}). Save it as CSV in UTF-8.") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}.") from error
    head = re.split(r"[\r\n]", content.lstrip("\r\n"), maxsplit=1)[0]
    if not head.strip():
        raise DataError(
            f"{path} has no header line. Wanted: a line such as file,label and one line per picture."
        )
    try:
        with _large_cells():
            delimiter = max(",;\t", key=lambda one: len(next(csv.reader([head], delimiter=one))))
            lines = csv.reader(
                io.StringIO(content, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True
            )
            header, *rows = [row for row in lines if row]
    except csv.Error as error:
        raise DataError(f"{path} is not a CSV table: {error}.") from error
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise DataError(f"{path}, row {number}: {len(row)} cells; the header has {len(header)}.")
    if not rows:
        raise DataError(f"{path} has a header but no rows.")
    header = [name.strip() for name in header]
    doubled = [name for name in dict.fromkeys(header) if name and header.count(name) > 1]
    if doubled:
        raise DataError(f"{path} has two columns of the name '{shortened(doubled[0])}'. Rename one.")
    return Table(path, dict(zip(header, zip(*rows, strict=True), strict=True)), len(rows))


@contextmanager
def _large_cells() -> Iterator[None]:
    """Let cells be as long as they are; the csv module's limit is one for the whole process."""
    before = csv.field_size_limit(LARGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _parquet(path: Path) -> Table:
    try:
        from pyarrow import ArrowException, parquet
    except ModuleNotFoundError as error:
        raise DataError(f"{path}: Parquet needs pyarrow. Try: pip install 'fieldmark[table]'.") from error
    try:
        with parquet.ParquetFile(path) as file:
            rows, schema = file.metadata.num_rows, file.schema_arrow
            if rows > MOST_ROWS:
                raise DataError(f"{path} has {rows:,} rows; at most {MOST_ROWS:,} are read. Divide it.")
            pictures = tuple(str(name) for name in schema.names if _holds_pictures(file, name))
            plain = [name for name in schema.names if name not in pictures]
            table = file.read(columns=plain)
    except (ArrowException, OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        why = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise DataError(f"{path} is not a Parquet table: {why}.") from error
    if not rows:
        raise DataError(f"{path} has no rows.")
    columns = {str(name): table.column(name).to_pylist() for name in table.column_names}
    return Table(path, columns, rows, pictures, _class_names(schema.metadata))


def _holds_pictures(file: Any, name: str) -> bool:
    """Whether a column holds {bytes, path}, as on the Hugging Face Hub, or bytes that begin a picture."""
    from pyarrow import types

    kind = file.schema_arrow.field(name).type
    if types.is_struct(kind):
        return any(kind.field(place).name == "bytes" for place in range(kind.num_fields))
    if not (types.is_binary(kind) or types.is_large_binary(kind)):
        return False
    for batch in file.iter_batches(batch_size=16, columns=[name]):
        for cell in batch.column(0):
            if cell.as_py():
                return sniff(cell.as_py()[:LONGEST]) is not None
    return False


def _class_names(metadata: Mapping[bytes, bytes] | None) -> dict[str, list[str]]:
    """The names behind numbered labels that the Hugging Face library writes into a Parquet file."""
    try:
        features = json.loads((metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
        found = {name: about["names"] for name, about in features.items() if about.get("names")}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}  # another program's notes, or none: the numbers then are the classes
    return {
        name: names
        for name, names in found.items()
        if isinstance(names, list) and all(isinstance(one, str) for one in names)
    }


def text(cell: Any) -> str:
    """A cell as a label: text trimmed, whole floats as whole numbers, a list of one as its item, null as ''.

    >>> [text(cell) for cell in (" cat ", 3, 3.0, None, ["cat"], b"cat")]
    ['cat', '3', '3', '', 'cat', 'cat']
    """
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, list) and len(cell) == 1:
        return text(cell[0])
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "surrogateescape").strip()  # as file names that are not UTF-8 come, too
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def file_name(cell: Any) -> str:
    """A path below the table's folder with forward slashes, as Windows and Unix tables may write it.

    >>> file_name(".\\\\cats\\\\1.jpg")
    'cats/1.jpg'
    """
    written = text(cell).replace("\\", "/")
    return str(PurePosixPath(written)) if written else ""


def files_of(table: Table, column: str) -> tuple[Path, list[str]]:
    """The folder with the pictures of a column, and for each row the file: in it, or "" for an empty cell.

    A cell {bytes: null, path: ...} stands for the file at that path, below the table's folder. The folder
    lies in the cache, named by the table's path, size and time, so the same table is written out once.

    Raises:
        DataError: pictures that take far more room than the table itself, and what the cache's disk refuses.
    """
    about = table.path.resolve().stat()
    asked = [FORMAT, str(table.path.resolve()), about.st_size, about.st_mtime_ns, column]
    key = hashlib.sha256(json.dumps(asked).encode("utf-8", "surrogatepass")).hexdigest()
    folder = cache_folder() / key
    names = kept_pictures(folder)
    if names is None or len(names) != table.rows:
        check_space(cache_folder(), about.st_size)
        names = keep_pictures(folder, str(table.path), _pictures(table, column, about.st_size))
    return folder, names


def _beside(table: Table, name: str) -> str:
    """A file that a cell names instead of holding it; its path starts from the table's folder."""
    return str((table.path.parent / name).absolute()) if name else ""


def _pictures(table: Table, column: str, size: int) -> Iterator[tuple[str, bytes | None]]:
    """For each row a name and the bytes for it; no bytes for a file that lies elsewhere."""
    from pyarrow import ArrowException, parquet

    total, number = 0, 1
    try:
        with parquet.ParquetFile(table.path) as file:
            for batch in file.iter_batches(batch_size=16, columns=[column]):
                for cell in batch.column(0):
                    number += 1
                    content, path = _content(cell.as_py())
                    total += len(content or b"")
                    if total > TIMES * size + SLACK:
                        raise DataError(
                            f"{table.path}: the pictures in '{shortened(column)}' take more than "
                            f"{megabytes(TIMES * size + SLACK)}, the table {megabytes(size)}: far more "
                            "than pictures in files. It is not unpacked."
                        )
                    if content:
                        kind = sniff(content[:LONGEST]) or ""
                        yield f"row-{number}{SUFFIXES.get(kind, '')}", content
                    else:
                        yield _beside(table, path), None
    except ArrowException as error:
        why = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise DataError(f"{table.path}, row {number + 1}: {why}.") from error


def _content(cell: Any) -> tuple[bytes | None, str]:
    """The bytes in a cell, and the path that it names."""
    if isinstance(cell, dict):
        return cell.get("bytes") or None, file_name(cell.get("path"))
    return cell or None, ""
