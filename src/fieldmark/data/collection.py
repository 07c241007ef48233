"""All pictures of a source with what is known of each, from arrays or files, and the sets cut from them."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fieldmark.data.pixels.channels import to_channels_tensor
from fieldmark.data.pixels.resizing import resize_tensor
from fieldmark.data.splitting import Hashes, Rows, divide
from fieldmark.data.store.housekeeping import list_unreadable
from fieldmark.data.store.manifest import Stored
from fieldmark.data.store.store import NATIVE_LIMIT, enlarged, open_store
from fieldmark.errors import DataError, UserError
from fieldmark.families import unknown
from fieldmark.printable import shortened
from fieldmark.vocabulary import SPLITS, ImageSet, Listing, Progress, Unreadable, gather

Found = Listing | dict[str, ImageSet]
UNREADABLE_LIMIT = 0.1  # share of a set


@dataclass(frozen=True)
class Collection:
    """M pictures with what is known of each.

    Attributes:
        images: uint8 (M, C, H, W), stored NHWC, memory-mapped where they come from a store. Pictures from
            files have `image_size` already, those from arrays still their own.
        hashes: (M,) "S32", SHA-256 over the decoded HWC bytes, before resizing.
        labels: int64 (M,).
        given: (M,), the split the source says, or "".
        classes: the names.
        sizes: int (M, 2), (height, width) before resizing.
        grey: bool (M,).
        image_size: what a network receives, (height, width).
        files: names below the folder `root`, or None.
        root: the folder, or None.
        notes: what the user should know.
        unreadable: the pictures that were left out, and why.
        groups: (M,), what may not be parted, "" for a picture that stands alone; None where nothing is said.
    """

    images: Tensor
    hashes: Hashes
    labels: Rows
    given: NDArray[np.str_]
    classes: tuple[str, ...]
    sizes: Rows
    grey: NDArray[np.bool_]
    image_size: tuple[int, int]
    files: tuple[str, ...] | None = None
    root: Path | None = None
    notes: tuple[str, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    groups: NDArray[np.str_] | None = None

    def divide(self, val: float, test: float) -> dict[str, Rows]:
        """The rows of each split that has pictures; see `splitting.divide`."""
        return divide(self.hashes, self.labels, self.given, val=val, test=test, groups=self.groups)


def restrict(found: Found, classes: Sequence[str] | None, name: str) -> Found:
    """Keep only the pictures of some classes, which become the classes in this order.

    Args:
        found: what the source has.
        classes: their names; None keeps all.
        name: of the data, for messages.

    Raises:
        UserError: a class is not there, or is given twice.
    """
    if classes is None:
        return found
    there = found.classes if isinstance(found, Listing) else found["train"].classes
    for one in classes:
        if one not in there:
            raise UserError(unknown(one, there, f"class of {name}"))
        if list(classes).count(one) > 1:
            raise UserError(f"class '{one}' is given twice. Name each class once.")
    position = np.array([classes.index(one) if one in classes else -1 for one in there])
    if isinstance(found, Listing):
        return _restrict_listing(found, tuple(classes), position)
    return {split: _restrict_arrays(part, tuple(classes), position) for split, part in found.items()}


def _restrict_listing(listing: Listing, classes: tuple[str, ...], position: NDArray[np.int64]) -> Listing:
    labels = position[np.array(listing.labels, np.int64)]
    rows = np.flatnonzero(labels >= 0).tolist()
    return replace(part_of(listing, rows), labels=tuple(labels[rows].tolist()), classes=classes)


def part_of(listing: Listing, rows: Sequence[int]) -> Listing:
    """The listing with only the files at `rows`."""
    return replace(
        listing,
        files=tuple(listing.files[row] for row in rows),
        labels=tuple(listing.labels[row] for row in rows),
        splits=tuple(listing.splits[row] for row in rows),
        groups=None if listing.groups is None else tuple(listing.groups[row] for row in rows),
    )


def _restrict_arrays(part: ImageSet, classes: tuple[str, ...], position: NDArray[np.int64]) -> ImageSet:
    labels = torch.from_numpy(position)[part.labels]
    rows = (labels >= 0).nonzero().flatten()
    return replace(part.select(rows), labels=labels[rows], classes=classes)


def collect(
    found: Found,
    name: str,
    *,
    image_size: tuple[int, int] | None,
    default_size: int,
    rule: str,
    allow_unreadable: bool = False,
    progress: Progress | None = None,
) -> Collection:
    """Decode and hash the pictures of a source.

    Args:
        found: what the source has.
        name: of the data, for messages.
        image_size: (height, width); None keeps the pictures' own size if all agree and it is at most 64, else
            takes `default_size` squared.
        default_size: one side in pixels.
        rule: "crop", "pad" or "stretch".
        allow_unreadable: leave out however many cannot be read.
        progress: called with (what, done, total).

    Raises:
        DataError: more than a tenth of a split (unless `allow_unreadable`) or a whole class of the training
            pictures cannot be read; names the first reasons and the file in which all of them are listed.
    """
    if isinstance(found, Listing):
        stored = open_store(
            found.root,
            found.files,
            image_size=image_size,
            default_size=default_size,
            rule=rule,
            progress=progress,
        )
        return _from_files(found, name, stored, allow_unreadable)
    return _from_arrays(found, image_size, default_size)


def _from_files(listing: Listing, name: str, stored: Stored, allow_unreadable: bool) -> Collection:
    labels = np.array(listing.labels, np.int64)
    given = np.array([split or "" for split in listing.splits], np.str_)
    _refuse_unreadable(listing, name, labels, given, stored, allow_unreadable)
    kept = stored.kept
    return Collection(
        images=stored.images,
        hashes=np.ascontiguousarray(stored.hashes).view("S32").reshape(-1),
        labels=labels[kept],
        given=given[kept],
        classes=listing.classes,
        sizes=stored.sizes,
        grey=stored.grey,
        image_size=stored.image_size,
        files=tuple(listing.files[row] for row in kept.tolist()),
        root=listing.root,
        notes=listing.notes,
        unreadable=stored.unreadable,
        groups=None if listing.groups is None else np.array(listing.groups, np.str_)[kept],
    )


def _refuse_unreadable(
    listing: Listing,
    name: str,
    labels: Rows,
    given: NDArray[np.str_],
    stored: Stored,
    allow_unreadable: bool,
) -> None:
    lost = np.ones(len(labels), bool)
    lost[stored.kept] = False
    if not lost.any():
        return
    reasons = "; ".join(f"{shortened(one.file)}: {shortened(one.reason)}" for one in stored.unreadable[:3])
    absent = all(one.reason == "no such file" for one in stored.unreadable)
    way = f"Names start from the folder {listing.root}" if absent else "Replace them"

    for split, total in Counter(given.tolist()).items():
        count = int(lost[given == split].sum())
        if count > UNREADABLE_LIMIT * total and not allow_unreadable:
            where = f"{name}/{split}" if split else name
            every = f" All: {list_unreadable(name, stored.unreadable)}." if count > 3 else ""
            without = "" if lost.all() else " To go on without them: --allow-unreadable."
            raise DataError(
                f"{count} of {total} pictures of {where} cannot be read ({reasons}). {way}.{every}{without}"
            )
    for label, one in enumerate(listing.classes):
        members = (labels == label) & np.isin(given, ("", "train"))
        if members.any() and lost[members].all():
            raise DataError(f"no picture of class '{one}' of {name} can be read ({reasons}). {way}.")


def _from_arrays(
    parts: dict[str, ImageSet], image_size: tuple[int, int] | None, default_size: int
) -> Collection:
    first = next(iter(parts.values()))
    nhwc = [part.images.permute(0, 2, 3, 1).contiguous() for part in parts.values()]
    count = sum(map(len, nhwc))
    native = first.size if max(first.size) <= NATIVE_LIMIT else (default_size, default_size)
    return Collection(
        images=(nhwc[0] if len(nhwc) == 1 else torch.cat(nhwc)).permute(0, 3, 1, 2),
        hashes=np.concatenate([hash_pictures(block) for block in nhwc]),
        labels=torch.cat([part.labels for part in parts.values()]).numpy(),
        given=np.repeat(list(parts), [len(block) for block in nhwc]),
        classes=first.classes,
        sizes=np.broadcast_to(np.array(first.size), (count, 2)),
        grey=np.full(count, first.channels == 1),
        image_size=image_size or native,
    )


def hash_pictures(nhwc: Tensor) -> Hashes:
    """SHA-256 over the bytes of each picture of uint8 (N, H, W, C), contiguous; (N,) "S32".

    >>> hash_pictures(torch.zeros(1, 1, 1, 1, dtype=torch.uint8))[0].hex()[:8]
    '6e340b9c'
    """
    assert nhwc.is_contiguous()
    rows = nhwc.numpy().reshape(len(nhwc), math.prod(nhwc.shape[1:]))
    return np.array([hashlib.sha256(row.data).digest() for row in rows], "S32")


def image_set(
    pictures: Collection, rows: Rows, rule: str, channels: int, size: tuple[int, int] | None = None
) -> ImageSet:
    """Cut one split out of a collection.

    Args:
        pictures: all of them.
        rows: int64 (m,), which pictures, in this order.
        rule: "crop", "pad" or "stretch".
        channels: 1 grey, 3 RGB.
        size: (height, width); None takes `pictures.image_size`.
    """
    images = gather(pictures.images, torch.from_numpy(rows))
    if tuple(images.shape[2:]) != (size or pictures.image_size):
        images = resize_tensor(images, size or pictures.image_size, rule)
    files = None if pictures.files is None else tuple(pictures.files[row] for row in rows.tolist())
    labels = torch.from_numpy(pictures.labels[rows])
    return ImageSet(to_channels_tensor(images, channels), labels, pictures.classes, files, pictures.root)


def with_margin(
    found: Found,
    pictures: Collection,
    rows: Rows,
    rule: str,
    channels: int,
    margin: float,
    progress: Progress | None,
) -> ImageSet:
    """Cut an ImageSet as `image_set` does, of pictures `margin` times as large.

    Pictures that all have the image size by nature stay as they are.

    Args:
        found: what the source has; files are decoded again, since what is at the image size already has not
            the detail that zooming wants.
        pictures: the collection of it.
        rows: int64 (m,), which pictures.
        rule: "crop", "pad" or "stretch".
        channels: 1 grey, 3 RGB.
        margin: 1 or more.
        progress: called with (what, done, total).

    Raises:
        DataError: a file has changed since it was read first.
    """
    size = pictures.image_size
    if not isinstance(found, Listing):
        native = tuple(pictures.images.shape[2:]) == size
        return image_set(pictures, rows, rule, channels, size if native else enlarged(size, margin))
    # From the files again: what is at the image size already has not the detail that zooming wants.
    assert pictures.files is not None
    files = tuple(pictures.files[row] for row in rows.tolist())
    stored = open_store(
        found.root,
        files,
        image_size=size,
        default_size=size[0],
        rule=rule,
        margin=margin,
        progress=progress,
    )
    if stored.unreadable:
        raise DataError(f"{stored.unreadable[0].file} has changed while the pictures were read. Start again.")
    labels = torch.from_numpy(pictures.labels[rows])
    return ImageSet(
        to_channels_tensor(stored.images, channels), labels, pictures.classes, files, pictures.root
    )


def fingerprint(pictures: Collection, parts: dict[str, Rows]) -> str:
    """SHA-256 over the class names, and each split's pixels (by their hashes) and labels in their order."""
    digest = hashlib.sha256(json.dumps(pictures.classes).encode())
    for split in SPLITS:
        rows = parts.get(split, np.empty(0, np.int64))
        digest.update(f"{split} {len(rows)} ".encode())
        digest.update(pictures.hashes[rows].tobytes())
        digest.update(pictures.labels[rows].astype("<i8").tobytes())
    return digest.hexdigest()
