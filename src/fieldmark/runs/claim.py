"""Taking a run folder: exclusively, before anything costly is done, and without losing what stood there."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from fieldmark.errors import ClassifierError, UserError
from fieldmark.files import reason
from fieldmark.runs import run_folder as files
from fieldmark.runs.lock import NAME as LOCK
from fieldmark.runs.lock import Lock

_OURS = {
    "": rf"{files.RECIPE}|{files.RUN}|{files.HISTORY}|{files.METRICS}|{LOCK}",
    files.CHECKPOINTS: r"(last|previous)\.pt",
    files.FIGURES: r"(curves|confusion|recalls|mistakes|predictions)\.png",
    files.CLASSIFIER: r"classifier\.json|weights\.safetensors|model\.onnx",
    "tensorboard": r"events\.out\.tfevents\..+",
    "test": rf"{files.METRICS}|(confusion|recalls|mistakes|predictions)\.png",
    "pictures": r"is-a-.+\.png",  # of the demo
}
"""What a run writes: folder to a pattern of file names."""

_PART = r"\.[0-9a-f]{16}\.part"
"""What a killed process may leave of a file that it was writing (fieldmark.files)."""


class Claim:
    """A run folder that belongs to this process while the block lasts.

    The folder is made at once and locked, so that of any number of processes one has it and the others are
    told so. A run that stands there and is to be replaced stays in its place, locked, until `begin`: then the
    pictures are prepared and the network is built, and nothing that the user gave can be wrong any more. When
    the block ends before that, everything is as it was.

    folder: where the run will be. begun: whether `begin` was called.
    """

    def __init__(self, folder: Path, lock: Lock, *, new: bool, made: Sequence[Path] = ()) -> None:
        self.folder, self.begun = folder, False
        self._lock, self._new, self._made = lock, new, made

    def begin(self, write: Callable[[], None]) -> None:
        """Take the place of what is to be replaced, and remove that once `write` has written the first files.

        Raises:
            UserError: the disk does not allow it; then everything is as it was.
        """
        aside = None if self._new else self._put_aside()
        try:
            write()
        except BaseException:
            if aside is not None:
                self._lock.release()
                shutil.rmtree(self.folder, ignore_errors=True)
                self._bring_back(aside)
                self._lock, self._new = Lock(self.folder), False
            raise
        self.begun = True
        if aside is not None:
            shutil.rmtree(aside, ignore_errors=True)

    def __enter__(self) -> Claim:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()
        if self.begun or not self._new or stranger_in(self.folder) is not None:
            return
        for path in _entries(self.folder):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        with contextlib.suppress(OSError):  # only empty ones go: what others put there stays
            for folder in self._made:
                folder.rmdir()

    def _put_aside(self) -> Path:
        """Rename the run that stands there and make an empty folder in its place."""
        aside = self.folder.with_name(f".{self.folder.name}.{secrets.token_hex(8)}.old")
        old = self._lock
        if os.name == "nt":  # which renames no folder that has an open file in it
            old.release()
        try:
            self.folder.rename(aside)
            old.follow(aside)
            try:
                self.folder.mkdir()
                self._lock = Lock(self.folder)
            except BaseException:
                self._bring_back(aside)
                old.follow(self.folder)
                raise
        except OSError as error:
            raise UserError(f"cannot replace {self.folder}: {reason(error)}") from error
        old.release()
        self._new = True
        return aside

    def _bring_back(self, aside: Path) -> None:
        try:
            if self.folder.exists():
                self.folder.rmdir()
            aside.rename(self.folder)
        except OSError as error:
            raise UserError(
                f"{self.folder} was taken by somebody else in this moment; the run that was there is {aside} "
                "now. Give it another name."
            ) from error


def claim_next(stem: str, parent: Path = Path("runs")) -> Claim:
    """Take the first of runs/STEM-1, runs/STEM-2 ... that is not there yet.

    Raises:
        UserError: no folder can be made there.
    """
    around = _make_parents(parent / stem)
    number = 1
    while True:
        folder = parent / f"{stem}-{number}"
        number += 1
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        except OSError as error:
            raise UserError(f"cannot make the run folder {folder}: {reason(error)}") from error
        return Claim(folder, Lock(folder), new=True, made=[folder, *around])


def claim(folder: Path, *, overwrite: bool = False, in_use: Sequence[Path] = ()) -> Claim:
    """Take `folder`: a new one, an empty one, or with `overwrite` one that holds a run.

    Args:
        folder: where the run is to be.
        overwrite: a run of ours that stands there may be replaced.
        in_use: data and weights that this run reads; a folder that holds one of them is not replaced.

    Raises:
        UserError: it is taken, another process is in it, it must not be replaced, or it cannot be made.
    """
    if folder.is_symlink():
        raise UserError(f"{folder} is a link, and no run is written through one. Name the folder itself.")
    around = _make_parents(folder)
    try:
        folder.mkdir()
    except FileExistsError:
        return _claim_standing(folder, overwrite, in_use)
    except OSError as error:
        raise UserError(f"cannot make the run folder {folder}: {reason(error)}") from error
    return Claim(folder, Lock(folder), new=True, made=[folder, *around])


def _claim_standing(folder: Path, overwrite: bool, in_use: Sequence[Path]) -> Claim:
    if not folder.is_dir():
        raise UserError(f"{folder} exists already, and is no folder. Take another --out.")
    _check_standing(folder, overwrite, in_use)
    lock = Lock(folder)
    try:  # again, as another process may have been in it until now
        empty = _check_standing(folder, overwrite, in_use)
    except BaseException:
        lock.release()
        raise
    return Claim(folder, lock, new=empty)


def _check_standing(folder: Path, overwrite: bool, in_use: Sequence[Path]) -> bool:
    """Whether a folder is empty. Raises UserError when it is not, and may not be replaced."""
    if all(path.name == LOCK for path in _entries(folder)):
        return True
    check_replaceable(folder, overwrite, in_use)
    _check_writable(folder.absolute().parent)
    return False


def check_replaceable(folder: Path, overwrite: bool, in_use: Sequence[Path] = ()) -> None:
    """Raises UserError unless `folder` holds a run of ours and nothing else, and nobody needs it.

    Never replaced are the current folder, the home folder, what is around them, and what holds data or
    weights in use.
    """
    if not overwrite:
        raise UserError(f"{folder} exists already. Take another --out, or --overwrite to replace that run.")
    real = folder.resolve()
    for place, what in ((Path.cwd(), "the current folder"), (Path.home(), "your home folder")):
        if real in (place.resolve(), *place.resolve().parents):
            raise UserError(f"{folder} is {what}, or around it, so it is not replaced. Take another --out.")
    for path in in_use:
        if real in (path.resolve(), *path.resolve().parents):
            raise UserError(f"{folder} holds {path}, which this run reads. Take another --out.")
    if not is_run(folder):
        raise UserError(f"{folder} is not a run of fieldmark (it has no {files.RUN}), so it is not replaced.")
    stranger = stranger_in(folder)
    if stranger is not None:
        raise UserError(
            f"{folder} also holds {stranger}, which no run of fieldmark writes, so it is not replaced. "
            "Move that away, or take another --out."
        )


def is_run(folder: Path) -> bool:
    """Whether run.json in `folder` reads as one that fieldmark wrote."""
    path = folder / files.RUN
    if path.is_symlink() or not path.is_file():
        return False
    try:
        document = files.read_json(path)
    except ClassifierError:
        return False
    versions = document.get("versions")
    return "status" in document and isinstance(versions, dict) and "fieldmark" in versions


def stranger_in(folder: Path) -> Path | None:
    """The first thing in a run folder that no run writes, relative to it; links are such."""
    for path in sorted(folder.rglob("*")):
        within = path.relative_to(folder)
        if path.is_dir() and not path.is_symlink():
            known = within.as_posix() in _OURS
        else:
            inside = "" if within.parent == Path() else within.parent.as_posix()
            pattern = _OURS.get(inside, "(?!)")
            known = not path.is_symlink() and re.fullmatch(f"{pattern}|{_PART}", path.name) is not None
        if not known:
            return within
    return None


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise UserError(f"cannot look into {folder}: {reason(error)}") from error


def _make_parents(folder: Path) -> list[Path]:
    """Make what is missing around `folder`; returns what was made, the innermost first."""
    missing = []
    around = folder.absolute().parent
    while not around.exists() and not around.is_symlink():
        missing.append(around)
        around = around.parent
    try:
        for one in reversed(missing):
            one.mkdir(exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the folder {folder.parent}: {reason(error)}") from error
    return missing


def _check_writable(parent: Path) -> None:
    """Raises UserError when no folder can be made in `parent`: replacing a run needs that later."""
    trial = parent / f".{secrets.token_hex(8)}.part"
    try:
        trial.mkdir()
        trial.rmdir()
    except OSError as error:
        raise UserError(f"cannot write into {parent}: {reason(error)}") from error
