"""What verbs print: JSON without NaN, tables, and names made safe for a terminal."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from fieldmark.errors import UserError
from fieldmark.files import refuse_links
from fieldmark.printable import printable

STOPPED = 130
"""The exit code after Ctrl-C, as shells have it, so that nothing follows; what was written is whole."""

PIPED_WIDTH = 160
"""Columns of a table that goes into a file or another program."""


def to_json(document: Any) -> str:
    """One JSON object on one line; a number that JSON does not have (NaN, infinity) is null.

    >>> to_json({"loss": float("nan"), "scores": (0.5, 1)})
    '{"loss": null, "scores": [0.5, 1]}'
    """
    return json.dumps(finite(document), allow_nan=False)


def finite(value: Any) -> Any:
    """The value with None for every NaN and infinity in it, and lists for tuples."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def say(text: str) -> None:
    """A line for the person, on stderr, where it is in nobody's way."""
    print(printable(text), file=sys.stderr)


def print_file(text: str) -> None:
    """Write a text file to stdout: UTF-8, and file names that are not text as the bytes they are.

    On a terminal, which would obey the control characters in them, they are escapes; a file or another
    program is given the names as they are.
    """
    if sys.stdout.isatty():
        text = "\n".join(map(printable, text.split("\n")))
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(encoding="utf-8", errors="surrogateescape")
    sys.stdout.write(text)


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, numbers: Sequence[str] = ()
) -> None:
    """A table on stdout; the columns named in `numbers` stand right-aligned."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    stream: TextIO = sys.stdout
    Console(file=stream, width=None if stream.isatty() else PIPED_WIDTH).print(table)


def percent(share: float) -> str:
    """A share for people; never rounded up to all.

    >>> percent(0.9941), percent(0.99999)
    ('99.41 %', '99.99 %')
    """
    hundredths = round(10000 * share)
    return f"{(min(hundredths, 9999) if share < 1 else hundredths) / 100:.2f} %"


def check_free(path: Path, overwrite: bool) -> None:
    """Raises UserError when a file cannot be put at `path`: one is there, or the folder is not."""
    refuse_links(path)
    if path.is_dir():
        raise UserError(f"--out {path} is a folder; give a file name in it.")
    if path.exists() and not overwrite:
        raise UserError(f"{path} exists already. Take another --out, or --overwrite to replace it.")
    if not path.parent.is_dir():
        raise UserError(f"--out {path}: there is no folder {path.parent}. Make it first, or take another.")
