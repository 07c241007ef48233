"""A lock on a run folder that dies with the process which holds it."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from pathlib import Path
from types import TracebackType

from fieldmark.errors import UserError
from fieldmark.files import reason, refuse_links

NAME = "run.lock"

_NO_LOCKS_HERE = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)
"""What a file system answers that has no locks, as some network drives; then nobody is kept out."""


class Lock:
    """The file run.lock in a folder, locked by the system for as long as this process lives.

    A killed process leaves the file behind, but not the lock: the file alone keeps nobody out.

    Raises:
        UserError: another process holds it, or the folder cannot be written to.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     lock = Lock(Path(folder))
    ...     try:
    ...         Lock(Path(folder))
    ...     except UserError as error:
    ...         print(str(error).partition(" (")[2])
    ...     lock.release()
    ...     list(Path(folder).iterdir())
    process ...). Wait until it ends, or take another folder.
    []
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        refuse_links(self.path)
        while True:
            try:
                self.handle = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
            except OSError as error:
                raise UserError(f"cannot write to the run folder {folder}: {reason(error)}") from error
            if not _lock(self.handle):
                holder = _holder(self.handle)
                os.close(self.handle)
                raise UserError(
                    f"{folder} is being trained in by another run of fieldmark{holder}. "
                    "Wait until it ends, or take another folder."
                )
            # Whoever held the lock before may have removed the file while we waited to open it.
            if _is_at(self.handle, self.path):
                break
            os.close(self.handle)
        os.truncate(self.handle, 0)
        os.write(self.handle, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Give the folder free and take the file away. Once is enough; again does nothing."""
        if self.handle < 0:
            return
        with contextlib.suppress(OSError):  # Windows removes no open file, a read-only disk none at all
            if _is_at(self.handle, self.path):
                self.path.unlink()
        os.close(self.handle)
        self.handle = -1
        if sys.platform == "win32":
            with contextlib.suppress(OSError):
                self.path.unlink()

    def __enter__(self) -> Lock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def follow(self, folder: Path) -> None:
        """The folder was renamed to this, and the file with it."""
        self.path = folder / NAME


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except FileNotFoundError:
        return False


def _holder(handle: int) -> str:
    try:
        text = os.pread(handle, 20, 0).decode("ascii").strip() if hasattr(os, "pread") else ""
    except (OSError, ValueError):
        text = ""
    return f" (process {text})" if text.isdigit() else ""


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> bool:
        try:
            # Far behind the process number, which others may read: Windows locks bytes for reading, too.
            os.lseek(handle, 1000, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EDEADLOCK):
                return False
            raise
        finally:
            os.lseek(handle, 0, os.SEEK_SET)
        return True

else:
    import fcntl

    def _lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in _NO_LOCKS_HERE:
                raise UserError(f"cannot lock the run folder: {reason(error)}") from error
        return True
