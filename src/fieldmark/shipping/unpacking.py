"""Unpacking a classifier folder: every file accounted for before anything in it is used."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fieldmark.errors import ClassifierError
from fieldmark.shipping.description import DESCRIPTION, WEIGHTS, Description, check_format
from fieldmark.shipping.integrity import FRESH, SEAL, check_seal, one_line, read_json, sha256_of

INSIDE_A_RUN = "classifier"
LITTER = {".DS_Store", "Thumbs.db", "desktop.ini"}
"""What file managers leave in every folder they show."""


def find(path: Path) -> Path:
    """The classifier folder that `path` is, or that is in the run folder `path`. Raises ClassifierError."""
    if path.is_file():
        raise ClassifierError(f"{path} is a file; a classifier is a folder with {DESCRIPTION} in it.")
    if not path.is_dir():
        raise ClassifierError(f"no such run or classifier: {path}. Check the spelling.")
    for folder in (path, path / INSIDE_A_RUN):
        if (folder / DESCRIPTION).is_file():
            return folder
    raise ClassifierError(
        f"{path} is no run or classifier folder: neither it nor its '{INSIDE_A_RUN}' holds {DESCRIPTION}. "
        "Was its training stopped before the end?"
    )


def check_unaltered(path: Path) -> None:
    """Raise ClassifierError when `path` is or holds a classifier folder that is broken or altered.

    Other paths, a file of weights say, pass.
    """
    if any((folder / DESCRIPTION).is_file() for folder in (path, path / INSIDE_A_RUN)):
        unpack(find(path))


def described(path: Path) -> Description | None:
    """What the classifier folder that `path` is, or that is in the run `path`, says of itself.

    None where there is none. Its files are not looked at. Raises ClassifierError when the format is unknown,
    or the description is broken or was edited.
    """
    for file in (path / DESCRIPTION, path / INSIDE_A_RUN / DESCRIPTION):
        if file.is_file():
            return _read(file)
    return None


def unpack(folder: Path) -> tuple[Description, bytes]:
    """What the folder says of itself, and the bytes of its weights, all checked.

    Raises ClassifierError, one line naming the file, when the format is unknown, the description is broken or
    was edited, a file is missing, altered, or not listed.
    """
    description = _read(folder / DESCRIPTION)
    try:
        _check_files(folder, description.files)
        content = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise ClassifierError(f"{folder} cannot be read: {one_line(error)}.") from error
    # Hashed again as read: what is used is what was checked, even if the file changed in between.
    if hashlib.sha256(content).hexdigest() != description.files[WEIGHTS]:
        raise ClassifierError(f"{folder / WEIGHTS} is not the file that was written. {FRESH}")
    return description, content


def _read(path: Path) -> Description:
    document = read_json(path)
    try:
        check_format(document)
        check_seal(document)
        return Description.from_json({key: value for key, value in document.items() if key != SEAL})
    except ClassifierError as error:
        raise ClassifierError(f"{path}: {error}. {FRESH}") from error


def _check_files(folder: Path, files: dict[str, str]) -> None:
    for entry in sorted(folder.iterdir()):
        if entry.name not in (*files, DESCRIPTION) and entry.name not in LITTER:
            raise ClassifierError(f"{entry} does not belong to the classifier. Move it elsewhere.")
    for name, checksum in files.items():
        path = folder / name
        if not path.is_file():
            raise ClassifierError(f"{path} is missing. {FRESH}")
        if name != WEIGHTS and sha256_of(path) != checksum:
            raise ClassifierError(f"{path} is not the file that was written. {FRESH}")
