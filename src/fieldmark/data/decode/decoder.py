"""From a file to its pixels: the one path that training, evaluation and prediction share.

- Formats: JPEG, PNG, WebP, BMP, GIF, TIFF, AVIF, PPM (and PGM, PBM), and HEIC with the extra `heif`; told by
  the first bytes, not by the name.
- The whole picture at its full resolution; of animations and multi-page files the first frame.
- EXIF orientation is applied, all eight, wherever the format keeps it; EXIF that cannot be parsed is ignored.
- Kinds of pixels become grey or RGB by the rules of `modes`.
- At most 100 megapixels and 65,535 pixels a side, by the header, before any decoding.
- A file that ends too early is refused, and a JPEG whose data run out or make no sense before its last block,
  even where an end follows: nobody gets half a picture. Bytes changed on the way are always found in a PNG,
  which has checksums, and mostly in a JPEG; WebP, AVIF, BMP, GIF, PPM and TIFF have little to tell by.
- All pictures in work share 400 MB, whatever the number of threads. One of 100 megapixels takes up to 500 MB
  beside the result, a progressive JPEG 600 MB, AVIF and HEIC about 1 GB and WebP 1.6 GB, of which their
  decoders hold several copies.
"""

from __future__ import annotations

import ctypes
import logging
import os
import stat
import threading
import warnings
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, PngImagePlugin, _imaging
from PIL.JpegImagePlugin import JpegImageFile
from torch import Tensor

from fieldmark.data.decode import tiff
from fieldmark.data.decode.formats import LONGEST, reader_of, sniff
from fieldmark.data.decode.jpeg import check_scans, decode_jpeg
from fieldmark.data.decode.modes import Strips, to_array, upright, whole
from fieldmark.errors import DataError
from fieldmark.memory import give_back_freed_memory
from fieldmark.vocabulary import Pixels, Undecodable

MAX_PIXELS = 100_000_000
MAX_TEXT = 2**26
"""Bytes of text, and of one colour profile, in a PNG, unpacked. People keep whole workflows there."""

MAX_SIDE = 65_535
"""What JPEG can hold. A strip of 100,000,000 x 1 pixels is a file of 97 kB, and 89 GB at any other height."""

MAX_JPEG = 2**29
"""Bytes of a JPEG file, which is read as a whole; 100 megapixels of noise at the best quality take less."""

BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2}
"""Per pixel in Pillow's memory, by mode; all others take 4."""

COPIES = {"WEBP": 4, "AVIF": 3, "HEIF": 3}
"""How often these decoders hold the picture, in Pillow's size."""

LARGE = 2**26
"""Bytes from which on a decoded picture does not stay behind in its thread's freed memory."""


