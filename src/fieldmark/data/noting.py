"""What the user should know about the data before trusting a number: pure functions that give sentences."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fieldmark.data.gathering import Gathered
from fieldmark.data.resizing import lost_share
from fieldmark.data.sources.naming import listed
from fieldmark.data.splitting import Rows, contradictory, parted, shared
from fieldmark.data.store_files import list_unreadable
from fieldmark.printable import shortened

CROPPED_LIMIT = 1 / 3  # share of a picture's pixels
IMBALANCE_LIMIT = 10  # times the smallest class
SHARE_LIMIT = 0.05  # of all pictures, more or fewer in a split than asked for
MOST_FILES = 10  # named one by one


def notes(pictures: Gathered, parts: dict[str, Rows], rule: str, name: str = "data") -> tuple[str, ...]:
    """Sentences about what is missing, cut away, repeated or uneven in these splits; most often none.

    name: of the data, for the file in which many unreadable pictures are listed.
    """
    return (
        *pictures.notes,
        *unreadable(pictures, name),
        *missing(pictures, parts),
        *cropped(pictures, rule),
        *repeated(pictures, parts),
        *uneven(pictures, parts),
    )


def unreadable(pictures: Gathered, name: str) -> Iterator[str]:
    """Pictures that cannot be read: how many, the first with their reasons, and the file that lists all."""
    lost = pictures.unreadable
    if lost:
        yield f"left out: pictures that cannot be read: {len(lost)} of {len(lost) + len(pictures.labels)}."
        yield from (f"left out: {shortened(one.file)}: {shortened(one.reason)}" for one in lost[:MOST_FILES])
        if len(lost) > MOST_FILES:
            more = f"{len(lost) - MOST_FILES} more that cannot be read"
            yield f"left out: {more}; all: {list_unreadable(name, lost)}."


def missing(pictures: Gathered, parts: dict[str, Rows]) -> Iterator[str]:
    """Classes that validation or test lacks."""
    for split in ("val", "test"):
        if split in parts:
            present = set(pictures.labels[parts[split]].tolist())
            absent = [one for label, one in enumerate(pictures.classes) if label not in present]
            if absent:
                yield f"{split} has no pictures of {listed(absent)}: figures on it say nothing of them."


def cropped(pictures: Gathered, rule: str) -> Iterator[str]:
    """Pictures of which the crop keeps less than two thirds."""
    codes, counts = np.unique(pictures.sizes @ np.array([2**32, 1]), return_counts=True)
    sizes = [divmod(code, 2**32) for code in codes.tolist()]
    lost = [lost_share(size, pictures.image_size, rule) for size in sizes]
    many = int(counts[np.array(lost) > CROPPED_LIMIT].sum())
    if many:
        height, width = sizes[lost.index(max(lost))]
        yield (
            f"pictures that lose more than a third of their pixels to --resize {rule}: {many}; the most, "
            f"{max(lost):.0%}, those of {height}x{width}. Try --resize pad or stretch."
        )


def repeated(pictures: Gathered, parts: dict[str, Rows]) -> Iterator[str]:
    """Pictures and groups that lie in two splits, and pictures that carry two labels."""
    twice = shared(pictures.hashes, parts)
    if twice:
        yield f"pictures in more than one of {listed(parts)}: {twice}. Figures look better than they are."
    torn = 0 if pictures.groups is None else parted(pictures.groups, parts)
    if torn:
        yield f"groups in more than one of {listed(parts)}: {torn}. Figures look better than they are."
    conflicting = contradictory(pictures.hashes, pictures.labels)
    if conflicting:
        yield f"pictures in more than one class, pixel by pixel the same: {conflicting}."


def uneven(pictures: Gathered, parts: dict[str, Rows]) -> Iterator[str]:
    """The largest class against the smallest, when they are far apart."""
    counts = np.bincount(pictures.labels[parts["train"]], minlength=len(pictures.classes))
    if counts.max() > IMBALANCE_LIMIT * counts.min():
        most, least = (pictures.classes[int(at)] for at in (counts.argmax(), counts.argmin()))
        yield (
            f"class '{most}' has {counts.max()} training pictures, '{least}' {counts.min()}: look at the "
            "balanced accuracy, and try --class-weights balanced."
        )


def few_pictures(pictures: Gathered, parts: dict[str, Rows], val: float, test: float) -> Iterator[str]:
    """That the splits have other shares than asked for, as they do where pictures are few."""
    if (pictures.given != "").any():
        return
    wanted = {"train": 1 - val - test, "val": val, "test": test}
    shares = {split: len(parts.get(split, ())) / len(pictures.labels) for split in wanted}
    if max(abs(shares[split] - wanted[split]) for split in wanted) > SHARE_LIMIT:
        got, asked = ("/".join(f"{100 * some[split]:.0f}" for split in wanted) for some in (shares, wanted))
        why = "few pictures" if pictures.groups is None else "few pictures or large groups"
        yield f"{why}: train, validation and test have {got} % of them instead of {asked}."


def changed_channels(grey: bool, channels: int) -> Iterator[str]:
    """Pictures whose colours are taken away; that grey ones are repeated to RGB loses nothing.

    >>> list(changed_channels(grey=False, channels=1))
    ['colour pictures are turned grey, as one channel was asked for.']
    """
    if channels == 1 and not grey:
        yield "colour pictures are turned grey, as one channel was asked for."
