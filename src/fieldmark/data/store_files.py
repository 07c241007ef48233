"""The folder that a store of decoded pictures is, on disk.

    <key>/images.bin    uint8 (M, h, w, C), row after row
    <key>/index.npz     what is known of each picture: hashes, sizes, grey, kept
    <key>/store.json    format, origin, shape, unreadable pictures, SHA-256 of the other two

Pictures that lay inside a table are kept as files beside the stores:

    <key>/row-7.jpg     the picture of the table's row 7
    <key>/pictures.json format, origin, the name for every row

Either is written in a folder of another name and renamed when complete, so that it is there whole or not at
all, also when two processes make the same one at once. What a killed run left is removed after a day. Every
folder made here holds a file MARKER, and only what was made here is ever removed, file by file.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
import os
import re
import shutil
import stat
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fieldmark.errors import DataError
from fieldmark.files import write_text
from fieldmark.printable import printable
from fieldmark.vocabulary import Unreadable

FORMAT = 2
UNFINISHED = "making-"
MARKER = ".fieldmark-cache"
IMAGES, INDEX, STORE, PICTURES = "images.bin", "index.npz", "store.json", "pictures.json"
NAME = re.compile("[0-9a-f]{64}")
ROW = re.compile(r"row-[0-9]+(\.[a-z]+)?")
LIST_HEAD = "# fieldmark: pictures that cannot be read, and why"
LARGEST_DOCUMENT = 2**28  # bytes; a store of a million unreadable pictures takes less
DAY, QUIET = 24 * 60 * 60, 10 * 60  # seconds

Size = tuple[int, int]


@dataclass(frozen=True)
class Stored:
    """M decoded pictures of one size, and what is known of each.

    images uint8 (M, C, h, w), stored NHWC, memory-mapped, C is 1 if all are grey, else 3; hashes uint8
    (M, 32): SHA-256 over the bytes (H, W, C) of the full-resolution pixels; sizes int64 (M, 2): their height
    and width; grey bool (M,); kept int64 (M,): positions in the files asked for; states uint8 (M, 32): which
    file each came from, and how that file was; unreadable: the others, and why; image_size: what a network
    receives, which the stored pictures exceed by the margin asked for.
    """

    images: Tensor
    hashes: NDArray[np.uint8]
    sizes: NDArray[np.int64]
    grey: NDArray[np.bool_]
    kept: NDArray[np.int64]
    states: NDArray[np.uint8]
    unreadable: tuple[Unreadable, ...]
    image_size: Size


@dataclass(frozen=True)
class StoreInfo:
    """One thing in the cache: its path, length, number of pictures, source, time made (UTC, ISO 8601).

    A store of decoded pictures is a folder, and so are the pictures of a table. Weights are a file, and have
    no number of pictures.
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


def read(folder: Path) -> Stored | None:
    """The store in `folder`; None if there is none, or one that is incomplete or altered."""
    found = _manifest(folder)
    if found is None:
        return None
    manifest, index = found
    shape = tuple(manifest["shape"])  # (M, h, w, C)
    if math.prod(shape) == 0:
        images = torch.empty(shape, dtype=torch.uint8)
    else:
        # Copy on write: torch wants memory that it may write to, and the file must stay as it is.
        images = torch.from_numpy(np.memmap(folder / IMAGES, np.uint8, mode="c", shape=shape))
    height, width = manifest["image_size"]
    return Stored(
        images=images.permute(0, 3, 1, 2),
        **index,
        unreadable=tuple(Unreadable(file, reason) for file, reason in manifest["unreadable"]),
        image_size=(height, width),
    )


def made_alike(cache: Path, settings: Any) -> Iterator[Stored]:
    """The stores in the cache that were made with these settings, whatever pictures they hold."""
    for folder in _folders(cache):
        if NAME.fullmatch(folder.name) and (_document(folder / STORE) or {}).get("settings") == settings:
            stored = read(folder)
            if stored is not None:
                yield stored


def _manifest(folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]] | None:
    """store.json and index.npz, if they are of the form written here, and the images are unaltered."""
    manifest = _document(folder / STORE)
    if manifest is None or not _well_formed(manifest):
        return None
    try:
        about = (folder / IMAGES).stat()
        if about.st_size != math.prod(manifest["shape"]):
            return None
        # Whoever alters the file moves its time; copying it elsewhere does so, too, and is fine.
        if about.st_mtime_ns != manifest["written"] and _hash(folder / IMAGES) != manifest["images"]:
            return None
        content = (folder / INDEX).read_bytes()
        if hashlib.sha256(content).hexdigest() != manifest["index"]:
            return None
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            index = dict(arrays)
    except (OSError, ValueError, zipfile.BadZipFile):
        return None
    return (manifest, index) if _fits(index, manifest["shape"][0]) else None


def _document(path: Path) -> dict[str, Any] | None:
    """A JSON object in a file of the cache; None for anything else that may lie there."""
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode) or about.st_size > LARGEST_DOCUMENT:
            return None
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _well_formed(manifest: dict[str, Any]) -> bool:
    def whole(values: Any, count: int) -> bool:
        return (
            isinstance(values, list)
            and len(values) == count
            and all(type(value) is int and value >= 0 for value in values)
        )

    unreadable = manifest.get("unreadable")
    return (
        manifest.get("format") == FORMAT
        and whole(manifest.get("shape"), 4)
        and manifest["shape"][3] in (1, 3)
        and whole(manifest.get("image_size"), 2)
        and isinstance(unreadable, list)
        and all(
            isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)
            for pair in unreadable
        )
        and all(isinstance(manifest.get(name), str) for name in ("root", "created", "index", "images"))
        and isinstance(manifest.get("written"), int)
    )


