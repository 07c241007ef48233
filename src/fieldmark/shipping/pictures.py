"""Pictures read for a classifier: decoded in threads, in the order given, a problem staying with its file."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from fieldmark.data.decode.pool import cores
from fieldmark.data.pixels.resizing import prepare
from fieldmark.shipping.inputs import Source, name_of, pixels_of
from fieldmark.vocabulary import Preprocessing, Undecodable


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

    sources: see `inputs.Source`; anything else gets a status and a reason, as a bad file does.
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
    name = name_of(position, source)
    try:
        with pixels_of(source) as pixels:
            return Picture(name, prepare(pixels, preprocessing))
    except Undecodable as error:
        return Picture(name, None, error.status, error.reason)
