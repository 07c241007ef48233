"""Pictures that a program has in memory, brought to the pixels that decoding a file gives."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from fieldmark.data.decode.decoder import opened, pillow_settings
from fieldmark.data.decode.modes import to_array
from fieldmark.vocabulary import Pixels, Undecodable

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | Image.Image | np.ndarray | Tensor
"""What `Classifier.predict` takes a list of."""
KINDS = (str, os.PathLike, bytes, bytearray, memoryview, Image.Image, np.ndarray, Tensor)

WANTED = (
    "wanted: a path, the bytes of a file, a PIL picture, an array uint8 (H, W) or (H, W, C), or a tensor "
    "uint8 (H, W) or (C, H, W), C 1, 3 or 4"
)
_LOADING = Lock()
"""Pillow loads a picture on first use, and the same one may be given twice."""


def name_of(position: int, source: object) -> str:
    """What a row calls its picture: the path as it was given, or the kind and the position in the list.

    >>> name_of(0, Path("birds/1.jpg")), name_of(3, np.zeros((8, 8), np.uint8))
    ('birds/1.jpg', 'array[3]')
    """
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    kinds = {np.ndarray: "array", Tensor: "tensor", Image.Image: "picture"}
    kind = next((word for kind, word in kinds.items() if isinstance(source, kind)), type(source).__name__)
    return f"{kind}[{position}]"


@contextmanager
def pixels_of(source: object) -> Iterator[Pixels]:
    """The pixels of anything that is a picture, uint8 (H, W, C), C 1 or 3, by the rules of `decode`.

    They are there as long as the `with` lasts, and those of a file are converted as they are asked for.
    Transparency is composed on white, and a PIL picture is turned as its EXIF says.

    Raises:
        Undecodable: it cannot be read, or is no picture at all.

    >>> with pixels_of(np.full((2, 2), 7, np.uint8)) as pixels:
    ...     pixels.shape
    (2, 2, 1)
    """
    if isinstance(source, str | os.PathLike | bytes | bytearray | memoryview):
        with opened(Path(source) if isinstance(source, str | os.PathLike) else io.BytesIO(source)) as pixels:
            yield pixels
    else:
        yield _in_memory(source)


def _in_memory(source: object) -> NDArray[np.uint8]:
    if isinstance(source, Image.Image):
        return _from_pillow(source)
    if isinstance(source, Tensor):
        return _from_array(source.detach().cpu(), channels_first=True)
    if isinstance(source, np.ndarray):
        return _from_array(source, channels_first=False)
    raise Undecodable(f"{type(source).__name__} is no picture; {WANTED}", "unsupported")


def _from_pillow(picture: Image.Image) -> NDArray[np.uint8]:
    try:
        with _LOADING, pillow_settings():
            return to_array(ImageOps.exif_transpose(picture))
    except (Undecodable, MemoryError):
        raise
    except Exception as error:  # a file that Pillow opened and cannot read raises anything
        raise Undecodable(f"broken picture: {str(error) or type(error).__name__}", "unreadable") from error


def _from_array(given: NDArray[np.generic] | Tensor, channels_first: bool) -> NDArray[np.uint8]:
    kind = "tensor" if channels_first else "array"
    shape, dtype = tuple(given.shape), str(given.dtype).removeprefix("torch.")
    channels = 1 if len(shape) == 2 else shape[0 if channels_first else -1] if len(shape) == 3 else 0
    if dtype != "uint8" or channels not in (1, 3, 4) or 0 in shape:
        raise Undecodable(f"{kind} {dtype} {shape}; {WANTED}", "unsupported")
    if isinstance(given, Tensor):
        given = (given if len(shape) == 2 else given.permute(1, 2, 0)).numpy()
    pixels = np.ascontiguousarray(given, np.uint8)
    if channels == 4:
        return to_array(Image.fromarray(pixels))
    return pixels.reshape(*pixels.shape[:2], channels)
