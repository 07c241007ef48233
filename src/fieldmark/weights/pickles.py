"""Files that torch.save wrote: read once, by a process of their own, and kept as safetensors."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy
import safetensors
import torch

import fieldmark
from fieldmark.data.store.housekeeping import StoreInfo, cache_folder
from fieldmark.data.store.manifest import reach_disk
from fieldmark.errors import ClassifierError, DataError
from fieldmark.files import write_json

LARGEST_NOTE = 10_000  # bytes
SECONDS = 300
"""The longest that reading a file may take."""

READER = """
import sys
count = int(sys.argv[1])
sys.path += [root for root in sys.argv[2 : 2 + count] if root not in sys.path]
from fieldmark.weights.pickle_reader import main
sys.exit(main(sys.argv[2 + count :]))
"""
"""The process that reads, started by -I: neither the current folder nor PYTHONPATH is on its path.

`python -m` would put the current folder first, and run a safetensors.py that a stranger left there. Where
what is needed lies elsewhere than Python looks by itself (a source folder, a user's own packages), its folder
comes last, behind all that it could hide.
"""


def as_safetensors(path: Path) -> Path:
    """The tensors of a state_dict file as a safetensors file, under $FIELDMARK_CACHE beside the stores.

    It is named by the file's SHA-256, so the same file is read once, wherever it lies; beside it stands the
    SHA-256 of what was written, and a file that is not that any more is made again. A file that hangs,
    crashes or asks for too much memory takes down the process that reads it, not this one. Raises
    ClassifierError for a file that cannot be read as weights, DataError when the cache cannot be written.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ClassifierError(f"{path} cannot be read: {error.strerror}.") from error
    folder = cache_folder() / "weights"
    kept = folder / f"{digest}.safetensors"
    try:
        if _is_whole(kept):
            return kept
        folder.mkdir(parents=True, exist_ok=True)
        # A folder of a random name, where nobody can have put a link to be written through.
        with tempfile.TemporaryDirectory(prefix=".reading-", dir=folder) as work:
            part = Path(work) / kept.name
            _convert(path, part)
            with part.open("rb+") as file:
                reach_disk(file)
                file.seek(0)
                written = hashlib.file_digest(file, "sha256").hexdigest()
            part.replace(kept)
        write_json(kept.with_suffix(".json"), {"weights": digest, "sha256": written})
    except OSError as error:
        raise DataError(
            f"cannot write the weights of {path} to {folder}: {error.strerror}. "
            "Make room, or set FIELDMARK_CACHE to another folder."
        ) from error
    return kept


def _is_whole(kept: Path) -> bool:
    """Whether this is the file that was written under this name."""
    written = _written(kept)
    if written is None or not kept.is_file():
        return False
    with kept.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == written


def _written(kept: Path) -> str | None:
    """The SHA-256 that stands beside weights that were made here; None for any other file."""
    try:
        document = json.loads(kept.with_suffix(".json").read_bytes()[:LARGEST_NOTE])
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get("weights") != kept.stem:
        return None
    return str(document.get("sha256"))


def list_weights() -> list[StoreInfo]:
    """The safetensors files that `as_safetensors` made, oldest first; a broken one has no source."""
    found = []
    for path in (cache_folder() / "weights").glob("*.safetensors"):
        if _written(path) is None:
            continue
        try:
            with safetensors.safe_open(path, "pt") as file:
                source = (file.metadata() or {}).get("source", "")
        except (OSError, safetensors.SafetensorError):
            source = ""
        about = path.stat()
        made = datetime.fromtimestamp(about.st_mtime, UTC).isoformat(timespec="seconds")
        found.append(StoreInfo(path, about.st_size, None, source, made))
    return sorted(found, key=lambda one: (one.created, one.path))


def import_roots() -> list[str]:
    """The folders that the packages of the reading process were imported from in this one."""
    files = [package.__file__ for package in (fieldmark, torch, safetensors, numpy)]
    return list(dict.fromkeys(str(Path(file).resolve().parents[1]) for file in files if file is not None))


def _convert(source: Path, target: Path) -> None:
    roots = import_roots()
    command = [sys.executable, "-I", "-c", READER, str(len(roots)), *roots, str(source), str(target)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise ClassifierError(
            f"{source} was not read within {SECONDS:g} seconds. Are these the weights of a network?"
        ) from error
    told = done.stdout.strip().splitlines()
    if done.returncode == 1 and told:
        raise ClassifierError(told[-1])
    if done.returncode != 0:
        ended = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise ClassifierError(f"{source} cannot be read as weights: its reader ended ({ended}).")
