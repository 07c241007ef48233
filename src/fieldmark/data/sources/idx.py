"""MNIST and its relatives in IDX files: a big-endian header (magic, sizes), then bytes."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray

from fieldmark.data.download import Remote, data_folder, fetch
from fieldmark.data.sources import no_label
from fieldmark.data.sources.archives import gunzip
from fieldmark.errors import DataError
from fieldmark.vocabulary import ImageSet, Progress

TIMES, SLACK = 100, 2**26  # bytes unpacked for a .gz: MNIST's pictures are 5 times as large
MAGIC = {1: 0x801, 3: 0x803}  # labels (N,), pictures (N, H, W), unsigned bytes both

DIGITS = tuple("0123456789")
CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip

MNIST_FILES = (
    Remote("train-images-idx3-ubyte.gz", "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873"),
    Remote("train-labels-idx1-ubyte.gz", "md5:d53e105ee54ea40749a09fcbcd1e9432"),
    Remote("t10k-images-idx3-ubyte.gz", "md5:9fb629c4189551a2d022fa330f9573f3"),
    Remote("t10k-labels-idx1-ubyte.gz", "md5:ec29112dd5afa0611ce80d1b7f02629c"),
)
MNIST_ADDRESSES = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
FASHION_FILES = (
    Remote("train-images-idx3-ubyte.gz", "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
    Remote("train-labels-idx1-ubyte.gz", "md5:25c81989df183df01b3e8a0aad5dffbe"),
    Remote("t10k-images-idx3-ubyte.gz", "md5:bef4ecab320f06d8554ea6380940ec79"),
    Remote("t10k-labels-idx1-ubyte.gz", "md5:bb300cfdad3c16e7a12a480ee83cd310"),
)
FASHION_ADDRESSES = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
)


def mnist(label: str | None = None, progress: Progress | None = None) -> dict[str, ImageSet]:
    """Handwritten digits, "train" and "test", 28x28 grey, from disk or else downloaded.

    Args:
        label: must be None, as every picture has one label.
        progress: called with (what, done, total) while files are fetched.

    Raises:
        UserError: `label` is given.
        DataError: files are broken, or no address answers.
    """
    no_label("mnist", label)
    return _named("mnist", MNIST_FILES, MNIST_ADDRESSES, DIGITS, progress)


def fashion_mnist(label: str | None = None, progress: Progress | None = None) -> dict[str, ImageSet]:
    """Articles of clothing, "train" and "test", 28x28 grey, from disk or else downloaded.

    Args:
        label: must be None, as every picture has one label.
        progress: called with (what, done, total) while files are fetched.

    Raises:
        UserError: `label` is given.
        DataError: files are broken, or no address answers.
    """
    no_label("fashion-mnist", label)
    return _named("fashion-mnist", FASHION_FILES, FASHION_ADDRESSES, CLOTHES, progress)


def _named(
    name: str,
    remotes: tuple[Remote, ...],
    addresses: tuple[str, ...],
    classes: tuple[str, ...],
    progress: Progress | None,
) -> dict[str, ImageSet]:
    folder = data_folder() / name
    absent = [one for one in remotes if _on_disk(folder, one.file.removesuffix(".gz")) is None]
    if absent:
        fetch(name, absent, addresses, folder, progress)
        for remote in absent:
            gunzip(folder / remote.file)
    return {
        "train": read_pair(folder, "train-images-idx3-ubyte", "train-labels-idx1-ubyte", classes),
        "test": read_pair(folder, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", classes),
    }


def read_pair(folder: Path, images_file: str, labels_file: str, classes: tuple[str, ...]) -> ImageSet:
    """Read the pictures and labels in two IDX files, each plain or with .gz added.

    Args:
        folder: where they lie.
        images_file: the name of the one with pictures.
        labels_file: the name of the one with labels.
        classes: the names of the labels 0, 1, ...

    Raises:
        DataError: one is missing or cut off, or has another magic number, or counts or labels do not fit;
            names the file.
    """
    images_path, labels_path = _on_disk(folder, images_file), _on_disk(folder, labels_file)
    if images_path is None or labels_path is None:
        raise DataError(f"{folder} has no {images_file if images_path is None else labels_file} (or .gz).")
    images, labels = read_idx(images_path, axes=3), read_idx(labels_path, axes=1)
    if len(images) != len(labels):
        raise DataError(
            f"{images_path} has {len(images)} pictures, but {labels_path} has {len(labels)} labels."
        )
    if len(labels) and labels.max() >= len(classes):
        raise DataError(f"{labels_path} has label {labels.max()}; wanted 0 to {len(classes) - 1}.")
    return ImageSet(torch.from_numpy(images).unsqueeze(1), torch.from_numpy(labels.astype(np.int64)), classes)


def read_idx(path: Path, axes: int) -> NDArray[np.uint8]:
    """Read the array in an IDX file of unsigned bytes, plain or .gz.

    Args:
        path: the file.
        axes: 1 for labels, 3 for pictures.

    Raises:
        DataError: another magic number, or a length other than the header announces.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return _read(path, file, axes)  # type: ignore[arg-type]  # GzipFile reads as files do
    except DataError:
        raise
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be unpacked: {error}. {_AGAIN}") from error


def _read(path: Path, file: BinaryIO, axes: int) -> NDArray[np.uint8]:
    """As many bytes as the header announces, once that is known to be what the file can hold."""
    header, size = 4 + 4 * axes, path.stat().st_size
    start = file.read(header)
    if len(start) < header:
        raise DataError(f"{path} is cut off: {len(start)} bytes, the header alone takes {header}. {_AGAIN}")
    magic, *shape = struct.unpack(f">{1 + axes}I", start)
    if magic != MAGIC[axes]:
        kind = "pictures" if axes == 3 else "labels"
        raise DataError(
            f"{path} is not an IDX file of {kind}: it starts with {magic:#x}, not {MAGIC[axes]:#x}."
        )
    expected, says = header + math.prod(shape), "x".join(str(side) for side in shape)
    packed = path.suffix == ".gz"
    if packed and expected > TIMES * size + SLACK:
        raise DataError(
            f"{path} is {size} bytes long; its header says {says}, {expected} bytes unpacked, far more than "
            "pictures and labels take. It is not unpacked."
        )
    if not packed and size != expected:
        raise DataError(f"{path} is {size} bytes long; its header says {says}, {expected} bytes. {_AGAIN}")
    content = bytearray(file.read(expected - header))
    more = file.read(1)  # which also checks the checksum at the end of a .gz
    if len(content) != expected - header or more:
        length = "longer" if more else f"{header + len(content)} bytes long"
        raise DataError(f"{path} is {length} unpacked; its header says {says}, {expected} bytes. {_AGAIN}")
    return np.frombuffer(content, np.uint8).reshape(shape)


_AGAIN = "Delete it and fetch it again."


def _on_disk(folder: Path, file: str) -> Path | None:
    return next((path for path in (folder / file, folder / f"{file}.gz") if path.is_file()), None)
