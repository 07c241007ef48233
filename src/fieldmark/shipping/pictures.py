"""Pictures read for a classifier: decoded in threads, in the order given, a problem staying with its file."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fieldmark.data.decoding import Undecodable, opened
from fieldmark.data.decoding_pool import cores
from fieldmark.data.resizing import prepare
from fieldmark.errors import UserError
from fieldmark.vocabulary import Preprocessing

Source = str | Path | np.ndarray


@dataclass(frozen=True)
class Picture:
    """A file and what became of it: an image uint8 (h, w, channels), or a status and a reason."""

    file: str
    image: np.ndarray | None = None
    status: str = "ok"
    reason: str | None = None


def read_pictures(
    sources: Sequence[Source], preprocessing: Preprocessing, group: int
) -> Iterator[list[Picture]]:
    """The pictures in groups of `group`, prepared for the network; the next group is read meanwhile.

    sources: paths, or decoded pictures uint8 (H, W, C), C 1 or 3. Raises UserError for an array of another
    type or shape, since that is the caller's slip and no bad file.
    """
    numbered = list(enumerate(sources))
    groups = [numbered[start : start + group] for start in range(0, len(numbered), group)]
    with ThreadPoolExecutor(cores(), thread_name_prefix="decoding") as threads:
        ahead: list[Future[Picture]] = []
        for following in itertools.chain(groups, [[]]):
            current = ahead
            ahead = [threads.submit(_read, i, source, preprocessing) for i, source in following]
            if current:
                yield [picture.result() for picture in current]


def _read(position: int, source: Source, preprocessing: Preprocessing) -> Picture:
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 or source.ndim != 3 or source.shape[2] not in (1, 3) or not source.size:
            raise UserError(
                f"picture {position} is an array {source.dtype} {source.shape}; it takes uint8 (H, W, C), "
                "C 1 or 3."
            )
        return Picture(f"array[{position}]", prepare(source, preprocessing))
    try:
        with opened(source) as pixels:
            return Picture(str(source), prepare(pixels, preprocessing))
    except Undecodable as error:
        return Picture(str(source), None, error.status, error.reason)
