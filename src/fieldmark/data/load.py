"""The way from DATA to a Dataset: find, decode, divide, and bring to one size."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from fieldmark.data.caveats import changed_channels, few_pictures, notes, refuse_few_classes, refuse_splits
from fieldmark.data.collection import (
    Collection,
    collect,
    fingerprint,
    image_set,
    part_of,
    restrict,
    with_margin,
)
from fieldmark.data.pixels.resizing import check_rule
from fieldmark.data.sources import SOURCES, folders, no_label, table
from fieldmark.data.sources.names import TABLE_EXTENSIONS, composed, listed
from fieldmark.data.splitting import Rows, stratified
from fieldmark.data.store.store import is_stored
from fieldmark.errors import DataError, UserError
from fieldmark.families import resolve, unknown
from fieldmark.vocabulary import SPLITS, Dataset, ImageSet, Listing, Preprocessing, Progress, Unreadable
from fieldmark.world import torch_as_it_comes

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


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
    """Load the pictures of `data`, divided into train, val and test, all of one size.

    Every split is ordered by the hash of the pixels, so the same pictures give the same Dataset whatever they
    are stored in.

    Args:
        data: the name of a set (fieldmark list data), a folder or a table; see `find` for which is meant.
        classes: only these classes, in this order; None takes all.
        label: the column of a table with the classes, or the attribute of celeba.
        file_column: a table's column with the files, where its name does not say so.
        split_column: a table's column with the splits, where its name does not say so.
        group: a table's column of what is not parted, such as a patient or a video: its pictures go into one
            split.
        allow_unreadable: leave out however many pictures cannot be read, instead of at most a tenth.
        limit: at most this many training pictures, stratified, drawn with `seed`.
        image_size: one side or (height, width) in pixels; None keeps the pictures' own size if all agree and
            it is at most 64, else takes `default_size`.
        default_size: one side in pixels.
        resize: "crop", "pad" or "stretch".
        val: the share for validation, 0 to 1, where the data does not say.
        test: the share for the test, 0 to 1, where the data does not say.
        seed: draws what `limit` keeps.
        margin: training pictures up to this many times larger than `image_size`, for zooming augmentation.
        channels: 1 for grey, 3 for RGB; None takes 1 only if every training picture is grey.
        progress: called with (what, done, total).

    Raises:
        DataError: no such data, fewer than two classes, a class too small to divide, too many unreadable
            pictures, several labels per picture.
        UserError: an unknown class or label, or a setting out of range.

    >>> digits = load("sample", classes=["3", "5"], limit=100)
    >>> len(digits.train), len(digits.val), len(digits.test), digits.image_size
    (100, 120, 200, (28, 28))
    """
    _check(val, test, resize, margin, channels)
    name, found = find(data, label, progress, file_column=file_column, split_column=split_column, group=group)
    found = restrict(found, _composed(classes), name)
    refuse_few_classes(found, name)
    pictures = collect(
        found,
        name,
        image_size=_pair(image_size),
        default_size=default_size,
        rule=resize,
        allow_unreadable=allow_unreadable,
        progress=progress,
    )
    parts = pictures.divide(val, test)
    refuse_splits(pictures, parts, name)
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
    """Load one split of `data` as a classifier wants it.

    Where the data says itself which pictures these are, no others are decoded.

    Args:
        data: as for `load`.
        split: "train", "val" or "test", divided as `load` does with the same settings; "all" or None takes
            every picture.
        classes: the classifier's classes; labels are positions in them.
        preprocessing: the classifier's own.
        select: only these classes of the data (the `classes` that `load` had). Without it, a class of the
            split that the classifier does not know is an error. A class that the split lacks is a note.
        label: as for `load`.
        file_column: as for `load`.
        split_column: as for `load`.
        group: as for `load`.
        allow_unreadable: as for `load`.
        limit: as for `load`.
        val: as for `load`.
        test: as for `load`.
        seed: as for `load`.
        trained_on: the fingerprint of the Dataset that the classifier was trained on; that the pictures have
            changed since is a note, where all of them have been decoded.
        progress: as for `load`.

    Returns:
        The pictures, those that cannot be read, and the notes.

    Raises:
        DataError: as for `load`, and for a split that the data does not have.
        UserError: as for `load`, and for a word that is no split.

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
    pictures = collect(
        found,
        name,
        image_size=size,
        default_size=size[0],
        rule=rule,
        allow_unreadable=allow_unreadable,
        progress=progress,
    )
    parts = pictures.divide(val, test)
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


