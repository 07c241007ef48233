"""Unpacking archives, which cannot write outside their target and leave nothing half-done."""

from __future__ import annotations

import gzip
import lzma
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath

from fieldmark.errors import DataError
from fieldmark.printable import shortened

TIMES, SLACK = 20, 2**26  # bytes: sets of pictures are not much larger unpacked than packed
BROKEN = (
    *(OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile),
    *(RuntimeError, ValueError),  # zipfile's, of passwords, methods and names it does not know
)


def gunzip(archive: Path) -> Path:
    """Unpack FILE.gz beside itself as FILE and take the archive away.

    Args:
        archive: the file.

    Returns:
        What was unpacked.

    Raises:
        DataError: it is broken.
    """
    target = archive.with_suffix("")
    with _beside(target) as work:
        try:
            with gzip.open(archive) as packed, (work / target.name).open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked, 1 << 20)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(
                f"{archive} cannot be unpacked: {error}. Delete it and fetch it again."
            ) from error
        (work / target.name).replace(target)
    archive.unlink(missing_ok=True)
    return target


def unpack(archive: Path, folder: Path, wanted: Callable[[str], bool]) -> None:
    """Unpack a .zip, .tar or .tar.gz into `folder`, which exists; what lies there under the same name stays.

    Members are unpacked beside and moved when all are there, so nothing half-done is left.

    Args:
        archive: the file.
        folder: where to.
        wanted: whether a file of this name, with forward slashes, is taken; others are left.

    Raises:
        DataError: a member would land outside `folder` or is a link or a device, or the members would take
            far more room than the archive, all before anything is written; or the archive is broken.
    """
    with _beside(folder / archive.name) as work:
        try:
            if zipfile.is_zipfile(archive):
                _unzip(archive, work, wanted)
            else:
                _untar(archive, work, wanted)
        except DataError:
            raise
        except BROKEN as error:
            raise DataError(
                f"{archive} cannot be unpacked: {error}. Delete it and fetch it again."
            ) from error
        for entry in work.iterdir():
            _move(entry, folder / entry.name)


def _move(entry: Path, target: Path) -> None:
    try:
        if not target.exists():
            entry.rename(target)
    except OSError as error:
        if not target.exists():  # else another process has just put it there
            raise DataError(f"cannot write {target}: {error.strerror}.") from error


def _unzip(archive: Path, work: Path, wanted: Callable[[str], bool]) -> None:
    total = 0
    with zipfile.ZipFile(archive) as members:
        for member in members.infolist():
            _refuse_outside(archive, member.filename)
            total += member.file_size
            _refuse_large(archive, total)
        taken = [one for one in members.infolist() if not one.is_dir() and wanted(one.filename)]
        members.extractall(work, taken)  # no member gives more than it announces


def _untar(archive: Path, work: Path, wanted: Callable[[str], bool]) -> None:
    total, taken = 0, []
    with tarfile.open(archive) as members:
        for member in members:
            _refuse_outside(archive, member.name)
            if not (member.isfile() or member.isdir()):
                raise DataError(
                    f"{archive} holds a link or a device, '{shortened(member.name)}'. Nothing was unpacked."
                )
            total += member.size
            _refuse_large(archive, total)  # before reading on to the next one, past its content
            if member.isfile() and wanted(member.name):
                taken.append(member)
        members.extractall(work, taken, filter="data")


def _refuse_large(archive: Path, total: int) -> None:
    size = archive.stat().st_size
    if total > TIMES * size + SLACK:
        raise DataError(
            f"{archive} has {size:,} bytes and would take {total:,} or more unpacked, far more than "
            "pictures do. Nothing was unpacked."
        )


def _refuse_outside(archive: Path, name: str) -> None:
    """Raise DataError for a member that leads outside, by the rules of Unix and of Windows."""
    unix, windows = PurePosixPath(name), PureWindowsPath(name)
    if unix.is_absolute() or windows.drive or windows.root or ".." in (*unix.parts, *windows.parts):
        raise DataError(
            f"{archive} holds '{shortened(name)}', which lies outside the target folder. "
            "Nothing was unpacked."
        )


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A working folder on the same disk as `target`, gone afterwards."""
    try:
        work = tempfile.TemporaryDirectory(prefix=".unpacking-", dir=target.parent)
    except OSError as error:
        raise DataError(f"cannot write into {target.parent}: {error.strerror}.") from error
    with work as path:
        yield Path(path)
