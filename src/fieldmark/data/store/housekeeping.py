"""The cache that stores lie in: made there whole or not at all, listed, and cleared.

A store is written in a folder of another name and renamed when complete, so that it is there whole or not at
all, also when two processes make the same one at once. What a killed run left is removed after a day. Every
folder made here holds a file MARKER, and only what was made here is ever removed, file by file.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fieldmark.data.store.manifest import (
    FORMAT,
    IMAGES,
    INDEX,
    PICTURES,
    ROW,
    STORE,
    Stored,
    document_in,
    manifest_of,
    now,
    read_store,
    write_durably,
)
from fieldmark.errors import DataError
from fieldmark.files import write_text
from fieldmark.printable import printable
from fieldmark.vocabulary import Unreadable

UNFINISHED = "making-"
MARKER = ".fieldmark-cache"
NAME = re.compile("[0-9a-f]{64}")
LIST_HEAD = "# fieldmark: pictures that cannot be read, and why"
DAY, QUIET = 24 * 60 * 60, 10 * 60  # seconds


@dataclass(frozen=True)
class StoreInfo:
    """One thing in the cache.

    A store of decoded pictures is a folder, and so are the pictures of a table. Weights are a file.

    Attributes:
        path: of the folder or the file.
        bytes: its length.
        pictures: how many; None for weights.
        root: where it came from.
        created: UTC, ISO 8601.
    """

    path: Path
    bytes: int
    pictures: int | None
    root: str
    created: str


def cache_folder() -> Path:
    """Where stores live: $FIELDMARK_CACHE, or ~/.cache/fieldmark/stores."""
    given = os.environ.get("FIELDMARK_CACHE")
    return Path(given).expanduser() if given else Path.home() / ".cache" / "fieldmark" / "stores"


def made_alike(cache: Path, settings: Any) -> Iterator[Stored]:
    """The stores in the cache that were made with these settings, whatever pictures they hold."""
    for folder in _folders(cache):
        if NAME.fullmatch(folder.name) and (document_in(folder / STORE) or {}).get("settings") == settings:
            stored = read_store(folder)
            if stored is not None:
                yield stored


def keep_pictures(final: Path, source: str, pictures: Iterable[tuple[str, bytes | None]]) -> list[str]:
    """Write the pictures of a table into a folder of the cache.

    Args:
        final: the folder.
        source: the table.
        pictures: for each row a name and its bytes; without bytes the name is only kept.

    Returns:
        The name for each row.

    Raises:
        DataError: the cache cannot be written.
    """
    names = []
    with unfinished(final.parent) as folder:
        try:
            for name, content in pictures:
                if content is not None:
                    assert ROW.fullmatch(name), name
                    (folder / name).write_bytes(content)
                names.append(name)
            document = {"format": FORMAT, "created": now(), "root": source, "pictures": names}
            write_durably(folder / PICTURES, json.dumps(document).encode())
            publish(folder, final)
        except OSError as error:
            raise DataError(cannot_write(final.parent, error)) from error
    return names


def list_unreadable(name: str, unreadable: Sequence[Unreadable]) -> Path:
    """Write the pictures that cannot be read, with their reasons, one a line into a file of the cache.

    Args:
        name: of the data.
        unreadable: the pictures.

    Returns:
        The file.

    Raises:
        UserError: the disk does not take it.
    """
    path = cache_folder() / f"unreadable-{re.sub('[^A-Za-z0-9._-]+', '-', name)[:60]}.txt"
    lines = [LIST_HEAD, *(f"{printable(one.file)}\t{printable(one.reason)}" for one in unreadable)]
    write_text(path, "\n".join(lines) + "\n")
    return path


def kept_pictures(folder: Path) -> list[str] | None:
    """The names that `keep_pictures` gave; None if the folder is not there, or not whole any more."""
    document = document_in(folder / PICTURES) or {}
    names = document.get("pictures")
    if document.get("format") != FORMAT or not isinstance(names, list):
        return None
    whole = all(
        isinstance(name, str) and (not ROW.fullmatch(name) or (folder / name).is_file()) for name in names
    )
    return names if whole else None


@contextmanager
def unfinished(cache: Path) -> Iterator[Path]:
    """Make a fresh folder in the cache for a store; it is gone afterwards unless it was published.

    Args:
        cache: the folder, which is made where it is not there.

    Raises:
        DataError: the cache cannot be written.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=cache))
        (folder / MARKER).write_text("Made by fieldmark, which can make it again: it may be deleted.\n")
    except OSError as error:
        raise DataError(
            f"cannot write the decoded pictures to {cache}: {error.strerror}. "
            "Set FIELDMARK_CACHE to a folder that can be written."
        ) from error
    _remove_left_behind(cache, DAY)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # a random name, made here just now


