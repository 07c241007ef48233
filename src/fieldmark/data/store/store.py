"""The store of decoded pictures: made once, opened at once afterwards.

Under $FIELDMARK_CACHE (default ~/.cache/fieldmark/stores) every set of pictures that was ever asked for has a
folder, named by what was asked and by the state of the files. A file that changes makes another store, into
which the others are copied: a picture is decoded once for a size, whoever asks first.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import numpy as np
import PIL
from numpy.typing import NDArray

from fieldmark.data.pixels.resizing import check_rule
from fieldmark.data.store.housekeeping import cache_folder, cannot_write, made_alike, publish, unfinished
from fieldmark.data.store.maker import NATIVE_LIMIT, Wanted, first_readable, make
from fieldmark.data.store.manifest import FORMAT, Stored, read_store
from fieldmark.errors import DataError
from fieldmark.vocabulary import Progress


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
    cache = cache_folder()
    root, states = root.resolve(), file_states(root.resolve(), files)

    def wanted(size: tuple[int, int], native: bool = False) -> Wanted:
        return Wanted(root, tuple(files), states, size, rule, margin, settings(rule), native)

    if image_size is None:
        own, _ = first_readable(root, files, rule)
        if own is not None and max(own) <= NATIVE_LIMIT:
            stored = _opened(cache, wanted(own, native=True), progress, workers)
            if stored is not None:
                return stored
        image_size = (default_size, default_size)
    stored = _opened(cache, wanted(image_size), progress, workers)
    assert stored is not None
    return stored


def is_stored(root: Path, files: Sequence[str], image_size: tuple[int, int], rule: str) -> bool:
    """Whether `open_store` would find all of these decoded at this size, without a margin."""
    root = root.resolve()
    states = file_states(root, files)
    wanted = Wanted(root, tuple(files), states, image_size, rule, 1.0, settings(rule))
    return read_store(cache_folder() / key(wanted)) is not None


def _opened(cache: Path, wanted: Wanted, progress: Progress | None, workers: int | None) -> Stored | None:
    """The store that is wanted, made where it is not there; None if the pictures are not all of its size."""
    final = cache / key(wanted)
    stored = read_store(final)
    if stored is None:
        with unfinished(cache) as folder:
            try:
                alike = list(made_alike(cache, wanted.settings))
                if not make(wanted, folder, alike, progress, workers):
                    return None
                publish(folder, final)
            except OSError as error:
                raise DataError(cannot_write(cache, error)) from error
        stored = read_store(final)
        assert stored is not None, final
    if wanted.native and (stored.sizes != np.array(wanted.image_size)).any():
        return None
    return stored


def key(wanted: Wanted) -> str:
    """SHA-256 over everything that decides what the store holds, 64 hexadecimal digits.

    That is the format, the versions of the decoders (another one may give other pixels, or read what this one
    cannot), the size, and path, size, time and mode of every file (a chmod may make it readable). Whether the
    size was asked for or found is not among them, so that whoever comes second opens what is there.
    """
    asked = {
        "format": FORMAT,
        "settings": wanted.settings,
        "image_size": wanted.image_size,
        "margin": wanted.margin,
    }
    return hashlib.sha256(json.dumps(asked).encode() + wanted.states.tobytes()).hexdigest()


def settings(rule: str) -> dict[str, object]:
    """What decides the pixels of a store besides the files and their size, as JSON."""
    decoders = [PIL.__version__, _version("simplejpeg"), _version("pillow-heif")]
    return {"decoders": decoders, "rule": rule}


def file_states(root: Path, files: Sequence[str]) -> NDArray[np.uint8]:
    """SHA-256 over path, size, time and mode of each of N files, uint8 (N, 32)."""
    states = (f"{root}\0{_state(root, file)}".encode(errors="surrogateescape") for file in files)
    content = b"".join(hashlib.sha256(state).digest() for state in states)
    return np.frombuffer(content, np.uint8).reshape(len(files), 32)


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
