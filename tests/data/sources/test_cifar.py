"""CIFAR-10's binary records: planes become pixels, archives are unpacked, broken files named."""

from __future__ import annotations

import hashlib
import io
import tarfile

import numpy as np
import pytest

from fieldmark.data.download import Remote
from fieldmark.data.sources.cifar import ARCHIVE, CLASSES, FOLDER, TEST_FILES, TRAIN_FILES, cifar10
from fieldmark.errors import DataError, UserError


def records(count: int, seed: int) -> np.ndarray:
    made = np.random.default_rng(seed).integers(0, 256, (count, 3073), np.uint8)
    made[:, 0] %= 10
    return made


def batches() -> dict[str, np.ndarray]:
    return {file: records(7, seed) for seed, file in enumerate((*TRAIN_FILES, *TEST_FILES))}


def fill(folder):
    folder.mkdir(parents=True)
    made = batches()
    for file, content in made.items():
        (folder / file).write_bytes(content.tobytes())
    return made


def archive(path):
    with tarfile.open(path, "w:gz") as tar:
        for file, content in batches().items():
            member = tarfile.TarInfo(f"{FOLDER}/{file}")
            member.size = content.size
            tar.addfile(member, io.BytesIO(content.tobytes()))


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    monkeypatch.setattr("fieldmark.data.sources.cifar.fetch", lambda *_: pytest.fail("no network is needed"))


def test_planes_become_pixels(named_sets):
    made = fill(named_sets / FOLDER)
    parts = cifar10()
    train = np.concatenate([made[file] for file in TRAIN_FILES])
    assert parts["train"].images.shape == (35, 3, 32, 32)
    assert np.array_equal(parts["train"].images.numpy(), train[:, 1:].reshape(-1, 3, 32, 32))
    assert parts["train"].labels.tolist() == train[:, 0].tolist()
    assert parts["train"].images.permute(0, 2, 3, 1).is_contiguous()
    assert len(parts["test"]) == 7
    assert parts["test"].classes == CLASSES


def trust(monkeypatch, path):
    """Let this archive be the published one."""
    checksum = f"md5:{hashlib.md5(path.read_bytes()).hexdigest()}"
    monkeypatch.setattr("fieldmark.data.sources.cifar.ARCHIVE", Remote(ARCHIVE.file, checksum))


def test_the_archive_is_enough(named_sets, monkeypatch):
    archive(named_sets / "cifar-10-binary.tar.gz")
    trust(monkeypatch, named_sets / "cifar-10-binary.tar.gz")
    assert len(cifar10()["train"]) == 35
    assert sorted(path.name for path in named_sets.iterdir()) == [
        "cifar-10-batches-bin",
        "cifar-10-binary.tar.gz",
    ]


def test_the_archive_may_lie_in_the_folder(named_sets, monkeypatch):
    (named_sets / FOLDER).mkdir()
    archive(named_sets / FOLDER / "cifar-10-binary.tar.gz")
    trust(monkeypatch, named_sets / FOLDER / "cifar-10-binary.tar.gz")
    assert len(cifar10()["train"]) == 35
    assert not (named_sets / FOLDER / FOLDER).exists()


def test_another_archive_of_that_name_is_answered(named_sets):
    archive(named_sets / "cifar-10-binary.tar.gz")
    with pytest.raises(DataError, match=r"not CIFAR-10's binary version as published"):
        cifar10()
    assert [path.name for path in named_sets.iterdir()] == ["cifar-10-binary.tar.gz"]


def test_nothing_else_is_taken_from_the_archive(named_sets, monkeypatch):
    path = named_sets / "cifar-10-binary.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name in ("mnist/train-images-idx3-ubyte", f"{FOLDER}/data_batch_1.bin", f"{FOLDER}/evil.bin"):
            tar.addfile(tarfile.TarInfo(name), io.BytesIO(b""))
    trust(monkeypatch, path)
    with pytest.raises(DataError, match=r"does not hold cifar-10-batches-bin/data_batch_2\.bin"):
        cifar10()
    assert {path.name for path in named_sets.rglob("*")} == {path.name, FOLDER, "data_batch_1.bin"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (records(7, 0).tobytes()[:-1], "21510 bytes long.*records of 3073"),
        (b"", "0 bytes long"),
        (b"\x0a" + bytes(3072), "label 10; wanted 0 to 9"),
    ],
)
def test_broken_files_are_named(named_sets, content, message):
    fill(named_sets / FOLDER)
    (named_sets / FOLDER / "data_batch_2.bin").write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        cifar10()
    assert "data_batch_2.bin" in str(caught.value)


def test_missing_files_are_named(named_sets):
    fill(named_sets / FOLDER)
    (named_sets / FOLDER / "data_batch_4.bin").unlink()
    with pytest.raises(DataError, match=r"lacks data_batch_4\.bin"):
        cifar10()


def test_a_label_column_makes_no_sense_here(named_sets):
    with pytest.raises(UserError, match="--label"):
        cifar10("color")


@pytest.mark.data
def test_the_real_set_has_the_published_statistics():
    parts = cifar10()
    assert [len(part) for part in parts.values()] == [50_000, 10_000]
    pixels = parts["train"].images.double() / 255
    mean, std = pixels.mean((0, 2, 3)), pixels.std((0, 2, 3))
    assert mean.tolist() == pytest.approx([0.4914, 0.4822, 0.4465], abs=1e-4)
    assert std.tolist() == pytest.approx([0.2470, 0.2435, 0.2616], abs=1e-4)