def cannot_write(cache: Path, error: OSError) -> str:
    """The sentence for a cache that could not be written."""
    return (
        f"writing the decoded pictures to {cache} failed: {error.strerror}. "
        "Make room (fieldmark cache), or set FIELDMARK_CACHE to another folder."
    )


def check_space(cache: Path, needed: int) -> None:
    """Make sure that there is room in the cache.

    Args:
        cache: its folder.
        needed: bytes.

    Raises:
        DataError: the disk has less free.
    """
    there = next((path for path in (cache, *cache.parents) if path.is_dir()), Path())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise DataError(
            f"the decoded pictures need {megabytes(needed)}, and {cache} has {megabytes(free)} free. "
            "Make room (fieldmark cache), or set FIELDMARK_CACHE to a folder on another disk."
        )


def megabytes(size: int) -> str:
    """A size for people: 10^6 bytes are one MB.

    >>> megabytes(36_864_000), megabytes(12)
    ('36.9 MB', '0.1 MB')
    """
    return f"{max(size / 1e6, 0.1):,.1f} MB" if size < 1e9 else f"{size / 1e9:,.1f} GB"


def publish(folder: Path, final: Path) -> None:
    """Give a complete store its name. Who comes second keeps the first one's; a broken one is replaced."""
    while True:
        try:
            folder.rename(final)
            return
        except OSError:
            if not final.exists():
                raise
        if manifest_of(final) is not None or kept_pictures(final) is not None:
            return
        aside = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=final.parent))
        with contextlib.suppress(FileNotFoundError):  # another process has just done the same
            final.rename(aside / "broken")
            _remove(aside / "broken")
        if not any(aside.iterdir()):  # else something of the user's was in there, and stays
            aside.rmdir()


def list_stores() -> list[StoreInfo]:
    """All that was made in the cache, oldest first; what is broken has no pictures and no source."""
    stores = []
    for folder in _folders(cache_folder()):
        if NAME.fullmatch(folder.name) and _ours(folder):
            found, names = manifest_of(folder), kept_pictures(folder)
            about: dict[str, Any] = (
                found[0] if found else (document_in(folder / PICTURES) if names else {}) or {}
            )
            count = found[0]["shape"][0] if found else len(names or ())
            size = sum(file.stat().st_size for file in _own_files(folder))
            created = str(about.get("created", ""))
            stores.append(StoreInfo(folder, size, count, str(about.get("root", "")), created))
    return sorted(stores, key=lambda store: (store.created, store.path))


def clear_stores(stores: Sequence[StoreInfo] | None = None) -> int:
    """Remove what lies in the cache.

    Nothing else in the cache's folder is touched, nor a store that is being made; and of a store only the
    files that were made here.

    Args:
        stores: which; None removes all of them and what killed runs left.

    Returns:
        The bytes freed.

    Raises:
        DataError: a store cannot be removed.
    """
    chosen = list_stores() if stores is None else list(stores)
    for store in chosen:
        try:
            if store.path.is_dir():
                _remove(store.path)
            else:
                store.path.unlink()
                store.path.with_suffix(".json").unlink(missing_ok=True)
        except OSError as error:
            raise DataError(f"cannot remove {store.path}: {error.strerror}. Is it in use?") from error
    if stores is None:
        _remove_left_behind(cache_folder(), QUIET)
        for path in cache_folder().glob("unreadable-*.txt"):
            if path.is_file() and _is_list(path):
                path.unlink()
    return sum(store.bytes for store in chosen)


def _folders(cache: Path) -> list[Path]:
    if not cache.is_dir():
        return []
    return [path for path in cache.iterdir() if path.is_dir() and not path.is_symlink()]


def _ours(folder: Path) -> bool:
    """Whether a folder in the cache was made here; names alone prove nothing."""
    old = {"format", "shape", "image_size", "unreadable", "index"}  # as written before there was a marker
    return (folder / MARKER).is_file() or old <= set(document_in(folder / STORE) or ())


def _is_list(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(LIST_HEAD)) == LIST_HEAD.encode()


def _own_files(folder: Path) -> list[Path]:
    known = (IMAGES, INDEX, STORE, PICTURES, MARKER)
    own = (path for path in folder.iterdir() if path.name in known or ROW.fullmatch(path.name))
    return [path for path in own if not path.is_dir()]


def _remove(folder: Path) -> None:
    """Remove what was made here: the marker last, and the folder unless the user put something into it."""
    for path in sorted(_own_files(folder), key=lambda path: path.name == MARKER):
        path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def _remove_left_behind(cache: Path, age: float) -> None:
    """Remove unfinished stores that nothing has been written to for `age` seconds."""
    for path in _folders(cache):
        if not (path.name.startswith(UNFINISHED) and _ours(path)):
            continue
        try:
            newest = max(file.stat().st_mtime for file in [path, *_own_files(path)])
            if time.time() - newest > age:
                _remove(path)
        except OSError:  # it has just been completed or removed, or belongs to somebody else
            continue
