"""Decoding many pictures on all cores.

Threads, not processes: decoding, hashing and the matrix products leave Python's lock, a thread starts at
once, and a script without `if __name__ == "__main__"` works, however the platform starts processes.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.decode.decoder import opened, pillow_settings
from fieldmark.data.decode.modes import strips, whole
from fieldmark.data.pixels.resizing import resize
from fieldmark.vocabulary import Undecodable

TOGETHER = 16
"""Pictures per task: enough to make the task's own cost small, few enough for progress that moves."""

Size = tuple[int, int]


@dataclass(frozen=True)
class Decoded:
    """One picture, resized, uint8 (h, w, C), and what is known of the original."""

    pixels: NDArray[np.uint8]
    hash: bytes
    size: Size


def decode_all(
    root: Path, files: Sequence[str], size: Size, rule: str, workers: int | None = None
) -> Generator[list[Decoded | Undecodable]]:
    """Decode many pictures on all cores, in their order, a few at a time.

    Args:
        root: the folder that names start from.
        files: paths below it, or absolute.
        size: (height, width) that each is resized to.
        rule: "crop", "pad" or "stretch".
        workers: threads; None takes one per core that this process may use.

    Yields:
        A few pictures; what went wrong with one stands in its place.
    """
    tasks = [files[first : first + TOGETHER] for first in range(0, len(files), TOGETHER)]
    workers = min(workers or cores(), max(1, len(tasks)))
    pool = ThreadPoolExecutor(workers, thread_name_prefix="decoding")
    running: deque[Future[list[Decoded | Undecodable]]] = deque()
    try:
        with pillow_settings():
            for task in tasks:
                running.append(pool.submit(_decode_some, root, task, size, rule))
                if len(running) > 4 * workers:  # what is decoded and not yet taken waits in memory
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _decode_some(root: Path, files: Sequence[str], size: Size, rule: str) -> list[Decoded | Undecodable]:
    return [decode_one(root, file, size, rule) for file in files]


def decode_one(root: Path, file: str, size: Size | None, rule: str) -> Decoded | Undecodable:
    """Decode one picture; what went wrong is returned, not raised.

    Args:
        root: the folder that its name starts from.
        file: the path below it, or absolute.
        size: (height, width); None keeps its own.
        rule: "crop", "pad" or "stretch".
    """
    try:
        with opened(os.path.join(root, file)) as image:  # noqa: PTH118 - a Path costs more than a small picture
            pixels = whole(image) if size is None else resize(image, size, rule)
            digest = hashlib.sha256()
            for rows in strips(image):
                digest.update(rows.data)
            return Decoded(pixels, digest.digest(), (image.shape[0], image.shape[1]))
    except Undecodable as error:
        return Undecodable(
            error.reason, error.status
        )  # the one caught holds on to the picture by its traceback


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
