"""Files written whole or not at all, under names nobody can foresee, and never through a link."""

from __future__ import annotations

import errno
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from fieldmark.errors import UserError


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
