"""The folder that a store of decoded pictures is, on disk.

    <key>/images.bin    uint8 (M, h, w, C), row after row
    <key>/index.npz     what is known of each picture: hashes, sizes, grey, kept
    <key>/store.json    format, origin, shape, unreadable pictures, SHA-256 of the index

A store is written in a folder of another name and renamed when complete, so that it is there whole or not at
all, also when two processes make the same one at once. What a killed run left is removed after a day.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
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
from fieldmark.vocabulary import Unreadable

FORMAT = 1
UNFINISHED = "making-"
NAME = re.compile("[0-9a-f]{64}")
DAY, QUIET = 24 * 60 * 60, 10 * 60  # seconds

Size = tuple[int, int]


@dataclass(frozen=True)
class Stored:
    """M decoded pictures of one size, and what is known of each.

    images uint8 (M, C, h, w), stored NHWC, memory-mapped, C is 1 if all are grey, else 3; hashes uint8
    (M, 32): SHA-256 over the bytes (H, W, C) of the full-resolution pixels; sizes int64 (M, 2): their height
    and width; grey bool (M,); kept int64 (M,): positions in the files asked for; unreadable: the others, and
    why; image_size: what a network receives, which the stored pictures exceed by the margin asked for.
    """

    images: Tensor
    hashes: NDArray[np.uint8]
    sizes: NDArray[np.int64]
    grey: NDArray[np.bool_]
    kept: NDArray[np.int64]
    unreadable: tuple[Unreadable, ...]
    image_size: Size


@dataclass(frozen=True)
class StoreInfo:
    """One thing in the cache: its path, length, number of pictures, source, time made (UTC).

    A store of decoded pictures is a folder. Weights are a file, and have no number of pictures.
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
    if shape[0] == 0:
        images = torch.empty(shape, dtype=torch.uint8)
    else:
        # Copy on write: torch wants memory that it may write to, and the file must stay as it is.
        images = torch.from_numpy(np.memmap(folder / "images.bin", np.uint8, mode="c", shape=shape))
    height, width = manifest["image_size"]
    return Stored(
        images=images.permute(0, 3, 1, 2),
        **{name: index[name] for name in ("hashes", "sizes", "grey", "kept")},
        unreadable=tuple(Unreadable(file, reason) for file, reason in manifest["unreadable"]),
        image_size=(height, width),
    )


def _manifest(folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]] | None:
    """store.json and index.npz, if they and the length of the images agree."""
    try:
        manifest = json.loads((folder / "store.json").read_bytes())
        index = (folder / "index.npz").read_bytes()
        length = (folder / "images.bin").stat().st_size
        whole = manifest["format"] == FORMAT and length == math.prod(manifest["shape"])
        if not whole or hashlib.sha256(index).hexdigest() != manifest["index"]:
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    with np.load(io.BytesIO(index), allow_pickle=False) as arrays:
        return manifest, dict(arrays)


def write_index(
    folder: Path,
    *,
    root: Path,
    shape: Sequence[int],
    image_size: Size,
    index: dict[str, NDArray[Any]],
    unreadable: Sequence[Unreadable],
) -> None:
    """Complete a store whose images.bin is written."""
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **index)
    _write(folder / "index.npz", content.getvalue())
    manifest = {
        "format": FORMAT,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "root": str(root),
        "shape": list(shape),
        "image_size": list(image_size),
        "unreadable": [[one.file, one.reason] for one in unreadable],
        "index": hashlib.sha256(content.getvalue()).hexdigest(),
    }
    _write(folder / "store.json", json.dumps(manifest).encode())


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
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
    except OSError as error:
        raise DataError(
            f"cannot write the decoded pictures to {cache}: {error.strerror}. "
            "Set FIELDMARK_CACHE to a folder that can be written."
        ) from error
    _remove_left_behind(cache, DAY)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_space(cache: Path, needed: int) -> None:
    """Raises DataError when the cache's disk has less than `needed` bytes free."""
    free = shutil.disk_usage(cache).free
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
        if _manifest(final) is not None:
            return
        aside = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=final.parent))
        try:
            final.rename(aside / "broken")
        except FileNotFoundError:  # another process has just done the same
            pass
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def list_stores() -> list[StoreInfo]:
    """All stores in the cache, oldest first; a broken one has no pictures and no source."""
    stores = []
    for folder in _folders(cache_folder()):
        if NAME.fullmatch(folder.name):
            found = _manifest(folder)
            about: dict[str, Any] = found[0] if found else {"shape": [0], "root": "", "created": ""}
            size = sum(file.stat().st_size for file in folder.iterdir())
            stores.append(StoreInfo(folder, size, about["shape"][0], about["root"], about["created"]))
    return sorted(stores, key=lambda store: (store.created, store.path))


def clear_stores(stores: Sequence[StoreInfo] | None = None) -> int:
    """Remove `stores`, or without an argument all of them and what killed runs left; the bytes freed.

    Nothing else in the cache's folder is touched, nor a store that is being made. Raises DataError when a
    store cannot be removed.
    """
    chosen = list_stores() if stores is None else list(stores)
    for store in chosen:
        try:
            if store.path.is_dir():
                shutil.rmtree(store.path)
            else:
                store.path.unlink()
        except OSError as error:
            raise DataError(f"cannot remove {store.path}: {error.strerror}. Is it in use?") from error
    if stores is None:
        _remove_left_behind(cache_folder(), QUIET)
    return sum(store.bytes for store in chosen)


def _folders(cache: Path) -> list[Path]:
    return [path for path in cache.iterdir() if path.is_dir()] if cache.is_dir() else []


def _remove_left_behind(cache: Path, age: float) -> None:
    """Remove unfinished stores that nothing has been written to for `age` seconds."""
    for path in _folders(cache):
        if not path.name.startswith(UNFINISHED):
            continue
        try:
            newest = max(file.stat().st_mtime for file in [path, *path.glob("*")])
        except FileNotFoundError:  # it has just been completed or removed
            continue
        if time.time() - newest > age:
            shutil.rmtree(path, ignore_errors=True)
