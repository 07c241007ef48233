"""Checksums and strict JSON: noticing that a file is not the one that was written."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

from fieldmark.errors import ClassifierError

SEAL = "sha256"
"""The key under which a document carries the checksum of the rest of itself."""
FRESH = "Take a fresh copy of the folder, or train again."
LARGEST = 16 * 2**20  # bytes of JSON; 10,000 long class names take less than one of the 16 MB


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

    Raises ClassifierError for anything else: no JSON, NaN or infinity, a key twice, more than 16 MB.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise ClassifierError(f"{path} is larger than {LARGEST // 2**20} MB. {FRESH}")
        document = json.loads(
            path.read_text(encoding="utf-8"),
            object_pairs_hook=_object,
            parse_float=_finite,
            parse_constant=_finite,
        )
    except OSError as error:
        raise ClassifierError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, ClassifierError):
            raise
        raise ClassifierError(f"{path} is broken: {one_line(error)}. {FRESH}") from error
    if not isinstance(document, dict):
        raise ClassifierError(f"{path} is broken: it holds no JSON object. {FRESH}")
    return document


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


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key stands there twice")
    return document


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is not a finite number")
    return number
