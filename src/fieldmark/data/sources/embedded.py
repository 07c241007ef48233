"""Pictures that lie inside a Parquet table: written out once, into the cache, and read as any others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fieldmark.data.decode.formats import LONGEST, sniff
from fieldmark.data.sources.cells import Table, file_name
from fieldmark.data.store.housekeeping import cache_folder, check_space, keep_pictures, megabytes
from fieldmark.data.store.manifest import kept_pictures
from fieldmark.errors import DataError
from fieldmark.printable import shortened

FORMAT = 1
TIMES, SLACK = 10, 2**26  # bytes: pictures are packed already, so a table hardly packs them further
EXTENSIONS = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "GIF": ".gif",
    "BMP": ".bmp",
    "TIFF": ".tif",
    "WEBP": ".webp",
    "AVIF": ".avif",
    "HEIF": ".heic",
}


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
                        yield f"row-{number}{EXTENSIONS.get(kind, '')}", content
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
