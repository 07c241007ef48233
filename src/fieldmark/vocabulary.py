"""The data types that packages hand to each other: Listing, ImageSet and Dataset, Predictions, History."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fieldmark.printable import printable

SPLITS = ("train", "val", "test")
CLASSES_SHOWN = 20
"""Rows of a printed Dataset."""


Progress = Callable[[str, int, int], None]
"""Called with (what, done, total); total is 0 while it is unknown."""


class Pixels(Protocol):
    """An upright picture (H, W, C) whose rows can be had: an array uint8, or `modes.Strips`."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, rows: slice, /) -> NDArray[np.uint8]: ...


@dataclass(frozen=True)
class Listing:
    """What a source found on disk, nothing decoded yet.

    files, labels, splits and groups are tuples of one length.

    Attributes:
        root: the folder that names start from.
        files: paths below `root` with forward slashes; an absolute path stands for itself.
        labels: positions in `classes`.
        splits: "train", "val", "test", or None where the source does not say.
        classes: the names.
        notes: what the user should know.
        groups: what each file belongs to and must not be parted from, "" for one that stands alone; None
            where nothing is said.
    """

    root: Path
    files: tuple[str, ...]
    labels: tuple[int, ...]
    splits: tuple[str | None, ...]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        assert len(self.files) == len(self.labels) == len(self.splits), "one label and one split per file"
        assert self.groups is None or len(self.groups) == len(self.files), "one group per file"

    def __len__(self) -> int:
        return len(self.files)


@dataclass(frozen=True)
class ImageSet:
    """Decoded pictures of one size with their labels.

    Attributes:
        images: uint8 (N, C, H, W), C 1 or 3, stored NHWC (channels_last).
        labels: int64 (N,).
        classes: the names, in fixed order.
        files: N names below the folder `root`, or None for array formats.
        root: the folder, or None.
    """

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    files: tuple[str, ...] | None = None
    root: Path | None = None

    def __post_init__(self) -> None:
        assert self.images.dtype == torch.uint8, self.images.dtype
        assert self.images.dim() == 4, self.images.shape
        assert self.labels.dtype == torch.int64, self.labels.dtype
        assert len(self.images) == len(self.labels), (len(self.images), len(self.labels))
        assert self.files is None or len(self.files) == len(self.images)

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        """What there is, in a line; the numbers themselves would fill the screen."""
        return f"ImageSet({_described(len(self), self.size, self.channels, len(self.classes))})"

    @property
    def channels(self) -> int:
        return self.images.shape[1]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.images.shape[2], self.images.shape[3]

    def select(self, index: Tensor | Sequence[int]) -> ImageSet:
        """The pictures at some positions, in their order.

        Args:
            index: int64 (M,).
        """
        rows = torch.as_tensor(index, dtype=torch.int64)
        files = None if self.files is None else tuple(self.files[i] for i in rows.tolist())
        return replace(self, images=gather(self.images, rows), labels=self.labels[rows], files=files)


@dataclass(frozen=True)
class Unreadable:
    """A picture that was left out, and why."""

    file: str
    reason: str


Status = Literal["missing", "unreadable", "unsupported", "too_large"]


class Undecodable(Exception):  # noqa: N818 - it names a picture, and becomes a row in the answer, not an error
    """A picture that cannot be decoded, and why.

    Attributes:
        reason: one line, without the path.
        status: "missing" (no such file), "unreadable" (broken, empty, no picture), "unsupported" (a known
            format or kind of pixels that is not decoded), or "too_large".

    >>> error = Undecodable("the file is empty", "unreadable")
    >>> error.status, str(error)
    ('unreadable', 'the file is empty')
    """

    def __init__(self, reason: str, status: Status) -> None:
        super().__init__(" ".join(reason.split()))
        self.status: Status = status

    @property
    def reason(self) -> str:
        return str(self)