def _fits(index: dict[str, NDArray[Any]], count: int) -> bool:
    """Whether these are the arrays of a store of `count` pictures."""
    shapes = {
        "hashes": ((count, 32), np.uint8),
        "sizes": ((count, 2), np.int64),
        "grey": ((count,), np.bool_),
        "kept": ((count,), np.int64),
        "states": ((count, 32), np.uint8),
    }
    return set(index) == set(shapes) and all(
        index[name].shape == shape and index[name].dtype == kind for name, (shape, kind) in shapes.items()
    )


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_index(
    folder: Path,
    *,
    root: Path,
    shape: Sequence[int],
    image_size: Size,
    settings: Any,
    index: dict[str, NDArray[Any]],
    unreadable: Sequence[Unreadable],
) -> None:
    """Complete a store whose images.bin is written.

    settings: what decided the pixels besides files and size, as JSON; see `made_alike`.
    """
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **index)
    _write(folder / INDEX, content.getvalue())
    manifest = {
        "format": FORMAT,
        "created": _now(),
        "root": str(root),
        "shape": list(shape),
        "image_size": list(image_size),
        "settings": settings,
        "unreadable": [[one.file, one.reason] for one in unreadable],
        "index": hashlib.sha256(content.getvalue()).hexdigest(),
        "images": _hash(folder / IMAGES),
        "written": (folder / IMAGES).stat().st_mtime_ns,
    }
    _write(folder / STORE, json.dumps(manifest).encode())


def keep_pictures(final: Path, source: str, pictures: Iterable[tuple[str, bytes | None]]) -> list[str]:
    """Write the pictures of a table into the folder `final` of the cache; the name for each row.

    source: the table. pictures: for each row a name and its bytes; without bytes the name is only kept.
    Raises DataError when the cache cannot be written.
    """
    names = []
    with unfinished(final.parent) as folder:
        try:
            for name, content in pictures:
                if content is not None:
                    assert ROW.fullmatch(name), name
                    (folder / name).write_bytes(content)
                names.append(name)
            document = {"format": FORMAT, "created": _now(), "root": source, "pictures": names}
            _write(folder / PICTURES, json.dumps(document).encode())
            publish(folder, final)
        except OSError as error:
            raise DataError(cannot_write(final.parent, error)) from error
    return names


def kept_pictures(folder: Path) -> list[str] | None:
    """The names that `keep_pictures` gave; None if the folder is not there, or not whole any more."""
    document = _document(folder / PICTURES) or {}
    names = document.get("pictures")
    if document.get("format") != FORMAT or not isinstance(names, list):
        return None
    whole = all(
        isinstance(name, str) and (not ROW.fullmatch(name) or (folder / name).is_file()) for name in names
    )
    return names if whole else None


def list_unreadable(name: str, unreadable: Sequence[Unreadable]) -> Path:
    """Write the pictures that cannot be read, with their reasons, one a line into a file of the cache.

    name: of the data. Raises UserError when the disk does not take it.
    """
    path = cache_folder() / f"unreadable-{re.sub('[^A-Za-z0-9._-]+', '-', name)[:60]}.txt"
    lines = [LIST_HEAD, *(f"{printable(one.file)}\t{printable(one.reason)}" for one in unreadable)]
    write_text(path, "\n".join(lines) + "\n")
    return path


def cannot_write(cache: Path, error: OSError) -> str:
    """The sentence for a cache that could not be written."""
    return (
        f"writing the decoded pictures to {cache} failed: {error.strerror}. "
        "Make room (fieldmark cache), or set FIELDMARK_CACHE to another folder."
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        reach_disk(file)


def reach_disk(file: IO[bytes]) -> None:
    """Wait until a file's bytes are on disk: a power cut must not leave a store that looks complete."""
    file.flush()
    os.fsync(file.fileno())


@contextmanager
def unfinished(cache: Path) -> Iterator[Path]:
    """A fresh folder in the cache for a store being made; gone afterwards unless it was published.

    Raises DataError when the cache cannot be written.
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


def check_space(cache: Path, needed: int) -> None:
    """Raises DataError when the cache's disk has less than `needed` bytes free."""
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
        if _manifest(final) is not None or kept_pictures(final) is not None:
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
            found, names = _manifest(folder), kept_pictures(folder)
            about: dict[str, Any] = (
                found[0] if found else (_document(folder / PICTURES) if names else {}) or {}
            )
            count = found[0]["shape"][0] if found else len(names or ())
            size = sum(file.stat().st_size for file in _own_files(folder))
            created = str(about.get("created", ""))
            stores.append(StoreInfo(folder, size, count, str(about.get("root", "")), created))
    return sorted(stores, key=lambda store: (store.created, store.path))


def clear_stores(stores: Sequence[StoreInfo] | None = None) -> int:
    """Remove `stores`, or without an argument all of them and what killed runs left; the bytes freed.

    Nothing else in the cache's folder is touched, nor a store that is being made; and of a store only the
    files that were made here. Raises DataError when a store cannot be removed.
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
    return (folder / MARKER).is_file() or old <= set(_document(folder / STORE) or ())


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
