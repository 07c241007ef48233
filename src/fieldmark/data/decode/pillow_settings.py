"""Pillow's process-wide switches, held in one position while pictures are decoded.

Warnings about odd metadata would reach the user's screen once per picture, through Python or past it: libtiff
writes to the error stream by itself. LOAD_TRUNCATED_IMAGES, which many notebooks set, would hand us half-grey
pictures as whole ones. MAX_IMAGE_PIXELS, and the 1 MB that Pillow allows a text or a colour profile in a PNG,
would refuse what we allow.
"""

from __future__ import annotations

import ctypes
import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType

from PIL import Image, ImageFile, PngImagePlugin, _imaging

MAX_PIXELS = 100_000_000
MAX_TEXT = 2**26
"""Bytes of text, and of one colour profile, in a PNG, unpacked. People keep whole workflows there."""

_lock = threading.Lock()
_users = 0
_restore = ExitStack()


@contextmanager
def pillow_settings() -> Iterator[None]:
    """No warnings from Pillow, no truncated pictures, our own pixel limit; as before once everybody has left.

    Threads share it: the first to enter sets the switches, the last to leave puts them back. (Each saving and
    restoring on its own could restore what another had set.)

    >>> with pillow_settings():
    ...     ImageFile.LOAD_TRUNCATED_IMAGES
    False
    """
    global _users
    with _lock:
        if _users == 0:
            _set()
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _restore.close()


def _set() -> None:
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
