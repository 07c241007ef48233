"""From a file to its pixels: the one path that training, evaluation and prediction share.

- Formats: JPEG, PNG, WebP, BMP, GIF, TIFF, AVIF, and HEIC with the extra `heif`; told by the first bytes, not
  by the name.
- The whole picture at its full resolution; of animations and multi-page files the first frame.
- EXIF orientation is applied, all eight, wherever the format keeps it; EXIF that cannot be parsed is ignored.
- Kinds of pixels become grey or RGB by the rules of `modes`.
- At most 100 megapixels, by the header, before any decoding.
- A file that ends too early or is damaged is refused; nobody gets half a picture.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, features
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile
from torch import Tensor

from fieldmark.data.modes import is_grey, to_array
from fieldmark.data.pillow_settings import MAX_PIXELS, pillow_settings
from fieldmark.data.sniffing import LONGEST, is_text, sniff
from fieldmark.data.undecodable import Undecodable
from fieldmark.errors import DataError

__all__ = ["EXTENSIONS", "Header", "Undecodable", "decode", "header", "read_image"]

EXTENSIONS = frozenset(
    f".{name}"
    for name in (
        *("jpg", "jpeg", "jpe", "jfif", "png", "apng", "webp", "bmp", "dib", "gif", "tif", "tiff", "avif"),
        *("heic", "heif", "hif"),  # so that they are reported, not overlooked, where the extra is missing
    )
)
"""What folders are searched for; suffixes in lower case."""

READERS: dict[str, type[ImageFile.ImageFile]] = {
    "AVIF": AvifImageFile,
    "BMP": BmpImageFile,
    "GIF": GifImageFile,
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "TIFF": TiffImageFile,
    "WEBP": WebPImageFile,
}
"""Pillow's own readers and no others, whatever plugins have been registered with it."""

FLIPS = {1: (1, 1), 2: (1, -1), 3: (-1, -1), 4: (-1, 1)}
"""EXIF orientation to the steps along (rows, columns); 5 to 8 are the same on the transposed picture."""


@dataclass(frozen=True)
class Header:
    """What a file says of its picture before any decoding: pixels as `decode` would give them."""

    height: int
    width: int
    grey: bool


def decode(path: str | Path | BinaryIO) -> NDArray[np.uint8]:
    """The pixels of a picture file, uint8 (H, W, C): C is 1 for grey pictures, else 3; writable.

    path: where it lies, or the file itself, open for reading. Raises Undecodable with the reason, and the
    status "missing", "unreadable", "unsupported" or "too_large". Threads may decode at once.

    >>> decode("no/such.jpg")
    Traceback (most recent call last):
    fieldmark.data.undecodable.Undecodable: no such file
    """
    with _opened(path) as (picture, _):
        picture.load()
        return _turned(to_array(picture), _orientation(picture))


def header(path: str | Path) -> Header:
    """Height, width and whether it is grey, as `decode` would give them, from the header alone.

    Raises Undecodable as `decode` does; a file whose header is whole and whose pixels are broken passes.
    """
    with _opened(path) as (picture, file):
        grey, already_turned = is_grey(picture), False
        if isinstance(picture, TiffImageFile):
            already_turned = ExifTags.Base.Orientation in picture.tag_v2
        if isinstance(picture, PngImageFile):
            _keep_from_loading(picture, file)
        width, height = picture.size
        if _orientation(picture) >= 5 and not already_turned:
            width, height = height, width
        return Header(height, width, grey)


def read_image(path: str | Path) -> Tensor:
    """A picture file as uint8 (C, H, W): C is 1 for grey pictures, else 3.

    Any format and kind of pixels that fieldmark reads, EXIF orientation applied. Raises UserError, naming the
    file and what is wrong with it.

    >>> read_image("no/such.jpg")
    Traceback (most recent call last):
    fieldmark.errors.DataError: cannot read the picture no/such.jpg: no such file.
    """
    try:
        return torch.from_numpy(decode(path)).permute(2, 0, 1).contiguous()
    except Undecodable as error:
        raise DataError(f"cannot read the picture {path}: {error.reason}.") from error


@contextmanager
def _opened(path: str | Path | BinaryIO) -> Iterator[tuple[ImageFile.ImageFile, BinaryIO]]:
    """A picture whose header is read and whose size is allowed, and its file."""
    with pillow_settings(), _file(path) as file:
        try:
            start = file.read(LONGEST)
        except OSError as error:  # a bad block, or a disk that is gone
            raise Undecodable(f"cannot be read: {error.strerror}", "unreadable") from error
        kind = sniff(start)
        reader = _reader(kind, start)
        file.seek(0)
        try:
            picture = reader(file)
            _check_size(picture.width, picture.height)
            yield picture, file
        except (Undecodable, MemoryError):
            raise
        except Image.DecompressionBombError as error:
            raise Undecodable(f"more than {MAX_PIXELS // 10**6} megapixels", "too_large") from error
        except Exception as error:  # what a decoder raises on a damaged file can be anything
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


def _reader(kind: str | None, start: bytes) -> type[ImageFile.ImageFile]:
    if not start:
        raise Undecodable("the file is empty", "unreadable")
    if kind is None:
        what = "text, not a picture" if is_text(start) else "not a picture: it begins like no known format"
        raise Undecodable(what, "unreadable")
    if kind == "HEIF":
        return _heif_reader()
    if kind not in READERS:
        raise Undecodable(f"{kind}; fieldmark reads {', '.join(sorted(READERS))} and HEIC", "unsupported")
    if kind in ("AVIF", "WEBP") and not features.check(kind.lower()):
        raise Undecodable(
            f"this Pillow was built without {kind}; pip install --upgrade pillow", "unsupported"
        )
    return READERS[kind]


def _heif_reader() -> type[ImageFile.ImageFile]:
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise Undecodable('HEIC; to read it: pip install "fieldmark[heif]"', "unsupported") from error
    reader: type[ImageFile.ImageFile] = HeifImageFile
    return reader


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise Undecodable(
            f"{width} x {height} pixels, more than {MAX_PIXELS // 10**6} megapixels", "too_large"
        )


def _orientation(picture: ImageFile.ImageFile) -> int:
    try:
        value = picture.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged EXIF, which raises anything, says nothing about the pixels
        return 1
    return value if value in range(1, 9) else 1


def _turned(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    if orientation > 4:
        pixels = pixels.swapaxes(0, 1)
    down, across = FLIPS[(orientation - 1) % 4 + 1]
    return np.ascontiguousarray(pixels[::down, ::across])


def _keep_from_loading(picture: PngImageFile, file: BinaryIO) -> None:
    """Let Pillow look for EXIF after the pixels, which takes decoding them, only if something is there."""
    if "exif" not in picture.info and not _has_late_metadata(file):
        picture.info["exif"] = None


def _has_late_metadata(file: BinaryIO) -> bool:
    position, pixels_passed = 8, False
    while True:
        file.seek(position)
        length, kind = file.read(4), file.read(4)
        if len(kind) < 4 or kind == b"IEND":
            return False
        if pixels_passed and kind in (b"eXIf", b"iTXt", b"tEXt", b"zTXt"):
            return True
        pixels_passed = pixels_passed or kind == b"IDAT"
        position += 12 + int.from_bytes(length, "big")
