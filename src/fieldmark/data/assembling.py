"""From all pictures gathered to the ImageSet of one split."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import torch

from fieldmark.data.channels import to_channels_tensor
from fieldmark.data.download import Progress
from fieldmark.data.gathering import Found, Gathered
from fieldmark.data.resizing import resize_tensor
from fieldmark.data.splitting import Rows
from fieldmark.data.store import open_store
from fieldmark.data.store_making import enlarged
from fieldmark.errors import DataError
from fieldmark.vocabulary import SPLITS, ImageSet, Listing


def image_set(
    pictures: Gathered, rows: Rows, rule: str, channels: int, size: tuple[int, int] | None = None
) -> ImageSet:
    """The pictures at `rows`, in that order, with `channels`, at `size` or else at `pictures.image_size`."""
    index = torch.from_numpy(rows)
    # A gather over NHWC memory keeps the layout; over the permuted view it would not.
    images = pictures.images.permute(0, 2, 3, 1).index_select(0, index).permute(0, 3, 1, 2)
    if tuple(images.shape[2:]) != (size or pictures.image_size):
        images = resize_tensor(images, size or pictures.image_size, rule)
    files = None if pictures.files is None else tuple(pictures.files[row] for row in rows.tolist())
    labels = torch.from_numpy(pictures.labels[rows])
    return ImageSet(to_channels_tensor(images, channels), labels, pictures.classes, files, pictures.root)


def with_margin(
    found: Found,
    pictures: Gathered,
    rows: Rows,
    rule: str,
    channels: int,
    margin: float,
    progress: Progress | None,
) -> ImageSet:
    """`image_set` with pictures `margin` times as large, unless all have the image size by nature."""
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


def fingerprint(pictures: Gathered, parts: dict[str, Rows]) -> str:
    """SHA-256 over the class names, and each split's pixels (by their hashes) and labels in their order."""
    digest = hashlib.sha256(json.dumps(pictures.classes).encode())
    for split in SPLITS:
        rows = parts.get(split, np.empty(0, np.int64))
        digest.update(f"{split} {len(rows)} ".encode())
        digest.update(pictures.hashes[rows].tobytes())
        digest.update(pictures.labels[rows].astype("<i8").tobytes())
    return digest.hexdigest()
