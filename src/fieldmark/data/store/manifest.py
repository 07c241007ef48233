"""The folder that a store of decoded pictures is, on disk: written, and read when it is whole.

    <key>/images.bin    uint8 (M, h, w, C), row after row
    <key>/index.npz     what is known of each picture: hashes, sizes, grey, kept
    <key>/store.json    format, origin, shape, unreadable pictures, SHA-256 of the other two

Pictures that lay inside a table are kept as files beside the stores:

    <key>/row-7.jpg     the picture of the table's row 7
    <key>/pictures.json format, origin, the name for every row
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import re
import stat
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fieldmark.vocabulary import Unreadable

FORMAT = 2
IMAGES, INDEX, STORE, PICTURES = "images.bin", "index.npz", "store.json", "pictures.json"
ROW = re.compile(r"row-[0-9]+(\.[a-z]+)?")
LARGEST_DOCUMENT = 2**28  # bytes; a store of a million unreadable pictures takes less

Size = tuple[int, int]


@dataclass(frozen=True)
class Stored:
    """M decoded pictures of one size, and what is known of each.

    Attributes:
        images: uint8 (M, C, h, w), stored NHWC, memory-mapped; C is 1 if all are grey, else 3.
        hashes: uint8 (M, 32), SHA-256 over the bytes (H, W, C) of the full-resolution pixels.
        sizes: int64 (M, 2), their height and width.
        grey: bool (M,).
        kept: int64 (M,), positions in the files asked for.
        states: uint8 (M, 32), which file each came from, and how that file was.
        unreadable: the others, and why.
        image_size: (height, width) that a network receives, which the stored pictures exceed by the margin.
    """

    images: Tensor
    hashes: NDArray[np.uint8]
    sizes: NDArray[np.int64]
    grey: NDArray[np.bool_]
    kept: NDArray[np.int64]
    states: NDArray[np.uint8]
    unreadable: tuple[Unreadable, ...]
    image_size: Size


def read_store(folder: Path) -> Stored | None:
    """The store in `folder`; None if there is none, or one that is incomplete or altered."""
    found = manifest_of(folder)
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


def manifest_of(folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]] | None:
    """store.json and index.npz, if they are of the form written here, and the images are unaltered."""
    manifest = document_in(folder / STORE)
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


def document_in(path: Path) -> dict[str, Any] | None:
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

    Args:
        folder: the store's.
        root: the folder that names start from.
        shape: (M, h, w, C) of the images.
        image_size: (height, width) that a network receives.
        settings: what decided the pixels besides files and size, as JSON; see `made_alike`.
        index: the arrays of index.npz.
        unreadable: the pictures that are not in it.
    """
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **index)
    write_durably(folder / INDEX, content.getvalue())
    manifest = {
        "format": FORMAT,
        "created": now(),
        "root": str(root),
        "shape": list(shape),
        "image_size": list(image_size),
        "settings": settings,
        "unreadable": [[one.file, one.reason] for one in unreadable],
        "index": hashlib.sha256(content.getvalue()).hexdigest(),
        "images": _hash(folder / IMAGES),
        "written": (folder / IMAGES).stat().st_mtime_ns,
    }
    write_durably(folder / STORE, json.dumps(manifest).encode())


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_durably(path: Path, content: bytes) -> None:
    """Write a new file, which is on disk afterwards."""
    with path.open("xb") as file:
        file.write(content)
        reach_disk(file)


def reach_disk(file: IO[bytes]) -> None:
    """Wait until a file's bytes are on disk: a power cut must not leave a store that looks complete."""
    file.flush()
    os.fsync(file.fileno())
