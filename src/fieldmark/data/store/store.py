"""The store of decoded pictures: made once, opened at once afterwards.

Under $FIELDMARK_CACHE (default ~/.cache/fieldmark/stores) every set of pictures that was ever asked for has a
folder, named by what was asked and by the state of the files. A file that changes makes another store, into
which the others are copied: a picture is decoded once for a size, whoever asks first.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import IO, Any

import numpy as np
import PIL
from numpy.typing import NDArray

from fieldmark.data.decode.pool import TOGETHER, Decoded, decode_all, decode_one
from fieldmark.data.pixels.resizing import check_rule
from fieldmark.data.store.housekeeping import (
    cache_folder,
    cannot_write,
    check_space,
    made_alike,
    megabytes,
    publish,
    unfinished,
)
from fieldmark.data.store.manifest import FORMAT, IMAGES, Stored, reach_disk, read_store, write_index
from fieldmark.errors import DataError
from fieldmark.vocabulary import Progress, Undecodable, Unreadable

NATIVE_LIMIT = 64
"""Pictures that are all of one size up to this many pixels a side are stored as they are."""

BLOCK = 2**24

Size = tuple[int, int]


@dataclass(frozen=True)
class Wanted:
    """The pictures of a store and how it is to keep them.

    Attributes:
        root: the folder that names start from.
        files: N paths below it, or absolute.
        states: uint8 (N, 32), see `file_states`.
        image_size: (height, width) that a network receives.
        rule: "crop", "pad" or "stretch".
        margin: how many times larger the pictures are kept.
        settings: see `settings`.
        native: only if all pictures have the image size themselves.
    """

    root: Path
    files: tuple[str, ...]
    states: NDArray[np.uint8]
    image_size: Size
    rule: str
    margin: float
    settings: dict[str, object]
    native: bool = False


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
    """Open the store of these pictures, decoded and at one size; it is made where it is not there.

    The stored pictures measure round(margin * image_size); but pictures that all have the image_size already
    stay as they are. A picture that cannot be read never stops the others. Several processes may open the
    same store at once.

    Args:
        root: the folder that names start from.
        files: paths below `root`, or absolute.
        image_size: what the network receives, (height, width); None takes the pictures' own size if all agree
            and no side is above 64, else `default_size` squared.
        default_size: one side in pixels.
        rule: "crop", "pad" or "stretch".
        margin: 1 or more.
        progress: called while decoding with what it does and how large the store will be, pictures done,
            pictures in all.
        workers: threads, one per core by default.

    Returns:
        All readable pictures; the others are listed with their reasons in `unreadable`.

    Raises:
        DataError: the cache cannot be written or has no room; names $FIELDMARK_CACHE.
        UserError: the rule is none of RULES.
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
    """Whether `open_store` would find all of these decoded, without a margin.

    Args:
        root: the folder that names start from.
        files: paths below `root`, or absolute.
        image_size: (height, width).
        rule: "crop", "pad" or "stretch".
    """
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


def required_bytes(pictures: int, size: Size, channels: int = 3) -> int:
    """What a store takes on disk, with some 100 bytes of index for each picture.

    Args:
        pictures: how many.
        size: (height, width).
        channels: 1 or 3.

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
    """Fill a store's folder.

    What one of `alike` has is copied, the rest decoded. There is no margin if all readable pictures have the
    image size themselves. Decoding shows whether they do, and starts again if they do not.

    Args:
        wanted: which pictures, and how.
        folder: an empty one.
        alike: stores made with the same settings.
        progress: called with (what, done, total).
        workers: threads; None takes one per core.

    Returns:
        False, half-way, if pictures should be native and are not.

    Raises:
        DataError: the disk has too little room.
        OSError: writing fails.
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
) -> Written | None:
    """All pictures at `size`; None as soon as one has another size of its own, if they are to be native."""
    needed = required_bytes(len(wanted.files), size, channels)
    check_space(folder, needed)
    known = _known(wanted, alike, size)
    rows, what = Written(size), f"decode ({megabytes(needed)})"
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
class Written:
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
        """Append the next pictures.

        Args:
            some: decoded, or why not.
            files: all names that were asked for.
            file: images.bin.
        """
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
