"""What is wrong with the pictures: what to know before a number is trusted, and what stops the training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fieldmark.data.collection import Collection, Found
from fieldmark.data.pixels.resizing import lost_share
from fieldmark.data.sources.folders import table_hint
from fieldmark.data.sources.names import listed, natural_order
from fieldmark.data.splitting import Rows, contradictory, parted, shared
from fieldmark.data.store.housekeeping import list_unreadable
from fieldmark.errors import DataError
from fieldmark.printable import shortened
from fieldmark.vocabulary import Listing

CROPPED_LIMIT = 1 / 3  # share of a picture's pixels
IMBALANCE_LIMIT = 10  # times the smallest class
SHARE_LIMIT = 0.05  # of all pictures, more or fewer in a split than asked for
MOST_FILES = 10  # named one by one


def notes(pictures: Collection, parts: dict[str, Rows], rule: str, name: str = "data") -> tuple[str, ...]:
    """What is missing, cut away, repeated or uneven in these splits, in sentences; most often none.

    Args:
        pictures: all of them.
        parts: the rows of each split.
        rule: the resize rule.
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


def unreadable(pictures: Collection, name: str) -> Iterator[str]:
    """Pictures that cannot be read: how many, the first with their reasons, and the file that lists all."""
    lost = pictures.unreadable
    if lost:
        yield f"left out: pictures that cannot be read: {len(lost)} of {len(lost) + len(pictures.labels)}."
        yield from (f"left out: {shortened(one.file)}: {shortened(one.reason)}" for one in lost[:MOST_FILES])
        if len(lost) > MOST_FILES:
            more = f"{len(lost) - MOST_FILES} more that cannot be read"
            yield f"left out: {more}; all: {list_unreadable(name, lost)}."


def missing(pictures: Collection, parts: dict[str, Rows]) -> Iterator[str]:
    """Classes that validation or test lacks."""
    for split in ("val", "test"):
        if split in parts:
            present = set(pictures.labels[parts[split]].tolist())
            absent = [one for label, one in enumerate(pictures.classes) if label not in present]
            if absent:
                yield f"{split} has no pictures of {listed(absent)}: figures on it say nothing of them."


def cropped(pictures: Collection, rule: str) -> Iterator[str]:
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


def repeated(pictures: Collection, parts: dict[str, Rows]) -> Iterator[str]:
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


def uneven(pictures: Collection, parts: dict[str, Rows]) -> Iterator[str]:
    """The largest class against the smallest, when they are far apart."""
    counts = np.bincount(pictures.labels[parts["train"]], minlength=len(pictures.classes))
    if counts.max() > IMBALANCE_LIMIT * counts.min():
        most, least = (pictures.classes[int(at)] for at in (counts.argmax(), counts.argmin()))
        yield (
            f"class '{most}' has {counts.max()} training pictures, '{least}' {counts.min()}: look at the "
            "balanced accuracy, and try --class-weights balanced."
        )


def few_pictures(pictures: Collection, parts: dict[str, Rows], val: float, test: float) -> Iterator[str]:
    """Note that the splits have other shares than asked for, as they do where pictures are few.

    Args:
        pictures: all of them.
        parts: the rows of each split.
        val: the share that was asked for.
        test: the share that was asked for.
    """
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


def refuse_few_classes(found: Found, name: str) -> None:
    """Raise DataError for fewer than two classes."""
    classes = found.classes if isinstance(found, Listing) else found["train"].classes
    if len(classes) < 2:
        inside = _folders_inside(found) if isinstance(found, Listing) else ()
        hint = f" If the classes are {listed(inside)}, give {name}/{classes[0]}." if len(inside) > 1 else ""
        if isinstance(found, Listing) and (found.root / classes[0]).is_dir():
            hint += f" {table_hint(found.root)}".rstrip()
        raise DataError(f"{name} has one class, '{classes[0]}'. A classifier needs two or more.{hint}")


def _folders_inside(listing: Listing) -> tuple[str, ...]:
    """The subfolders of the one class folder: an archive often unpacks into a folder in a folder."""
    parts = [file.split("/") for file in listing.files]
    return natural_order(part[1] for part in parts if len(part) > 2 and part[0] == listing.classes[0])


def refuse_splits(pictures: Collection, parts: dict[str, Rows], name: str) -> None:
    """Raise DataError if these splits cannot be trained and validated on."""
    if "train" not in parts:
        raise DataError(
            f"{name} has no train pictures, only {listed(parts)}. Add train/, or use it with evaluate."
        )
    if (pictures.given == "").all():
        for label, one in enumerate(pictures.classes):
            different = len(np.unique(pictures.hashes[pictures.labels == label]))
            if different < 2:
                raise DataError(
                    f"class '{one}' of {name} has one picture, which cannot be divided into training and "
                    "validation. Add pictures, or choose other classes with --classes."
                )
    if "val" not in parts:
        way = "Raise --val" if pictures.groups is None else "Raise --val, or take a --group with more groups"
        raise DataError(f"{name}: no pictures are left for validation, which chooses the best epoch. {way}.")
    if pictures.groups is not None:
        present = set(pictures.labels[parts["train"]].tolist())
        lost = [one for label, one in enumerate(pictures.classes) if label not in present]
        if lost:
            raise DataError(
                f"{name}: no training pictures are left of {listed(lost)}, as --group keeps whole groups "
                "together. Lower --val and --test, or divide it yourself in a column named split."
            )
