"""Archives: what is good arrives, what is hostile or broken writes nothing."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zipfile

import pytest

from fieldmark.data.sources.archives import gunzip, unpack
from fieldmark.errors import DataError


def everything(name):
    return True


CONTENT = bytes(range(256)) * 100


def tar_with(path, *members):
    with tarfile.open(path, "w:gz") as archive:
        for name, kind, link in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, link
            member.size = 4 if kind == tarfile.REGTYPE else 0
            archive.addfile(member, io.BytesIO(b"data"))
    return path


def zip_with(path, *names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"data")
    return path


GOOD = ("set/good.bin", tarfile.REGTYPE, "")


@pytest.mark.parametrize(
    "member",
    [
        ("../evil", tarfile.REGTYPE, ""),
        ("set/../../evil", tarfile.REGTYPE, ""),
        ("/tmp/fieldmark-evil", tarfile.REGTYPE, ""),
        ("C:\\evil", tarfile.REGTYPE, ""),
        ("set\\..\\..\\evil", tarfile.REGTYPE, ""),
        ("set/link", tarfile.SYMTYPE, "/etc"),
        ("set/link", tarfile.SYMTYPE, "../.."),
        ("set/hard", tarfile.LNKTYPE, "../evil"),
        ("set/device", tarfile.CHRTYPE, ""),
        ("set/pipe", tarfile.FIFOTYPE, ""),
    ],
)
def test_a_hostile_tar_writes_nothing(tmp_path, member):
    target = tmp_path / "a" / "target"
    target.mkdir(parents=True)
    archive = tar_with(tmp_path / "evil.tar.gz", GOOD, member)
    with pytest.raises(DataError, match=r"evil\.tar\.gz holds") as caught:
        unpack(archive, target, everything)
    assert "Nothing was unpacked" in str(caught.value)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "evil.tar.gz", "target"]


@pytest.mark.parametrize("name", ["../evil", "set/../../evil", "/tmp/fieldmark-evil", "..\\evil", "C:\\evil"])
def test_a_hostile_zip_writes_nothing(tmp_path, name):
    target = tmp_path / "a" / "target"
    target.mkdir(parents=True)
    archive = zip_with(tmp_path / "evil.zip", "set/good.bin", name)
    with pytest.raises(DataError, match=r"evil\.zip holds"):
        unpack(archive, target, everything)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "evil.zip", "target"]


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_good_archive_is_unpacked(tmp_path, kind):
    target = tmp_path / "target"
    target.mkdir()
    archive = (
        tar_with(tmp_path / "good.tar.gz", GOOD)
        if kind == "tar"
        else zip_with(tmp_path / "good.zip", "set/good.bin")
    )
    unpack(archive, target, everything)
    assert [path.name for path in target.iterdir()] == ["set"]
    assert (target / "set" / "good.bin").read_bytes() == b"data"


@pytest.mark.parametrize("name", ["cut.tar.gz", "cut.zip"])
def test_a_broken_archive_leaves_nothing(tmp_path, name):
    whole = tar_with(tmp_path / name, GOOD) if "tar" in name else zip_with(tmp_path / name, "set/good.bin")
    whole.write_bytes(whole.read_bytes()[:-20])
    target = tmp_path / "target"
    target.mkdir()
    with pytest.raises(DataError, match="cannot be unpacked"):
        unpack(whole, target, everything)
    assert list(target.iterdir()) == []


def test_gunzip(tmp_path):
    (tmp_path / "a.bin.gz").write_bytes(gzip.compress(CONTENT))
    assert gunzip(tmp_path / "a.bin.gz").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]
    (tmp_path / "b.bin.gz").write_bytes(gzip.compress(CONTENT)[:-30])
    with pytest.raises(DataError, match=r"b\.bin\.gz cannot be unpacked"):
        gunzip(tmp_path / "b.bin.gz")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.bin", "b.bin.gz"]


@pytest.mark.parametrize("kind", ["tar.gz", "zip"])
def test_only_what_is_wanted_is_taken(tmp_path, kind):
    names = ["set/good.bin", "set/evil.bin", "weights/x.safetensors"]
    archive = tmp_path / f"a.{kind}"
    if kind == "zip":
        zip_with(archive, *names)
    else:
        tar_with(archive, *((name, tarfile.REGTYPE, "") for name in names))
    (tmp_path / "target").mkdir()
    unpack(archive, tmp_path / "target", {"set/good.bin"}.__contains__)
    assert [path.name for path in (tmp_path / "target").rglob("*")] == ["set", "good.bin"]


@pytest.mark.parametrize("kind", ["tar.gz", "zip"])
def test_an_archive_that_would_be_far_larger_unpacked_is_refused_early(tmp_path, monkeypatch, kind):
    monkeypatch.setattr("fieldmark.data.sources.archives.SLACK", 2**16)
    zeros, archive = bytes(4_000_000), tmp_path / f"a.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
            made.writestr("set/zeros.bin", zeros)
    else:
        with tarfile.open(archive, "w:gz") as made:
            member = tarfile.TarInfo("set/zeros.bin")
            member.size = len(zeros)
            made.addfile(member, io.BytesIO(zeros))
    (tmp_path / "target").mkdir()
    with pytest.raises(DataError, match=r"far more than pictures do\. Nothing was unpacked"):
        unpack(archive, tmp_path / "target", everything)
    assert list((tmp_path / "target").iterdir()) == []


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_broken_lzma_is_a_broken_archive(tmp_path, kind):
    archive = tmp_path / f"a.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_LZMA) as made:
            made.writestr("set/good.bin", CONTENT)
        content = bytearray(archive.read_bytes())
        content[60:90] = bytes(30)
    else:
        content = bytearray(lzma.compress(tar_with(tmp_path / "b.tar", GOOD).read_bytes()))
        content[20:40] = bytes(20)
    archive.write_bytes(content)
    (tmp_path / "target").mkdir()
    with pytest.raises(DataError, match="cannot be unpacked"):
        unpack(archive, tmp_path / "target", everything)