@dataclass(frozen=True)
class Dataset:
    """Train, validation and test pictures of the same classes, and how they came to be.

    Training pictures are ordered by the hash of their pixels, so that the order does not depend on the
    source.

    Attributes:
        train: pictures to learn from. They may be larger than `image_size` (up to 1.25 times) when zooming
            augmentation needs the margin.
        val: pictures for validation.
        test: pictures for the test, or None.
        name: what the data is called.
        image_size: what the network receives, (height, width) in pixels.
        resize: the rule that made the pictures fit: "crop", "pad" or "stretch".
        fingerprint: SHA-256 over the pixels and labels of all splits.
        notes: what the user should know.
        unreadable: pictures that were left out.
    """

    train: ImageSet
    val: ImageSet
    test: ImageSet | None
    name: str
    image_size: tuple[int, int]
    resize: str = "crop"
    fingerprint: str = ""
    notes: tuple[str, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()

    def __repr__(self) -> str:
        """A table: how many pictures each split has, in all and of each class."""
        splits = [(name, found) for name in SPLITS if (found := self.split(name)) is not None]
        total = sum(len(found) for _, found in splits)
        lines = [f"{self.name}: {_described(total, self.image_size, self.channels, len(self.classes))}"]
        counts = [found.labels.bincount(minlength=len(self.classes)).tolist() for _, found in splits]
        names = [printable(name) for name in self.classes[:CLASSES_SHOWN]]
        rows = [
            ["", *(name for name, _ in splits)],
            ["pictures", *(f"{len(found):,}" for _, found in splits)],
        ]
        rows += [[name, *(f"{count[i]:,}" for count in counts)] for i, name in enumerate(names)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for row in rows:
            first, *numbers = (
                text.rjust(width) if column else text.ljust(width)
                for column, (text, width) in enumerate(zip(row, widths, strict=True))
            )
            lines.append("  ".join(["", first, *numbers]).rstrip())
        if len(self.classes) > CLASSES_SHOWN:
            lines.append(f"  and {len(self.classes) - CLASSES_SHOWN:,} classes more")
        lines += [f"- {printable(note)}" for note in self.notes]
        lines += [f"- left out, unreadable: {len(self.unreadable):,}"] if self.unreadable else []
        return "\n".join(lines)

    @property
    def classes(self) -> tuple[str, ...]:
        return self.train.classes

    @property
    def channels(self) -> int:
        return self.train.channels

    def split(self, name: str) -> ImageSet | None:
        """One of the three parts.

        Args:
            name: "train", "val" or "test".

        Returns:
            The part, or None if there is no such part.
        """
        assert name in SPLITS, name
        found: ImageSet | None = getattr(self, name)
        return found


@dataclass(frozen=True)
class Predictions:
    """One pass of a network over an ImageSet; every metric is a pure function of it.

    Attributes:
        logits: float32 (N, K), K >= 2.
        labels: int64 (N,), or None for pictures without one.
        embeddings: float32 (N, D), or None.
        index: int64 (N,), which picture of the set each row belongs to.
    """

    logits: Tensor
    labels: Tensor | None = None
    embeddings: Tensor | None = None
    index: Tensor | None = None

    def __repr__(self) -> str:
        """How many answers, in a line."""
        rows, classes = self.logits.shape
        labels = "without labels" if self.labels is None else "with labels"
        return f"Predictions({rows:,} {'answer' if rows == 1 else 'answers'}, {classes:,} classes, {labels})"

    def __len__(self) -> int:
        return len(self.logits)


@dataclass(frozen=True)
class Preprocessing:
    """How a decoded picture becomes the network's input; it travels with the classifier.

    The picture is resized to `image_size`, brought to `channels`, divided by 255, then (x - mean) / std per
    channel.

    Attributes:
        image_size: (height, width) in pixels.
        channels: 1 grey, 3 RGB.
        mean: one number per channel, on the 0-1 scale.
        std: one number per channel, on the 0-1 scale.
        resize: "crop", "pad" or "stretch".
    """

    image_size: tuple[int, int]
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    resize: str = "crop"

    def to_json(self) -> dict[str, Any]:
        return {
            "image_size": list(self.image_size),
            "channels": self.channels,
            "mean": list(self.mean),
            "std": list(self.std),
            "resize": self.resize,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Preprocessing:
        height, width = document["image_size"]
        return cls(
            image_size=(int(height), int(width)),
            channels=int(document["channels"]),
            mean=tuple(float(value) for value in document["mean"]),
            std=tuple(float(value) for value in document["std"]),
            resize=str(document["resize"]),
        )


@dataclass
class History:
    """What training recorded, one row per epoch, in the columns of `history.csv`."""

    COLUMNS = (
        "epoch",
        "train_loss",
        "train_accuracy",
        "val_loss",
        "val_accuracy",
        "learning_rate",
        "seconds",
        "images_per_second",
    )
    rows: list[dict[str, float]] = field(default_factory=list)

    def column(self, name: str) -> list[float]:
        return [row[name] for row in self.rows]


def gather(images: Tensor, index: Tensor) -> Tensor:
    """Take some of many pictures, with the memory layout they have.

    Args:
        images: (N, C, H, W), stored NHWC.
        index: int64 (M,), positions on the images' device.

    Returns:
        (M, C, H, W), stored NHWC.

    >>> gather(torch.arange(3).view(3, 1, 1, 1), torch.tensor([2, 0])).flatten()
    tensor([2, 0])
    """
    # Whole rows of NHWC memory: indexing the (N, C, H, W) view takes ten times as long and loses the layout.
    return images.permute(0, 2, 3, 1).index_select(0, index).permute(0, 3, 1, 2)


def _described(count: int, size: tuple[int, int], channels: int, classes: int) -> str:
    pictures = "1 picture" if count == 1 else f"{count:,} pictures"
    kind = "grey" if channels == 1 else "colour"
    of = "1 class" if classes == 1 else f"{classes:,} classes"
    return f"{pictures} of {size[0]}x{size[1]} pixels, {kind}, {of}"
