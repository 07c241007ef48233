"""Files written whole or not at all, never through a link; documents read up to a size, and no devices."""

from __future__ import annotations

import errno
import json
import math
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from fieldmark.errors import UserError

LARGEST = 16 * 2**20
"""Bytes of JSON that are read: 10,000 long class names take less than one of the 16 MB."""
DEEPEST, MOST_PARTS = 32, 10**6
"""How far lists and objects may nest, and how many of them there may be; we write 6 levels."""


@contextmanager
def replacing(path: Path, *, inside: Path | None = None) -> Iterator[BinaryIO]:
    """A new file, open for writing, that takes the place of `path` when the block ends without an error.

    It is made beside `path` under a random name, exclusively, so that nothing planted there beforehand is
    written to or through; it is flushed to the disk before it is renamed. When anything fails, what stood at
    `path` is as it was.

    Args:
        path: where the file shall stand. Its folder must be there.
        inside: a folder around `path`; no folder on the way from it to `path` may be a link.

    Raises:
        UserError: `path` is a folder or a link, a folder on the way is a link, or the disk does not take it.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(Path(folder) / "answer.txt") as file:
    ...         _ = file.write(b"42")
    ...     (Path(folder) / "answer.txt").read_text()
    '42'
    """
    refuse_links(path, inside)
    if path.is_dir():
        raise UserError(f"cannot write {path}: it is a folder.")
    beside = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        # O_EXCL: never a file or a link that stands there already.
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {path}: {reason(error)}") from error


def write_bytes(path: Path, content: bytes, *, inside: Path | None = None) -> None:
    """Write a file as `replacing` does. Raises UserError as it does."""
    with replacing(path, inside=inside) as file:
        file.write(content)


def write_text(path: Path, text: str, *, inside: Path | None = None) -> None:
    """Write UTF-8 text as `replacing` does; file names in it that are not text keep their bytes."""
    write_bytes(path, text.encode("utf-8", "surrogateescape"), inside=inside)


def write_json(path: Path, document: dict[str, Any], *, inside: Path | None = None) -> None:
    """Write a JSON object, indented, as `replacing` does.

    Raises:
        UserError: as `replacing`.
        ValueError: the document holds NaN or infinity, which JSON has not.
    """
    write_text(path, json.dumps(document, indent=2, allow_nan=False) + "\n", inside=inside)


def read_ordinary(path: Path, *, most: int = LARGEST) -> bytes:
    """The content of an ordinary file, or of one that a link leads to; never of a device or a pipe.

    Args:
        path: the file.
        most: the largest size in bytes; no more than that is ever read.

    Raises:
        UserError: there is none, it is no ordinary file, it is larger, or it cannot be read.

    >>> read_ordinary(Path("/dev/zero"))
    Traceback (most recent call last):
    fieldmark.errors.UserError: /dev/zero is no ordinary file...
    """
    try:
        # A pipe that nobody writes to would be waited for without O_NONBLOCK.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise UserError(f"{path} is no ordinary file, and nothing else is read.")
            with os.fdopen(handle, "rb", closefd=False) as file:
                content = file.read(most + 1)
        finally:
            os.close(handle)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {reason(error)}") from error
    if len(content) > most:
        raise UserError(f"{path} is larger than {most / 2**20:g} MB, so it is nothing that fieldmark wrote.")
    return content


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file, read as `read_ordinary` and `parse_json` do.

    Raises:
        UserError: in one line that names the file.
    """
    content = read_ordinary(path)
    try:
        return parse_json(content)
    except ValueError as error:
        raise UserError(f"{path} is broken: {error}.") from error


def parse_json(content: bytes | str) -> dict[str, Any]:
    """The JSON object that a text is, in UTF-8: with finite numbers, no key twice, and not nested deep.

    Raises:
        ValueError: for any other text, in one line without a full stop.

    >>> parse_json('{"width": 8}')
    {'width': 8}
    >>> parse_json("[" * 10**5)
    Traceback (most recent call last):
    ValueError: it is nested deeper than 32 levels
    """
    text = content if isinstance(content, str) else content.decode("utf-8")
    if text.count("[") + text.count("{") > MOST_PARTS:
        raise ValueError(f"it holds more than {MOST_PARTS:,} lists and objects")
    try:
        document = json.loads(
            text, object_pairs_hook=_object, parse_float=_finite, parse_constant=_finite, parse_int=_whole
        )
    except RecursionError:
        raise ValueError(f"it is nested deeper than {DEEPEST} levels") from None
    if not isinstance(document, dict):
        raise ValueError(f"it holds no JSON object but {type(document).__name__}")
    level: list[Any] = [document]
    for _ in range(DEEPEST):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return document
    raise ValueError(f"it is nested deeper than {DEEPEST} levels")


def refuse_links(path: Path, inside: Path | None = None) -> None:
    """Raises UserError when `path`, or a folder on the way to it from `inside`, is a link."""
    if path.is_symlink():
        raise UserError(f"{path} is a link, which is not written through. Name the file it points to.")
    if inside is None:
        return
    for folder in path.relative_to(inside).parents:
        if folder != Path() and (inside / folder).is_symlink():
            raise UserError(
                f"{inside / folder} is a link, and what belongs to {inside} is not written there."
            )


def reason(error: OSError) -> str:
    """Why the system refused, as the end of a sentence, with the way out where there is one.

    >>> reason(OSError(errno.ENOSPC, "No space left on device"))
    'No space left on device. Free some disk space, or take another disk.'
    """
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return f"{error.strerror}. Free some disk space, or take another disk."
    return f"{error.strerror or error}."


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key stands there twice")
    return document


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is not a finite number")
    return number


def _whole(text: str) -> int:
    if len(text) > 20:  # beyond 64 bits, where much that takes numbers fails
        raise ValueError(f"{text[:20]}... is too large a number")
    return int(text)
