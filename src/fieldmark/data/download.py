"""Fetching named files: several addresses, checksums, one message when all of them fail."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fieldmark.errors import DataError
from fieldmark.vocabulary import Progress

TIMEOUT = (10, 60)  # seconds to connect, seconds between two pieces
FEWEST_DIGITS = 8  # of a checksum: one wrong file in four billion would pass


@dataclass(frozen=True)
class Remote:
    """One file as its hosts have it.

    The files of public weights carry the first eight digits of their SHA-256 in their names, and no more of
    it is published.

    Attributes:
        file: its name.
        checksum: "md5:..." or "sha256:...", all of it or its first digits.
    """

    file: str
    checksum: str

    def is_whole(self, path: Path) -> bool:
        """Whether a file is this one, by its checksum.

        Args:
            path: the file.

        Raises:
            OSError: it cannot be read.
        """
        algorithm, _, digits = self.checksum.partition(":")
        assert len(digits) >= FEWEST_DIGITS, self.checksum
        with path.open("rb") as file:
            return hashlib.file_digest(file, algorithm).hexdigest().startswith(digits)


def data_folder() -> Path:
    """Where the named sets lie: $FIELDMARK_DATA, else ~/.cache/fieldmark."""
    chosen = os.environ.get("FIELDMARK_DATA")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "fieldmark"


def fetch(
    name: str,
    remotes: Sequence[Remote],
    addresses: Sequence[str],
    folder: Path,
    progress: Progress | None = None,
) -> None:
    """Bring files into a folder, each from the first address that gives it with the right checksum.

    What already lies there whole is left alone.

    Args:
        name: of the set, for messages.
        remotes: the files.
        addresses: the folders on the hosts, ending in "/".
        folder: where to; made where it is not there.
        progress: called with (what, done, total).

    Raises:
        DataError: one cannot be had from any address; names all files and where to put them.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot make the folder {folder} for {name}: {error.strerror}.") from error
    addresses = list(addresses)
    for remote in remotes:
        failures = []
        for address in list(addresses):
            failure = _retrieve(address + remote.file, remote, folder, progress)
            if failure is None:
                addresses.remove(address)
                addresses.insert(0, address)  # the next file most likely is there too
                break
            failures.append(f"{address} ({failure})")
        else:
            wanted = ", ".join(one.file for one in remotes)
            wrong = (folder / remote.file).is_file()
            there = f" The {remote.file} that lies there is another file." if wrong else ""
            raise DataError(
                f"cannot download {name}: {remote.file} from {'; '.join(failures)}. "
                f"Without a network, put {wanted} into {folder}.{there}"
            )


def _retrieve(url: str, remote: Remote, folder: Path, progress: Progress | None) -> str | None:
    """Download one file; None when it is there and whole, else the reason in a few words.

    It gets its name once it is whole, so that nothing half or wrong ever has it.
    """
    import pooch

    target = folder / remote.file
    bar = _Bar(f"download {remote.file}", progress) if progress else False
    downloader = pooch.HTTPDownloader(progressbar=bar, chunk_size=1 << 16, timeout=TIMEOUT)
    try:
        if target.is_file() and remote.is_whole(target):
            return None
        # A folder of a random name, where nobody can have put a link to be written through.
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as work:
            part = Path(work) / remote.file
            downloader(url, str(part), None)
            if not remote.is_whole(part):
                return "wrong checksum"
            part.replace(target)
    except OSError as error:  # requests' errors are OSErrors
        return _reason(error)
    return None


def _reason(error: OSError) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return f"HTTP {status}"
    return error.strerror or type(error).__name__


class _Bar:
    """What pooch wants of a progress bar, passed on to a Progress."""

    def __init__(self, what: str, progress: Progress) -> None:
        self.what, self.progress = what, progress
        self.done = self.total = 0

    def update(self, size: int) -> None:
        self.done = min(self.done + size, self.total or self.done + size)  # pooch counts whole pieces
        self.progress(self.what, self.done, self.total)

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        pass