def _changed(pictures: Collection, parts: dict[str, Rows], trained_on: str | None) -> Iterator[str]:
    """What to know when these are no longer the pictures that were trained on."""
    if trained_on is not None and trained_on != fingerprint(pictures, parts):
        anew = "; divided anew, some that are measured here may have been trained on"
        yield (
            "the pictures are not those of the training any more: files were added, removed or changed"
            f"{anew if (pictures.given == '').all() else ''}."
        )


def _limited(pictures: Collection, rows: Rows, limit: int | None, seed: int) -> Rows:
    """At most `limit` of `rows`, which are in the order of hashes: the choice depends on the pixels only."""
    if limit is None:
        return rows
    labels = pictures.labels[rows]
    present = len(np.unique(labels))
    if limit < present:
        raise UserError(f"--limit {limit} is fewer than one picture for each of the {present} classes.")
    return rows[stratified(labels, limit, torch.Generator().manual_seed(seed))]


def _positions(pictures: Collection, rows: Rows, classes: Sequence[str], name: str) -> Rows:
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
    check_rule(resize)
    if channels not in (None, 1, 3):
        raise UserError(f"channels={channels} are neither grey (1) nor RGB (3).")
    assert margin >= 1, margin


def find(
    data: str | Path,
    label: str | None = None,
    progress: Progress | None = None,
    *,
    file_column: str | None = None,
    split_column: str | None = None,
    group: str | None = None,
) -> tuple[str, Listing | dict[str, ImageSet]]:
    """Find out what `data` means: a set's name, a folder, or a table.

    A Path, and text with a separator or a leading . or ~, is a path. Other text is the name of a set where
    there is one, even beside a file of the same name (write ./mnist for that); else it is a path.

    Args:
        data: as typed.
        label: a table's column, or an attribute of celeba.
        progress: called with (what, done, total) while files are fetched.
        file_column: a table's column with the files; see `read_table`.
        split_column: a table's column with the splits.
        group: a table's column of what is not parted.

    Returns:
        A short name for the data, and what is there: a Listing, or array sets by split.

    Raises:
        DataError: it is none of the three, or an archive or a single file, or the source cannot read it.
        UserError: columns are named and it is no table.

    >>> name, parts = find("sample")
    >>> name, sorted(parts)
    ('sample', ['test', 'train'])
    """
    columns = {"file_column": file_column, "split_column": split_column, "group": group}
    if isinstance(data, str) and data in SOURCES:
        _refuse_columns(data, columns)
        found: Listing | dict[str, ImageSet] = resolve(SOURCES, data, "data set")(label, progress)
        return data, found
    path = Path(os.path.expanduser(data))  # noqa: PTH111 - Path's own raises for an unknown user
    if _is_folder(path, data):
        no_label(str(data), label)
        _refuse_columns(data, columns)
        return path.resolve().name or "data", folders.read_folder(path)
    if path.suffix.lower() in TABLE_EXTENSIONS:
        return path.stem, table.read_table(path, label, **columns)
    if path.suffix.lower() in ARCHIVES:
        raise DataError(f"{data} is an archive. Unpack it and give the folder.")
    tables = ", ".join(TABLE_EXTENSIONS)
    raise DataError(
        f"{data} is a single file. Give a folder of pictures or a table of file names ({tables})."
    )


def _refuse_columns(data: str | Path, columns: Mapping[str, str | None]) -> None:
    for name, column in columns.items():
        if column is not None:
            flag = name.replace("_", "-")
            raise UserError(f"{data} is no table: --{flag} {column} names a column of one. Leave it out.")


def _is_folder(path: Path, data: str | Path) -> bool:
    try:
        if data == "":  # which Path takes for the current folder
            raise FileNotFoundError
        return stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(_absent(data)) from error
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {data!r}: {getattr(error, 'strerror', None) or error}.") from error


def _absent(data: str | Path) -> str:
    if isinstance(data, Path) or any(mark in data for mark in (os.sep, "/", "\\")) or data[:1] in (".", "~"):
        return f"no such path: {data}. Check the spelling."
    return f"no such path, and {unknown(data, SOURCES, 'data set')}"
