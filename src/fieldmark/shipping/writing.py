"""Writing a folder whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from fieldmark.errors import UserError
from fieldmark.shipping.description import DESCRIPTION


def write_folder(folder: Path, files: Mapping[str, bytes], overwrite: bool) -> None:
    """Make `folder` with exactly these files: written beside it, flushed to the disk, then renamed.

    A folder that stands there is replaced only with `overwrite`, and only if it is a classifier or empty; the
    old one goes when the new one is in place. Raises UserError otherwise, and when the disk does not take it
    (full, read-only); then the old folder is as it was.
    """
    folder = folder.absolute()
    _check_free(folder, overwrite)
    token = secrets.token_hex(4)
    beside, old = (folder.with_name(f".{folder.name}.{token}.{end}") for end in ("part", "old"))
    try:
        beside.mkdir(parents=True)
        for name, content in files.items():
            with (beside / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        _sync(beside)
        _swap(beside, folder, old)
    except OSError as error:
        raise UserError(
            f"cannot write {folder}: {error.strerror or error}. Nothing there was changed; make room or take "
            "another folder."
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def _check_free(folder: Path, overwrite: bool) -> None:
    if not (folder.exists() or folder.is_symlink()):
        return
    if not overwrite:
        raise UserError(f"{folder} exists already. Take another folder, or overwrite it (overwrite=True).")
    if not folder.is_dir() or (any(folder.iterdir()) and not (folder / DESCRIPTION).is_file()):
        raise UserError(f"{folder} is no classifier folder, so it is not overwritten. Take another folder.")


def _swap(new: Path, folder: Path, old: Path) -> None:
    """Put `new` in the place of `folder`, which becomes `old`; undone when any of it fails."""
    try:
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
        _sync(folder.parent)
    except BaseException:
        if old.exists():
            shutil.rmtree(folder, ignore_errors=True)
            old.rename(folder)
        raise


def _sync(folder: Path) -> None:
    """Flush a folder's entries; Windows does so by itself and cannot open folders."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
