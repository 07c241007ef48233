"""Filling a store: how large its pictures are, and one row after another."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.decode.pool import TOGETHER, Decoded, decode_all, decode_one
from fieldmark.data.store.housekeeping import check_space, megabytes
from fieldmark.data.store.manifest import IMAGES, Stored, reach_disk, write_index
from fieldmark.errors import Undecodable
from fieldmark.vocabulary import Progress, Unreadable

NATIVE_LIMIT = 64
"""Pictures that are all of one size up to this many pixels a side are stored as they are."""

BLOCK = 2**24

Size = tuple[int, int]


@dataclass(frozen=True)
class Wanted:
    """The pictures of a store and how it is to keep them.

    states uint8 (N, 32): see `store.file_states`. settings: see `store.settings`. native: only if all
    pictures have the image size themselves.
    """

    root: Path
    files: tuple[str, ...]
    states: NDArray[np.uint8]
    image_size: Size
    rule: str
    margin: float
    settings: dict[str, object]
    native: bool = False


def required_bytes(pictures: int, size: Size, channels: int = 3) -> int:
    """What a store of `pictures` of `size` (height, width) takes on disk, with some 100 bytes of index each.

    >>> required_bytes(12_000, (32, 32))
    38064000
    """
    return pictures * (size[0] * size[1] * channels + 100)


def make(
    wanted: Wanted,
    folder: Path,
    alike: Sequence[Stored],
    progress: Progress | None,
    workers: int | None,
) -> bool:
    """Fill the store in `folder`, which exists; False, half-way, if pictures should be native and are not.

    What one of `alike` has is copied, the rest decoded. Without margin if all readable pictures have the
    image size themselves. Decoding shows whether they do, and starts again if they do not. Raises DataError
    when the disk has too little room, OSError when writing fails.
    """
    rows = None
    own_size, channels = first_readable(wanted.root, wanted.files, wanted.rule)
    if own_size == wanted.image_size and (wanted.native or wanted.margin > 1):  # else it makes no difference
        rows = _fill(wanted, folder, own_size, channels, alike, progress, workers, native=True)
    if rows is None:
        if wanted.native:
            return False
        size = enlarged(wanted.image_size, wanted.margin)
        rows = _fill(wanted, folder, size, channels, alike, progress, workers, native=False)
        assert rows is not None
    write_index(
        folder,
        root=wanted.root,
        shape=(len(rows.kept), *rows.size, rows.channels),
        image_size=wanted.image_size,
        settings=wanted.settings,
        index=rows.index() | {"states": wanted.states[rows.kept].reshape(len(rows.kept), 32)},
        unreadable=rows.unreadable,
    )
    return True


def enlarged(size: Size, margin: float) -> Size:
    """`margin` times a size, each side rounded half up.

    >>> enlarged((30, 32), 1.25)
    (38, 40)
    """
    return math.floor(size[0] * margin + 0.5), math.floor(size[1] * margin + 0.5)


def first_readable(root: Path, files: Sequence[str], rule: str) -> tuple[Size | None, int]:
    """Size and channels of the first picture that decodes; a header alone may belong to a broken one."""
    for file in files:
        one = decode_one(root, file, None, rule)
        if isinstance(one, Decoded):
            return one.size, one.pixels.shape[2]
    return None, 1


def _fill(
    wanted: Wanted,
    folder: Path,
    size: Size,
    channels: int,
    alike: Sequence[Stored],
    progress: Progress | None,
    workers: int | None,
    native: bool,
) -> Rows | None:
    """All pictures at `size`; None as soon as one has another size of its own, if they are to be native."""
    needed = required_bytes(len(wanted.files), size, channels)
    check_space(folder, needed)
    known = _known(wanted, alike, size)
    rows, what = Rows(size), f"decode ({megabytes(needed)})"
    todo = [file for place, file in enumerate(wanted.files) if place not in known]
    if progress is not None:
        progress(what, 0, len(wanted.files))
    with (
        (folder / IMAGES).open("w+b") as file,
        closing(decode_all(wanted.root, todo, size, wanted.rule, workers)) as decoded,
    ):
        fresh = itertools.chain.from_iterable(decoded)
        for first in range(0, len(wanted.files), TOGETHER):
            places = range(first, min(first + TOGETHER, len(wanted.files)))
            some = [_copied(*known[place]) if place in known else next(fresh) for place in places]
            if native and any(isinstance(one, Decoded) and one.size != size for one in some):
                return None
            rows.add(some, wanted.files, file)
            if progress is not None:
                progress(what, rows.seen, len(wanted.files))
        reach_disk(file)
    return rows


def _known(wanted: Wanted, alike: Sequence[Stored], size: Size) -> dict[int, tuple[Stored, int]]:
    """Which of the wanted pictures a store has at this size already: place to (store, row)."""
    having = [stored for stored in alike if tuple(stored.images.shape[2:]) == size]
    found = {state.tobytes(): (stored, row) for stored in having for row, state in enumerate(stored.states)}
    if not found:
        return {}
    pairs = ((place, found.get(state.tobytes())) for place, state in enumerate(wanted.states))
    return {place: there for place, there in pairs if there is not None}


def _copied(stored: Stored, row: int) -> Decoded:
    pixels = stored.images[row].permute(1, 2, 0).numpy()  # (h, w, C)
    if stored.grey[row]:
        pixels = pixels[:, :, :1]
    height, width = stored.sizes[row].tolist()
    return Decoded(np.ascontiguousarray(pixels), stored.hashes[row].tobytes(), (height, width))


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
