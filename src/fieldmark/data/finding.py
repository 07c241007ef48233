"""What DATA means: the name of a set, a folder, or a table."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from fieldmark.data.download import Progress
from fieldmark.data.sources import SOURCES, folder, no_label, table
from fieldmark.errors import DataError, UserError
from fieldmark.families import resolve, unknown
from fieldmark.vocabulary import ImageSet, Listing

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


def find(
    data: str | Path,
    label: str | None = None,
    progress: Progress | None = None,
    *,
    file_column: str | None = None,
    split_column: str | None = None,
    group: str | None = None,
) -> tuple[str, Listing | dict[str, ImageSet]]:
    """A short name for `data`, and what is there: a Listing, or array sets by split.

    label, file_column, split_column, group: columns of a table, see `table.find`; label also an attribute of
    celeba.

    A Path, and text with a separator or a leading . or ~, is a path. Other text is the name of a set where
    there is one, even beside a file of the same name (write ./mnist for that); else it is a path.

    Raises DataError for what is neither, for archives and single files, and what the sources raise.

    >>> name, parts = find("sample")
    >>> name, sorted(parts)
    ('sample', ['test', 'train'])
    """
    columns = {"file_column": file_column, "split_column": split_column, "group": group}
    if isinstance(data, str) and data in SOURCES:
        _refuse_columns(data, columns)
        found: Listing | dict[str, ImageSet] = resolve(SOURCES, data, "data set")(label, progress)
        return data, found
    path = Path(os.path.expanduser(data))  # noqa: PTH111 - Path's own raises for an unknown user
    if _is_folder(path, data):
        no_label(str(data), label)
        _refuse_columns(data, columns)
        return path.resolve().name or "data", folder.find(path)
    if path.suffix.lower() in table.TABLE_EXTENSIONS:
        return path.stem, table.find(path, label, **columns)
    if path.suffix.lower() in ARCHIVES:
        raise DataError(f"{data} is an archive. Unpack it and give the folder.")
    tables = ", ".join(table.TABLE_EXTENSIONS)
    raise DataError(
        f"{data} is a single file. Give a folder of pictures or a table of file names ({tables})."
    )


def _refuse_columns(data: str | Path, columns: Mapping[str, str | None]) -> None:
    for name, column in columns.items():
        if column is not None:
            flag = name.replace("_", "-")
            raise UserError(f"{data} is no table: --{flag} {column} names a column of one. Leave it out.")


def _is_folder(path: Path, data: str | Path) -> bool:
    try:
        if data == "":  # which Path takes for the current folder
            raise FileNotFoundError
        return stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(_absent(data)) from error
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {data!r}: {getattr(error, 'strerror', None) or error}.") from error


def _absent(data: str | Path) -> str:
    if isinstance(data, Path) or any(mark in data for mark in (os.sep, "/", "\\")) or data[:1] in (".", "~"):
        return f"no such path: {data}. Check the spelling."
    return f"no such path, and {unknown(data, SOURCES, 'data set')}"
