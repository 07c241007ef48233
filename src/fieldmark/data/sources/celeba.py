"""CelebA as published: a folder of faces, a table of 40 attributes (1 or -1), a table of splits (0, 1, 2).

Its pictures may only be had from its authors' own pages, so nothing is downloaded here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fieldmark.data.download import data_folder
from fieldmark.data.sources.archives import unpack
from fieldmark.errors import DataError, UserError
from fieldmark.families import unknown
from fieldmark.vocabulary import SPLITS, Listing, Progress

IMAGES = "img_align_celeba"
ATTRIBUTES = "list_attr_celeba"
PARTITION = "list_eval_partition"
HOME = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"


def celeba(label: str | None = None, progress: Progress | None = None) -> Listing:
    """Faces with and without an attribute, in the official splits; classes ("not X", "X").

    The attribute is selected by name, never by number. Files lie in `celeba/` of the data folder:
    img_align_celeba/ (or its .zip), list_attr_celeba.txt and list_eval_partition.txt (or both as .csv).

    Args:
        label: the attribute.
        progress: not called, as nothing is downloaded.

    Raises:
        UserError: `label` is none of the attributes.
        DataError: files are missing or broken.
    """
    folder = data_folder() / "celeba"
    attributes, partition = _table(folder, ATTRIBUTES), _table(folder, PARTITION)
    if not (folder / IMAGES).is_dir():
        if not (folder / f"{IMAGES}.zip").is_file():
            raise DataError(_absent(folder, f"{IMAGES}/"))
        unpack(folder / f"{IMAGES}.zip", folder, lambda name: name.startswith(f"{IMAGES}/"))
    labels = dict(_attribute(attributes, label))
    files, values, splits = [], [], []
    for number, (file, split) in enumerate(_partition(partition), start=1):
        if file not in labels:
            raise DataError(f"{partition}, picture {number}: {file} is not in {attributes}.")
        files.append(f"{IMAGES}/{file}")
        values.append(labels[file])
        splits.append(split)
    return Listing(folder, tuple(files), tuple(values), tuple(splits), (f"not {label}", str(label)))


def _table(folder: Path, name: str) -> Path:
    found = next((path for path in (folder / f"{name}.txt", folder / f"{name}.csv") if path.is_file()), None)
    if found is None:
        raise DataError(_absent(folder, f"{name}.txt"))
    return found


def _absent(folder: Path, file: str) -> str:
    return (
        f"celeba: there is no {file} in {folder}. Put {IMAGES}/ (or {IMAGES}.zip), {ATTRIBUTES}.txt and "
        f"{PARTITION}.txt there; they come from {HOME}."
    )


def _lines(path: Path) -> list[list[str]]:
    """The cells of each line: between commas in .csv, between spaces in .txt."""
    separator = "," if path.suffix == ".csv" else None
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {error}.") from error
    return [cells for line in text.splitlines() if (cells := line.split(separator))]


def _attribute(path: Path, label: str | None) -> Iterator[tuple[str, int]]:
    """Each picture's file name, and 1 if it has the attribute, else 0."""
    lines = _lines(path)
    if len(lines) < 2:
        raise DataError(f"{path} is cut off: it has no row of attribute names and values.")
    head, rows = (lines[0][1:], lines[1:]) if path.suffix == ".csv" else (lines[1], lines[2:])
    if label is None:
        raise UserError(
            f"celeba has {len(head)} attributes: choose one with --label. All: {', '.join(head)}."
        )
    if label not in head:
        raise UserError(unknown(label, head, "CelebA attribute"))
    column = 1 + head.index(label)
    for cells in rows:
        if len(cells) != len(head) + 1 or cells[column] not in ("1", "-1"):
            raise DataError(f"{path}: the row of {cells[0]} does not have {len(head)} values of 1 or -1.")
        yield cells[0], int(cells[column] == "1")


def _partition(path: Path) -> Iterator[tuple[str, str]]:
    """Each picture's file name and split."""
    lines = _lines(path)
    for cells in lines[1:] if path.suffix == ".csv" else lines:
        if len(cells) != 2 or cells[1] not in ("0", "1", "2"):
            raise DataError(f"{path}: '{' '.join(cells)}' is not a file name and 0, 1 or 2.")
        yield cells[0], SPLITS[int(cells[1])]
