"""The store of decoded pictures: made once, opened at once afterwards.

Under $FIELDMARK_CACHE (default ~/.cache/fieldmark/stores) every set of pictures that was ever asked for has a
folder, named by what was asked and by the state of the files. A file that changes makes another store.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import PIL

from fieldmark.data.download import Progress
from fieldmark.data.resizing import check_rule
from fieldmark.data.store_files import (
    FORMAT,
    Stored,
    StoreInfo,
    cache_folder,
    clear_stores,
    list_stores,
    publish,
    read,
    unfinished,
)
from fieldmark.data.store_making import NATIVE_LIMIT, Wanted, make, required_bytes
from fieldmark.errors import DataError

__all__ = [
    "NATIVE_LIMIT",
    "StoreInfo",
    "Stored",
    "cache_folder",
    "clear_stores",
    "list_stores",
    "open_store",
    "required_bytes",
]


def open_store(
    root: Path,
    files: Sequence[str],
    *,
    image_size: tuple[int, int] | None,
    default_size: int,
    rule: str,
    margin: float = 1.0,
    progress: Progress | None = None,
    workers: int | None = None,
) -> Stored:
    """All readable pictures of `files` (paths below `root`, or absolute), decoded, at one size.

    image_size: what the network receives, (height, width); None takes the pictures' own size if all agree and
    no side is above 64, else `default_size` squared. The stored pictures measure round(margin * image_size),
    by the resize `rule`; but pictures that all have the image_size already stay as they are. A picture that
    cannot be read is listed with the reason in `unreadable` and never stops the others.

    progress: called while decoding with what it does and how large the store will be, pictures done, pictures
    in all. workers: threads, one per core by default. Several processes may open the same store at once.

    Raises DataError when the cache cannot be written or has no room, naming $FIELDMARK_CACHE; UserError for
    a rule that is none of RULES.
    """
    check_rule(rule)
    assert margin >= 1, margin
    wanted = Wanted(root.resolve(), tuple(files), image_size, default_size, rule, margin)
    cache = cache_folder()
    final = cache / key(wanted)
    stored = read(final)
    if stored is not None:
        return stored
    with unfinished(cache) as folder:
        try:
            make(wanted, folder, progress, workers)
            publish(folder, final)
        except OSError as error:
            raise DataError(
                f"writing the decoded pictures to {cache} failed: {error.strerror}. "
                "Make room (fieldmark cache), or set FIELDMARK_CACHE to another folder."
            ) from error
    stored = read(final)
    assert stored is not None, final
    return stored


def key(wanted: Wanted) -> str:
    """SHA-256 over everything that decides what the store holds, 64 hexadecimal digits.

    That is the format, the versions of the decoders (another one may give other pixels, or read what this one
    cannot), what is asked for, and path, size, time and mode of every file (a chmod may make it readable).
    """
    asked = {
        "format": FORMAT,
        "decoders": [PIL.__version__, _version("simplejpeg"), _version("pillow-heif")],
        "root": str(wanted.root),
        "image_size": wanted.image_size,
        "default_size": wanted.default_size if wanted.image_size is None else None,
        "rule": wanted.rule,
        "margin": wanted.margin,
    }
    digest = hashlib.sha256(json.dumps(asked).encode())
    digest.update(
        "\0".join(_state(wanted.root, file) for file in wanted.files).encode(errors="surrogateescape")
    )
    return digest.hexdigest()


def _state(root: Path, file: str) -> str:
    try:
        found = os.stat(os.path.join(root, file))  # noqa: PTH116, PTH118 - 12,000 of them in 0.1 s
    except (OSError, ValueError):
        return f"{file}\0missing"
    return f"{file}\0{found.st_size} {found.st_mtime_ns} {found.st_mode}"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
