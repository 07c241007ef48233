"""Checksums and strict JSON: noticing that a file is not the one that was written."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from fieldmark import files
from fieldmark.errors import ClassifierError, UserError

SEAL = "sha256"
"""The key under which a document carries the checksum of the rest of itself."""
FRESH = "Take a fresh copy of the folder, or train again."


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, 64 hexadecimal digits, read piece by piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal(document: dict[str, Any]) -> dict[str, Any]:
    """`document` with the SHA-256 of its own content added under "sha256".

    The content is what matters, not its layout: keys sorted, no spaces, ASCII. A seal shows that a file was
    damaged or edited; it is no signature, since whoever edits can seal again.

    >>> seal({"b": 1, "a": 2}) == seal(seal({"a": 2, "b": 1}))
    True
    """
    content = {key: value for key, value in document.items() if key != SEAL}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return {**content, SEAL: hashlib.sha256(text.encode("ascii")).hexdigest()}


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises ClassifierError for anything else (`fieldmark.files.read_json`), saying what to do.
    """
    try:
        return files.read_json(path)
    except UserError as error:
        raise ClassifierError(f"{error} {FRESH}") from error


def check_seal(document: dict[str, Any]) -> None:
    """Raises ClassifierError when the document's content is not what was sealed."""
    try:
        intact = seal(document)[SEAL] == document.get(SEAL)
    except RecursionError:  # nested deeper than anything we write
        intact = False
    if not intact:
        raise ClassifierError("it was changed after it was written: its checksum is wrong")


def one_line(error: BaseException, limit: int = 200) -> str:
    """What an error says, on one line and not too long.

    >>> one_line(ValueError("first\\n second"))
    'first second'
    """
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= limit else words[: limit - 3] + "..."
