"""IDX files: what is whole is read, what is not is named."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
import torch

from fieldmark.data.sources.idx import CLOTHES, DIGITS, fashion_mnist, mnist, read_idx, read_pair
from fieldmark.errors import DataError, UserError

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def idx(array: np.ndarray) -> bytes:
    """IDX by its definition: 0, 0, 8 (unsigned byte), the number of axes, each size, the bytes."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def small(count=3):
    pixels = np.random.default_rng(0).integers(0, 256, (count, 4, 5), np.uint8)
    return pixels, np.arange(count, dtype=np.uint8)


def fill(folder, count=3, packed=False):
    folder.mkdir(parents=True, exist_ok=True)
    pixels, labels = small(count)
    for name, array in (
        (IMAGES, pixels),
        (LABELS, labels),
        ("t10k-images-idx3-ubyte", pixels[:2]),
        ("t10k-labels-idx1-ubyte", labels[:2]),
    ):
        content = idx(array)
        (folder / f"{name}.gz" if packed else folder / name).write_bytes(
            gzip.compress(content) if packed else content
        )
    return pixels, labels


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("source", "name", "classes"), [(mnist, "mnist", DIGITS), (fashion_mnist, "fashion-mnist", CLOTHES)]
)
def test_named_sets_are_read_from_disk(named_sets, monkeypatch, packed, source, name, classes):
    monkeypatch.setattr("fieldmark.data.sources.idx.fetch", lambda *_: pytest.fail("no network is needed"))
    pixels, labels = fill(named_sets / name, packed=packed)
    parts = source()
    assert list(parts) == ["train", "test"]
    assert parts["train"].images.shape == (3, 1, 4, 5)
    assert np.array_equal(parts["train"].images[:, 0].numpy(), pixels)
    assert parts["train"].labels.tolist() == labels.tolist()
    assert parts["test"].classes == classes
    assert len(parts["test"]) == 2


def test_a_label_column_makes_no_sense_here(named_sets):
    with pytest.raises(UserError, match="mnist has one label per picture: --label color"):
        mnist("color")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content[:-1], "75 bytes long; its header says 3x4x5, 76 bytes"),
        (lambda content: content + b"x", "77 bytes long; its header says 3x4x5, 76 bytes"),
        (lambda content: content[:9], "cut off: 9 bytes"),
        (lambda content: b"", "cut off: 0 bytes"),
        (lambda content: b"\0\0\x08\x01" + content[4:], "starts with 0x801, not 0x803"),
        (lambda content: b"<html>" + content[6:], "starts with 0x3c68746d"),
    ],
)
def test_broken_files_are_named(named_sets, change, message):
    fill(named_sets / "mnist")
    path = named_sets / "mnist" / IMAGES
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataError, match=message) as caught:
        mnist()
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_counts_and_labels_must_fit(tmp_path):
    _, labels = fill(tmp_path)
    (tmp_path / LABELS).write_bytes(idx(labels[:2]))
    with pytest.raises(DataError, match=f"{IMAGES} has 3 pictures, but .*{LABELS} has 2 labels"):
        read_pair(tmp_path, IMAGES, LABELS, DIGITS)
    (tmp_path / LABELS).write_bytes(idx(labels + 9))
    with pytest.raises(DataError, match=f"{LABELS} has label 11; wanted 0 to 9"):
        read_pair(tmp_path, IMAGES, LABELS, DIGITS)


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(idx(np.arange(100, dtype=np.uint8)))[:-9]])
def test_broken_gzip_is_named(tmp_path, content):
    (tmp_path / "a.gz").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.gz cannot be unpacked"):
        read_idx(tmp_path / "a.gz", axes=1)


@pytest.mark.parametrize("packed", [False, True])
def test_sizes_that_wrap_are_refused(tmp_path, packed):
    header = struct.pack(">BBBB3I", 0, 0, 8, 3, 2**31, 2**31, 4)  # 2^64 bytes, which wrap to none
    path = tmp_path / ("a.gz" if packed else "a")
    path.write_bytes(gzip.compress(header) if packed else header)
    with pytest.raises(
        DataError, match="its header says 2147483648x2147483648x4, 18446744073709551632 bytes"
    ):
        read_idx(path, axes=3)


def test_a_small_gzip_of_gigabytes_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    shape = (20_000, 28, 28)
    header = struct.pack(">BBBB3I", 0, 0, 8, 3, *shape)
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(header + bytes(1000)))
    monkeypatch.setattr("fieldmark.data.sources.idx.SLACK", 2**16)
    with pytest.raises(DataError, match="15680016 bytes unpacked, far more than"):
        read_idx(path, axes=3)


@pytest.mark.parametrize(
    ("more", "message"), [(b"x" * 5, "longer unpacked"), (b"", "15 bytes long unpacked")]
)
def test_a_gzip_of_another_length_than_announced_is_named(tmp_path, more, message):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(struct.pack(">BBBBI", 0, 0, 8, 1, 10) + bytes(10 if more else 7) + more))
    with pytest.raises(DataError, match=message):
        read_idx(path, axes=1)


def test_a_missing_file_is_named(tmp_path):
    fill(tmp_path)
    (tmp_path / LABELS).unlink()
    with pytest.raises(DataError, match=f"no {LABELS}"):
        read_pair(tmp_path, IMAGES, LABELS, DIGITS)


@pytest.mark.data
@pytest.mark.parametrize(
    ("source", "mean", "std"), [(mnist, 0.1307, 0.3081), (fashion_mnist, 0.2860, 0.3530)]
)
def test_the_real_sets_have_the_published_statistics(source, mean, std):
    parts = source()
    assert [len(part) for part in parts.values()] == [60_000, 10_000]
    pixels = parts["train"].images.float() / 255
    assert round(pixels.mean().item(), 4) == pytest.approx(mean, abs=1e-4)
    assert round(pixels.std().item(), 4) == pytest.approx(std, abs=1e-4)
    assert torch.bincount(parts["test"].labels).sum() == 10_000
