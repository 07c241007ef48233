"""The way from DATA to a Dataset: find, decode, divide, and bring to one size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from fieldmark.data.assembling import fingerprint, image_set, with_margin
from fieldmark.data.download import Progress
from fieldmark.data.finding import find
from fieldmark.data.gathering import Found, Gathered, gather, part_of, restrict
from fieldmark.data.noting import changed_channels, few_pictures, notes
from fieldmark.data.resizing import RULES
from fieldmark.data.sources.folder import table_hint
from fieldmark.data.sources.naming import composed, listed, natural_order
from fieldmark.data.splitting import Rows, divide, stratified
from fieldmark.data.store import is_stored
from fieldmark.errors import DataError, UserError
from fieldmark.families import unknown
from fieldmark.vocabulary import SPLITS, Dataset, ImageSet, Listing, Preprocessing, Unreadable
from fieldmark.world import torch_as_it_comes


@torch_as_it_comes()
def load(
    data: str | Path,
    *,
    classes: Sequence[str] | None = None,
    label: str | None = None,
    file_column: str | None = None,
    split_column: str | None = None,
    group: str | None = None,
    allow_unreadable: bool = False,
    limit: int | None = None,
    image_size: int | tuple[int, int] | None = None,
    default_size: int = 32,
    resize: str = "crop",
    val: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
    margin: float = 1.0,
    channels: int | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """The pictures of `data`, decoded, divided into train, val and test, all of one size.

    data: a set's name (fieldmark list data), a folder or a table; see `find` for which is meant. classes:
    only these, in this order. label: the column of a table, or the attribute of celeba. file_column,
    split_column: a table's columns with the files and the splits, where their names do not say so. group: a
    table's column of what is not parted, such as a patient or a video: its pictures go into one split.
    allow_unreadable: leave out however many pictures cannot be read, instead of at most a tenth. limit: at
    most this many training pictures, stratified, drawn with `seed`. image_size: one side or (height, width)
    in pixels; None keeps the pictures' own size if all agree and it is at most 64, else takes `default_size`.
    resize: crop, pad or stretch. val, test: shares, where the data does not say. margin: training pictures up
    to this many times larger than `image_size`, for zooming augmentation. channels: 1 grey, 3 RGB; None takes
    1 only if every training picture is grey.

    Every split is ordered by the hash of the pixels, so the same pictures give the same Dataset whatever they
    are stored in.

    Raises DataError and UserError: no such data, an unknown class or label, fewer than two classes, a class
    too small to divide, too many unreadable pictures, several labels per picture.

    >>> digits = load("sample", classes=["3", "5"], limit=100)
    >>> len(digits.train), len(digits.val), len(digits.test), digits.image_size
    (100, 120, 200, (28, 28))
    """
    _check(val, test, resize, margin, channels)
    name, found = find(data, label, progress, file_column=file_column, split_column=split_column, group=group)
    found = restrict(found, _composed(classes), name)
    _refuse_few_classes(found, name)
    pictures = gather(
        found,
        name,
        image_size=_pair(image_size),
        default_size=default_size,
        rule=resize,
        allow_unreadable=allow_unreadable,
        progress=progress,
    )
    parts = divide(
        pictures.hashes, pictures.labels, pictures.given, val=val, test=test, groups=pictures.groups
    )
    _refuse_parts(pictures, parts, name)
    shares = tuple(few_pictures(pictures, parts, val, test))
    parts["train"] = _limited(pictures, parts["train"], limit, seed)
    grey = bool(pictures.grey[parts["train"]].all())
    if channels is None:
        channels = 1 if grey else 3
    sets = {split: image_set(pictures, parts[split], resize, channels) for split in parts}
    if margin > 1:
        sets["train"] = with_margin(found, pictures, parts["train"], resize, channels, margin, progress)
    return Dataset(
        train=sets["train"],
        val=sets["val"],
        test=sets.get("test"),
        name=name,
        image_size=pictures.image_size,
        resize=resize,
        fingerprint=fingerprint(pictures, parts),
        notes=(*notes(pictures, parts, resize, name), *shares, *changed_channels(grey, channels)),
        unreadable=pictures.unreadable,
    )


@torch_as_it_comes()
def load_split(
    data: str | Path,
    split: str | None,
    *,
    classes: Sequence[str],
    preprocessing: Preprocessing,
    select: Sequence[str] | None = None,
    label: str | None = None,
    file_column: str | None = None,
    split_column: str | None = None,
    group: str | None = None,
    allow_unreadable: bool = False,
    limit: int | None = None,
    val: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
    trained_on: str | None = None,
    progress: Progress | None = None,
) -> tuple[ImageSet, tuple[Unreadable, ...], tuple[str, ...]]:
    """One split of `data` as a classifier wants it, with the unreadable pictures and the notes.

    split: train, val or test, divided as `load` does with the same settings; "all" or None: every picture.
    Where the data says itself which pictures these are, no others are decoded.
    classes, preprocessing: the classifier's own; labels are positions in its classes. select: only these
    classes of the data (the `classes` that `load` had); without it, a class of the split that the classifier
    does not know is an error. A class that the split lacks is a note. trained_on: the fingerprint of the
    Dataset that the classifier was trained on; that the pictures have changed since is a note, where all of
    them have been decoded.

    Raises UserError and DataError as `load` does, and for a split that the data does not have.

    >>> half = Preprocessing((14, 14), 1, (0.13,), (0.31,))
    >>> images, unreadable, notes = load_split("sample", "test", classes="0123456789", preprocessing=half)
    >>> images.images.shape, unreadable, notes
    (torch.Size([1000, 1, 14, 14]), (), ())
    """
    _check(val, test, preprocessing.resize)
    if split not in (None, "all", *SPLITS):
        raise UserError(unknown(split, ("all", *SPLITS), "split"))
    name, found = find(data, label, progress, file_column=file_column, split_column=split_column, group=group)
    found = restrict(found, _composed(select), name)
    size, rule = preprocessing.image_size, preprocessing.resize
    if isinstance(found, Listing) and not is_stored(found.root, found.files, size, rule):
        whole, found = len(found), _needed(found, split)
        trained_on = trained_on if len(found) == whole else None
    pictures = gather(
        found,
        name,
        image_size=size,
        default_size=size[0],
        rule=rule,
        allow_unreadable=allow_unreadable,
        progress=progress,
    )
    parts = divide(
        pictures.hashes, pictures.labels, pictures.given, val=val, test=test, groups=pictures.groups
    )
    everything = np.sort(np.concatenate(list(parts.values())))
    if "train" in parts:
        parts["train"] = _limited(pictures, parts["train"], limit, seed)
    if split in (None, "all"):
        rows = everything
    elif split not in parts:
        raise DataError(
            f"{name} has no {split} pictures; it has {listed(parts)}. Try --split {next(iter(parts))}."
        )
    else:
        rows = parts[split]
    known = _positions(pictures, rows, classes, name)
    chosen = image_set(pictures, rows, rule, preprocessing.channels)
    labels = torch.from_numpy(known[pictures.labels[rows]])
    absent = [one for position, one in enumerate(classes) if not (labels == position).any()]
    note = (f"no pictures of {listed(absent)} in this split: figures say nothing of them.",) if absent else ()
    images = ImageSet(chosen.images, labels, tuple(classes), chosen.files, chosen.root)
    return images, pictures.unreadable, (*pictures.notes, *_changed(pictures, parts, trained_on), *note)


def _needed(listing: Listing, split: str | None) -> Listing:
    """The part of a listing that has to be decoded for one split: all, where the source does not say more."""
    given = set(listing.splits)
    # Validation is cut from train where the source has none.
    wanted = {"train": {"train", "val"}, "val": {"val"} if "val" in given else {"train"}, "test": {"test"}}
    rows = [row for row, one in enumerate(listing.splits) if one in wanted.get(str(split), given)]
    return part_of(listing, rows) if rows else listing


def _composed(classes: Sequence[str] | None) -> tuple[str, ...] | None:
    """Class names as typed, in the spelling that sources give them."""
    return None if classes is None else tuple(map(composed, classes))


def _changed(pictures: Gathered, parts: dict[str, Rows], trained_on: str | None) -> Iterator[str]:
    """What to know when these are no longer the pictures that were trained on."""
    if trained_on is not None and trained_on != fingerprint(pictures, parts):
        anew = "; divided anew, some that are measured here may have been trained on"
        yield (
            "the pictures are not those of the training any more: files were added, removed or changed"
            f"{anew if (pictures.given == '').all() else ''}."
        )


def _limited(pictures: Gathered, rows: Rows, limit: int | None, seed: int) -> Rows:
    """At most `limit` of `rows`, which are in the order of hashes: the choice depends on the pixels only."""
    if limit is None:
        return rows
    labels = pictures.labels[rows]
    present = len(np.unique(labels))
    if limit < present:
        raise UserError(f"--limit {limit} is fewer than one picture for each of the {present} classes.")
    return rows[stratified(labels, limit, torch.Generator().manual_seed(seed))]


def _positions(pictures: Gathered, rows: Rows, classes: Sequence[str], name: str) -> Rows:
    """Where each class of the data stands in `classes`; -1 for one that has no pictures in `rows`."""
    present = set(pictures.labels[rows].tolist())
    strangers = [one for label, one in enumerate(pictures.classes) if label in present and one not in classes]
    if strangers:
        raise DataError(
            f"{name} has pictures of {listed(strangers)}, which the classifier does not know. It knows: "
            f"{listed(classes, 10)}. Rename the class, or choose with --classes."
        )
    return np.array([classes.index(one) if one in classes else -1 for one in pictures.classes], np.int64)


def _pair(image_size: int | tuple[int, int] | None) -> tuple[int, int] | None:
    size = (image_size, image_size) if isinstance(image_size, int) else image_size
    if size is not None and min(size) < 1:
        raise UserError(f"image_size {size} must be above 0.")
    return size


def _check(val: float, test: float, resize: str, margin: float = 1.0, channels: int | None = None) -> None:
    if not (0 <= val < 1 and 0 <= test < 1 and val + test < 1):
        raise UserError(
            f"val={val} and test={test}: shares from 0 up that leave something to train on are wanted."
        )
    if resize not in RULES:
        raise UserError(unknown(resize, RULES, "resize rule"))
    if channels not in (None, 1, 3):
        raise UserError(f"channels={channels} are neither grey (1) nor RGB (3).")
    assert margin >= 1, margin


def _refuse_few_classes(found: Found, name: str) -> None:
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


def _refuse_parts(pictures: Gathered, parts: dict[str, Rows], name: str) -> None:
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
