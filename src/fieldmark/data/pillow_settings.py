"""Pillow's process-wide switches, held in one position while pictures are decoded.

Warnings about odd metadata would reach the user's screen once per picture; LOAD_TRUNCATED_IMAGES, which many
notebooks set, would hand us half-grey pictures as whole ones; MAX_IMAGE_PIXELS would refuse what we allow.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from PIL import Image, ImageFile

MAX_PIXELS = 100_000_000

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
    _restore.callback(setattr, ImageFile, "LOAD_TRUNCATED_IMAGES", ImageFile.LOAD_TRUNCATED_IMAGES)
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    _restore.callback(setattr, Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
