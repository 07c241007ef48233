"""Filling a store: how large its pictures are, and one row after another."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.decoding import Undecodable
from fieldmark.data.decoding_pool import Decoded, decode_all, decode_one
from fieldmark.data.download import Progress
from fieldmark.data.store_files import check_space, megabytes, reach_disk, write_index
from fieldmark.vocabulary import Unreadable

NATIVE_LIMIT = 64
"""Pictures that are all of one size up to this many pixels a side are stored as they are."""

BLOCK = 2**24

Size = tuple[int, int]


@dataclass(frozen=True)
class Wanted:
    """The pictures of a store and how it is to keep them."""

    root: Path
    files: tuple[str, ...]
    image_size: Size | None
    default_size: int
    rule: str
    margin: float


def required_bytes(pictures: int, size: Size, channels: int = 3) -> int:
    """What a store of `pictures` of `size` (height, width) takes on disk, with some 60 bytes of index each.

    >>> required_bytes(12_000, (32, 32))
    37584000
    """
    return pictures * (size[0] * size[1] * channels + 60)


def make(wanted: Wanted, folder: Path, progress: Progress | None, workers: int | None) -> None:
    """Decode the pictures into a store in `folder`, which exists.

    Native size, without margin, if all readable pictures have the size that `image_size` asks for, or one up
    to NATIVE_LIMIT where it asks for none. Decoding shows whether they do, and starts again if they do not.
    Raises DataError when the disk has too little room, OSError when writing fails.
    """
    rows, image_size = None, wanted.image_size or (wanted.default_size, wanted.default_size)
    own_size, channels = _first_readable(wanted)
    if own_size is not None and _may_be_native(own_size, wanted):
        rows = _fill(wanted, folder, own_size, channels, progress, workers, native=True)
        image_size = image_size if rows is None else own_size
    if rows is None:
        size = enlarged(image_size, wanted.margin)
        rows = _fill(wanted, folder, size, channels, progress, workers, native=False)
        assert rows is not None
    write_index(
        folder,
        root=wanted.root,
        shape=(len(rows.kept), *rows.size, rows.channels),
        image_size=image_size,
        index=rows.index(),
        unreadable=rows.unreadable,
    )


def enlarged(size: Size, margin: float) -> Size:
    """`margin` times a size, each side rounded half up.

    >>> enlarged((30, 32), 1.25)
    (38, 40)
    """
    return math.floor(size[0] * margin + 0.5), math.floor(size[1] * margin + 0.5)


def _first_readable(wanted: Wanted) -> tuple[Size | None, int]:
    """Size and channels of the first picture that decodes; a header alone may belong to a broken one."""
    for file in wanted.files:
        one = decode_one(wanted.root, file, None, wanted.rule)
        if isinstance(one, Decoded):
            return one.size, one.pixels.shape[2]
    return None, 1


def _may_be_native(size: Size, wanted: Wanted) -> bool:
    if wanted.image_size is None:
        return max(size) <= NATIVE_LIMIT
    return size == wanted.image_size and wanted.margin > 1  # without margin it makes no difference


def _fill(
    wanted: Wanted,
    folder: Path,
    size: Size,
    channels: int,
    progress: Progress | None,
    workers: int | None,
    native: bool,
) -> Rows | None:
    """All pictures at `size`; None as soon as one has another size of its own, if they are to be native."""
    needed = required_bytes(len(wanted.files), size, channels)
    check_space(folder, needed)
    rows, what = Rows(size), f"decode ({megabytes(needed)})"
    if progress is not None:
        progress(what, 0, len(wanted.files))
    with (
        (folder / "images.bin").open("w+b") as file,
        closing(decode_all(wanted.root, wanted.files, size, wanted.rule, workers)) as decoded,
    ):
        for some in decoded:
            if native and any(isinstance(one, Decoded) and one.size != size for one in some):
                return None
            rows.add(some, wanted.files, file)
            if progress is not None:
                progress(what, rows.seen, len(wanted.files))
        reach_disk(file)
    return rows


@dataclass
class Rows:
    """The pictures written so far: grey until the first one in colour comes, from then on all RGB."""

    size: Size
    channels: int = 1
    seen: int = 0
    hashes: list[bytes] = field(default_factory=list)
    sizes: list[Size] = field(default_factory=list)
    grey: list[bool] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)

    def add(self, some: Sequence[Decoded | Undecodable], files: Sequence[str], file: IO[bytes]) -> None:
        """The next pictures, appended to `file`."""
        for one in some:
            if isinstance(one, Undecodable):
                self.unreadable.append(Unreadable(files[self.seen], one.reason))
            else:
                self._append(one, file)
                self.kept.append(self.seen)
            self.seen += 1

    def _append(self, one: Decoded, file: IO[bytes]) -> None:
        channels = one.pixels.shape[2]
        if channels > self.channels:
            _widen(file)
            self.channels = channels
        pixels = one.pixels if channels == self.channels else np.repeat(one.pixels, self.channels, axis=2)
        file.write(pixels.data)
        self.hashes.append(one.hash)
        self.sizes.append(one.size)
        self.grey.append(channels == 1)

    def index(self) -> dict[str, NDArray[Any]]:
        count = len(self.kept)
        return {
            "hashes": np.frombuffer(b"".join(self.hashes), np.uint8).reshape(count, 32),
            "sizes": np.array(self.sizes, np.int64).reshape(count, 2),
            "grey": np.array(self.grey, np.bool_),
            "kept": np.array(self.kept, np.int64),
        }


def _widen(file: IO[bytes]) -> None:
    """Grey pictures to RGB in place, from the end, so that nothing is overwritten before it is read."""
    end = file.seek(0, os.SEEK_END)
    for start in reversed(range(0, end, BLOCK)):
        file.seek(start)
        block = np.frombuffer(file.read(min(BLOCK, end - start)), np.uint8)
        file.seek(3 * start)
        file.write(np.repeat(block, 3).data)
    file.seek(3 * end)