class Budget:
    """A number of bytes that threads take from and give back; who asks for more than is left waits its turn.

    Turns go in the order of asking, so that a large picture is not overtaken for ever. What is larger than
    the whole budget is let through alone.

    >>> budget = Budget(100)
    >>> with budget.hold(70), budget.hold(30):
    ...     budget.held
    100
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.held = 0
        self._turns: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, size: int) -> Iterator[None]:
        """Take bytes, waiting until they are there, and give them back at the end.

        Args:
            size: how many.
        """
        turn = object()
        with self._changed:
            self._turns.append(turn)
            try:
                self._changed.wait_for(lambda: self._turns[0] is turn and self._fits(size))
                self.held += size
            finally:
                self._turns.remove(turn)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self.held -= size
                self._changed.notify_all()

    def _fits(self, size: int) -> bool:
        return self.held == 0 or self.held + size <= self.most


_budget = Budget(4 * MAX_PIXELS)


def decode(path: str | Path | BinaryIO) -> NDArray[np.uint8]:
    """Decode a picture file. Threads may decode at once.

    Args:
        path: where it lies, or the file itself, open for reading.

    Returns:
        Its pixels, uint8 (H, W, C), writable: C is 1 for grey pictures, else 3.

    Raises:
        Undecodable: with the reason, and the status "missing", "unreadable", "unsupported" or "too_large".

    >>> decode("no/such.jpg")
    Traceback (most recent call last):
    fieldmark.vocabulary.Undecodable: no such file
    """
    with opened(path) as pixels:
        return whole(pixels)


@contextmanager
def opened(path: str | Path | BinaryIO) -> Iterator[Pixels]:
    """Decode a picture file and keep its pixels, upright, as long as the `with` lasts.

    Waits while others decode and memory is short, so a thread that has one open must not open another.

    Args:
        path: where it lies, or the file itself, open for reading.

    Yields:
        What `decode` gives: an array, or `modes.Strips`, whose rows are converted when they are asked for.
        Hashing and resizing take them a few at a time, and no second copy of a large picture is made.

    Raises:
        Undecodable: as `decode` does.
    """
    with pillow_settings(), _file(path) as file:
        kind, picture = _open(file)
        cost = _cost(picture)
        with _budget.hold(cost):
            try:
                with _told(kind):
                    pixels = _load(picture, file)
                yield pixels
            finally:
                picture.close()
                if cost >= LARGE:
                    give_back_freed_memory()


def read_image(path: str | Path) -> Tensor:
    """Read a picture file into a tensor.

    Any format and kind of pixels that fieldmark reads, EXIF orientation applied.

    Args:
        path: where it lies.

    Returns:
        uint8 (C, H, W): C is 1 for grey pictures, else 3.

    Raises:
        DataError: it cannot be read; names the file and what is wrong with it.

    >>> read_image("no/such.jpg")
    Traceback (most recent call last):
    fieldmark.errors.DataError: cannot read the picture no/such.jpg: no such file.
    """
    try:
        return torch.from_numpy(decode(path)).permute(2, 0, 1).contiguous()
    except Undecodable as error:
        raise DataError(f"cannot read the picture {path}: {error.reason}.") from error


def _open(file: BinaryIO) -> tuple[str, ImageFile.ImageFile]:
    """The format, and a picture whose header is read, and whose size and kind are allowed."""
    try:
        start = file.read(LONGEST)
    except OSError as error:  # a bad block, or a disk that is gone
        raise Undecodable(f"cannot be read: {error.strerror}", "unreadable") from error
    kind = sniff(start)
    reader = reader_of(kind, start)
    assert kind is not None  # or there were no reader
    tags = tiff.read_tags(file) if kind == "TIFF" else {}
    if tags:
        tiff.check_kind(tags)
    file.seek(0)
    with _told(kind):
        try:
            picture = reader(file)
        except SyntaxError as error:
            if "unknown pixel mode" in str(error) and (pixels := tiff.describe(tags)):
                raise Undecodable(
                    f"a kind of TIFF that Pillow does not read: {pixels}", "unsupported"
                ) from error
            raise
        _check_size(picture.width, picture.height)
    return kind, picture


def _load(picture: ImageFile.ImageFile, file: BinaryIO) -> Pixels:
    if isinstance(picture, JpegImageFile):
        file.seek(0)
        content = file.read(MAX_JPEG + 1)
        if len(content) > MAX_JPEG:
            raise Undecodable(f"a JPEG of more than {MAX_JPEG // 10**6} MB", "too_large")
        check_scans(content)
        array = decode_jpeg(content, picture.mode)
        if array is not None and array.shape[:2] == (picture.height, picture.width):
            return upright(array, _orientation(picture))
    picture.load()
    to_array(picture, (0, 0, 1, 1))  # so that a kind of pixels without a rule is told of here
    return Strips(picture, _orientation(picture))


def _cost(picture: ImageFile.ImageFile) -> int:
    """The bytes that decoding takes at its height."""
    pixels = picture.width * picture.height
    if isinstance(picture, JpegImageFile):  # a progressive one keeps all coefficients, of 16 bits
        return pixels * len(picture.getbands()) * (3 if "progressive" in picture.info else 1)
    return pixels * BYTES.get(picture.mode, 4) * COPIES.get(picture.format or "", 1)


@contextmanager
def _told(kind: str) -> Iterator[None]:
    """What a decoder raises as Undecodable."""
    try:
        yield
    except (Undecodable, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise Undecodable(f"more than {MAX_PIXELS // 10**6} megapixels", "too_large") from error
    except Exception as error:  # a decoder raises anything on a damaged file
        if "MAX_TEXT" in str(error):
            raise Undecodable(f"more than {MAX_TEXT // 2**20} MB of text or profile", "too_large") from error
        raise Undecodable(f"broken {kind}: {str(error) or type(error).__name__}", "unreadable") from error


def _file(path: str | Path | BinaryIO) -> BinaryIO:
    if not isinstance(path, str | Path):
        return path
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - thousands of times; a Path costs more than the call
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
            raise Undecodable(f"{kind}, not a picture", "unreadable")
        return open(path, "rb")  # noqa: PTH123
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Undecodable("no such file", "missing") from error
    except OSError as error:
        raise Undecodable(f"cannot be opened: {error.strerror}", "unreadable") from error
    except ValueError as error:  # a zero byte in the name
        raise Undecodable(f"no such file: {error}", "missing") from error


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise Undecodable(
            f"{width} x {height} pixels, more than {MAX_PIXELS // 10**6} megapixels", "too_large"
        )
    if max(width, height) > MAX_SIDE:
        raise Undecodable(f"{width} x {height} pixels, more than {MAX_SIDE:,} along one side", "too_large")


def _orientation(picture: ImageFile.ImageFile) -> int:
    try:
        value = picture.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged EXIF, which raises anything, says nothing about the pixels
        return 1
    return value if value in range(1, 9) else 1


_lock = threading.Lock()
_users = 0
_restore = ExitStack()


@contextmanager
def pillow_settings() -> Iterator[None]:
    """No warnings from Pillow, no truncated pictures, our own pixel limit; as before once everybody has left.

    Pillow's switches are those of the whole process. Warnings about odd metadata would reach the user's
    screen once per picture, through Python or past it: libtiff writes to the error stream by itself.
    LOAD_TRUNCATED_IMAGES, which many notebooks set, would hand us half-grey pictures as whole ones.
    MAX_IMAGE_PIXELS, and the 1 MB that Pillow allows a text or a colour profile in a PNG, would refuse what
    we allow.

    Threads share it: the first to enter sets the switches, the last to leave puts them back. (Each saving and
    restoring on its own could restore what another had set.)

    >>> with pillow_settings():
    ...     ImageFile.LOAD_TRUNCATED_IMAGES
    False
    """
    global _users
    with _lock:
        if _users == 0:
            _set_switches()
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _restore.close()


def _set_switches() -> None:
    _restore.enter_context(warnings.catch_warnings())
    warnings.filterwarnings("ignore", module=r"(PIL|pillow_heif)\.")
    _hold(ImageFile, "LOAD_TRUNCATED_IMAGES", False)
    _hold(Image, "MAX_IMAGE_PIXELS", MAX_PIXELS)
    _hold(PngImagePlugin, "MAX_TEXT_CHUNK", MAX_TEXT)
    _hold(PngImagePlugin, "MAX_TEXT_MEMORY", MAX_TEXT)
    log = logging.getLogger("PIL")
    _restore.callback(log.setLevel, log.level)
    log.setLevel(logging.CRITICAL + 1)
    _silence_libtiff()


def _hold(module: ModuleType, name: str, value: object) -> None:
    _restore.callback(setattr, module, name, getattr(module, name))
    setattr(module, name, value)


def _silence_libtiff() -> None:
    """No lines from libtiff, whose errors reach us through Pillow anyway.

    The library is found through Pillow's own, which is linked to it; where it is linked in whole (Windows) it
    cannot be reached, and says what it wants to.
    """
    try:
        library = ctypes.CDLL(_imaging.__file__)
        handlers = library.TIFFSetErrorHandler, library.TIFFSetWarningHandler
    except (AttributeError, OSError):
        return
    for handler in handlers:
        handler.argtypes, handler.restype = [ctypes.c_void_p], ctypes.c_void_p
        _restore.callback(handler, handler(None))
