"""A table of pictures and labels, CSV or Parquet, in the folder its paths start from."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from fieldmark.data.decode.formats import EXTENSIONS
from fieldmark.data.sources.cells import Table, file_name, files_of, open_table, text
from fieldmark.data.sources.folders import stranger
from fieldmark.data.sources.names import SPLIT_NAMES, alike, composed, listed, natural_order, split_of
from fieldmark.errors import DataError
from fieldmark.families import unknown
from fieldmark.printable import shortened
from fieldmark.vocabulary import Listing

FILE_COLUMNS = (
    *("file", "filename", "file_name", "path", "filepath", "file_path", "image", "image_path", "img"),
    *("image_file", "image_filename", "image_name", "img_path", "img_file", "img_name", "picture", "photo"),
    *("filenames", "image_id", "img_id"),
)
LABEL_COLUMNS = ("label", "class", "target", "category", "class_name", "labels")
SPLIT_COLUMNS = ("split", "data_split", "dataset_split", "splits", "set", "subset", "data_set", "dataset")
FLAG_COLUMNS = {"is_valid": "val", "is_val": "val", "is_validation": "val", "is_test": "test"}
"""Columns of true and false: the split that true stands for; false is for training."""

YES, NO = ("true", "1", "yes"), ("false", "0", "no")
WHOLE = re.compile(r"[+-]?[0-9]+(\.0*)?")
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?")
ADDRESS = re.compile(r"(?:https?|ftp|s3|gs)://", re.IGNORECASE)


def read_table(
    path: Path,
    label: str | None = None,
    *,
    file_column: str | None = None,
    split_column: str | None = None,
    group: str | None = None,
) -> Listing:
    """The pictures that the table at `path` lists, files relative to the table's folder.

    CSV is UTF-8 with commas, semicolons or tabs; Parquet needs the extra `table`, and may hold the pictures
    themselves, as bytes or {bytes, path}. Capitals in names of columns do not matter. Rows that repeat
    another are noted and left out. A file that the disk spells decomposed is found from a composed name, and
    one name without an extension from the only picture of that name.

    Args:
        path: the table.
        label: the column with the class; by default one of LABEL_COLUMNS.
        file_column: the column with file names or pictures; by default one of FILE_COLUMNS.
        split_column: the column with the split: train, val, test and their like, or true (validation) and
            false; by default one of SPLIT_COLUMNS or FLAG_COLUMNS, if there. Another one that looks like a
            split is noted.
        group: the column of what belongs together and must not be divided: a patient, a video, a plant.

    Raises:
        DataError: naming the table and, where there is one, the row: a table that cannot be read, columns
            that are missing, empty cells, web addresses, one number written in two ways, and several labels
            per picture.
    """
    table = open_table(path)
    root, names = _files(table, file_column)
    label_name = _label_column(table, label)
    labels = _labels(table, label_name)
    notes: list[str] = []
    splits = _splits(table, split_column, {label_name, group or ""}, notes)
    groups = _groups(table, group)
    _refuse_empty(path, names, labels, label_name)
    names = [*_as_on_disk(root, names)]
    _refuse_several(path, names, labels, label_name, table.columns[label_name])
    rows = list(dict.fromkeys(zip(names, labels, splits, groups, strict=True)))
    if len(rows) < len(names):
        notes.append(f"left out: rows of {path.name} that repeat another: {len(names) - len(rows)}.")
    if root == path.parent:
        notes.extend(_outside(path, [row[0] for row in rows]))
    classes = natural_order({row[1] for row in rows if row[2] in (None, "train")} or {row[1] for row in rows})
    notes.extend(alike(classes))
    position = {one: number for number, one in enumerate(classes)}
    for file, one, split, _ in rows:
        if one not in position:
            raise DataError(stranger(one, classes, f"{path}: {split} ({shortened(file)})"))
    found, named, parts, together = zip(*rows, strict=True)
    return Listing(
        root,
        found,
        tuple(position[one] for one in named),
        parts,
        classes,
        tuple(notes),
        None if group is None else together,
    )


def files(path: Path, file_column: str | None = None) -> list[str]:
    """The files that a table lists, for prediction, which wants no labels.

    Args:
        path: the table.
        file_column: as for `read_table`.

    Returns:
        Paths that can be opened.

    Raises:
        DataError: as `read_table` does, except for labels, splits and groups, which are not looked at.
    """
    table = open_table(path)
    root, names = _files(table, file_column)
    return [str(root / name) if name else str(path.parent) for name in _as_on_disk(root, names)]


def _files(table: Table, file_column: str | None) -> tuple[Path, list[str]]:
    """The folder that the files lie below, and the file of every row."""
    column = _file_column(table, file_column)
    if column in table.pictures:
        return files_of(table, column)
    cells = table.columns[column]
    for number, cell in enumerate(cells, start=2):
        if ADDRESS.match(text(cell)):
            raise DataError(
                f"{table.path}, row {number}: {shortened(text(cell))} is an address on the web, and "
                "fieldmark reads files. Download the pictures, and write the names of the files there."
            )
    return table.path.parent, [file_name(cell) for cell in cells]


def _plain(name: str) -> str:
    """The name of a column without capitals, with one underscore for anything between words.

    >>> _plain("Data Set")
    'data_set'
    """
    return re.sub(r"[\W_]+", "_", name.strip().lower())


def _match(columns: Iterable[str], names: Iterable[str]) -> str | None:
    """The column whose name is the earliest of `names`, capitals and what stands between words aside."""
    spelled = {_plain(column): column for column in reversed(list(columns))}
    return next((spelled[name] for name in names if name in spelled), None)


def _chosen(table: Table, name: str, columns: Sequence[str]) -> str:
    """The column that the user named. Raises DataError if there is none of that name."""
    found = name if name in columns else _match(columns, (_plain(name),))
    if found is None:
        raise DataError(f"{table.path}: {unknown(name, map(shortened, columns), 'column')}")
    return found


def _file_column(table: Table, chosen: str | None) -> str:
    if chosen is not None:
        return _chosen(table, chosen, table.names)
    found = _match(table.names, FILE_COLUMNS) or (table.pictures[0] if len(table.pictures) == 1 else None)
    if found is None:
        raise DataError(
            f"{table.path} has no column of file names. It has: {listed(table.names, 10)}. "
            "Choose one with --file-column, or name it file."
        )
    return found


def _label_column(table: Table, label: str | None) -> str:
    columns = [name for name in table.columns if name]
    if label is not None:
        return _chosen(table, label, columns)
    found = _match(columns, LABEL_COLUMNS)
    if found is not None:
        return found
    marks = [name for name in columns if {text(cell) for cell in table.columns[name]} <= {"0", "1", "-1"}]
    marks = [name for name in marks if _plain(name) not in FLAG_COLUMNS]
    if len(marks) > 1:
        raise DataError(
            f"{table.path} marks several labels per picture, in the columns {listed(marks)}. fieldmark takes "
            "one label per picture: choose a column with --label, or write the class into a column named "
            "label."
        )
    raise DataError(
        f"{table.path} has no column of labels. It has: {listed(columns, 10)}. "
        "Choose one with --label, or name it label."
    )


def _labels(table: Table, column: str) -> list[str]:
    """The class of every row, in composed Unicode; whole numbers are written without a fraction.

    Raises DataError for bytes that are no text, and where one number is written in two ways and it is not
    clear which is meant.
    """
    labels = [composed(text(cell)) for cell in table.columns[column]]
    for number, label in enumerate(labels, start=2):
        if isinstance(table.columns[column][number - 2], bytes) and not _is_text(label):
            raise DataError(
                f"{table.path}, row {number}: column '{shortened(column)}' holds bytes, and no text."
            )
    names = table.classes.get(column)
    if names is not None:
        known = {str(number): composed(name) for number, name in enumerate(names)}
        return [known.get(label, "" if label == "-1" else label) for label in labels]
    if all(WHOLE.fullmatch(label) for label in labels if label):  # 1.0 is how pandas writes 1 beside a gap
        labels = [label.partition(".")[0] for label in labels]
    spelled: dict[Decimal, str] = {}
    for number, label in enumerate(labels, start=2):
        if not NUMBER.fullmatch(label):
            continue
        before = spelled.setdefault(Decimal(label), label)
        if before != label:
            raise DataError(
                f"{table.path}, row {number}: '{shortened(label)}' here and '{shortened(before)}' above are "
                "one number. Write it in one way, so that it is one class."
            )
    return labels


def _is_text(label: str) -> bool:
    try:
        label.encode()
    except UnicodeEncodeError:
        return False
    return True


def _splits(table: Table, chosen: str | None, others: set[str], notes: list[str]) -> Sequence[str | None]:
    """The split of every row; notes say which column was taken, if not the one named split, and which not."""
    columns = [name for name in table.columns if name and name not in others]
    looking = {name: found for name in columns if (found := _as_split(name, table.columns[name])) is not None}
    if chosen is not None:
        taken = _chosen(table, chosen, [name for name in table.columns if name])
        return looking.get(taken) or _wanted_splits(table, taken)
    taken_name = _match(columns, SPLIT_COLUMNS[:1])
    if taken_name is not None:
        cells = table.columns[taken_name]
        splits = looking.get(taken_name) or (
            _wanted_splits(table, taken_name) if any(map(text, cells)) else None
        )
    else:
        taken_name = _match(looking, (*SPLIT_COLUMNS, *FLAG_COLUMNS))
        splits = looking[taken_name] if taken_name is not None else None
        if splits is not None:
            counts = ", ".join(f"{splits.count(one)} {one}" for one in dict.fromkeys(SPLIT_NAMES.values()))
            notes.append(
                f"column '{taken_name}' is taken as the split: {counts}. --split-column names another."
            )
    for name in looking:
        if name != taken_name:
            notes.append(
                f"column '{shortened(name)}' looks like a split and is not used: --split-column takes it."
            )
    return splits or [None] * table.rows


def _as_split(name: str, cells: Sequence[Any]) -> list[str | None] | None:
    """The splits that a column says: by words in every cell, or by true and false under a known name."""
    written = [text(cell).lower() for cell in cells]
    different = set(written)
    by_word = {one: split_of(one) for one in different} if len(different) < 20 else {}
    if by_word and all(by_word.values()):
        return [by_word[one] for one in written]
    stands_for = FLAG_COLUMNS.get(_plain(name))
    if stands_for is not None and different <= {*YES, *NO}:
        return [stands_for if one in YES else "train" for one in written]
    return None


def _wanted_splits(table: Table, column: str) -> list[str | None]:
    """The splits in a column that is said to hold them, true being validation where its name says no other.

    Raises DataError, naming the row, for any other word.
    """
    written = [text(cell).lower() for cell in table.columns[column]]
    if set(written) <= {*YES, *NO}:
        return ["val" if one in YES else "train" for one in written]
    splits = [split_of(one) for one in written]
    for number, (one, split) in enumerate(zip(written, splits, strict=True), start=2):
        if split is None:
            raise DataError(
                f"{table.path}, row {number}: split '{shortened(one)}'. Wanted: {', '.join(SPLIT_NAMES)}, or "
                "true and false."
            )
    return splits


def _groups(table: Table, group: str | None) -> list[str]:
    """What each row belongs to; "" for what stands alone."""
    if group is None:
        return [""] * table.rows
    column = _chosen(table, group, [name for name in table.columns if name])
    return [text(cell) for cell in table.columns[column]]


def _as_on_disk(root: Path, names: Sequence[str]) -> Iterator[str]:
    """The names as the disk spells them, where it does so otherwise; what is not there stays as it is."""
    folders: dict[str, dict[str, list[str]]] = {}

    def inside(folder: str) -> dict[str, list[str]]:
        if folder not in folders:
            found: dict[str, list[str]] = {}
            try:
                entries = sorted(os.listdir(folder))  # noqa: PTH208 - names are wanted, not paths
            except (OSError, ValueError):
                entries = []
            for entry in entries:
                found.setdefault(composed(entry), []).append(entry)
                stem, extension = os.path.splitext(entry)  # noqa: PTH122
                if extension.lower() in EXTENSIONS:
                    found.setdefault(f"{composed(stem)}\0", []).append(entry)
            folders[folder] = found
        return folders[folder]

    for name in names:
        if not name or os.path.lexists(os.path.join(root, name)):  # noqa: PTH118 - thousands of times
            yield name
            continue
        *parents, last = name.split("/")
        spelled: list[str] = []
        for part in parents:
            here = inside(str(root / "/".join(spelled))) if part not in ("", "..") else {}
            spelled.append(here.get(composed(part), [part])[0])
        there = inside(str(root / "/".join(spelled)))
        one = there.get(composed(last)) or there.get(f"{composed(last)}\0") or [last]
        yield "/".join([*spelled, one[0] if len(one) == 1 else last])


def _outside(path: Path, names: Sequence[str]) -> Iterator[str]:
    """A note when files lie elsewhere than below the table's folder."""
    root = os.path.abspath(path.parent)  # noqa: PTH100 - lexical: a link below the folder is the user's own
    there = [name for name in names if name.startswith("/") or ".." in name or ":" in name]
    whole = (os.path.normpath(os.path.join(root, name)) for name in there)  # noqa: PTH118
    outside = [one for one in whole if not one.startswith(os.path.join(root, ""))]  # noqa: PTH118
    if outside:
        first = shortened(outside[0])
        yield f"{path.name} leads outside its folder, to {len(outside)} files, the first {first}."


def _refuse_empty(path: Path, files: Sequence[str], labels: Sequence[str], column: str) -> None:
    for number, (file, label) in enumerate(zip(files, labels, strict=True), start=2):
        if not file or not label:
            missing = f"no label in column '{shortened(column)}'" if file else "no file name"
            raise DataError(f"{path}, row {number}: {missing}. Fill it in, or take the row out.")


def _refuse_several(
    path: Path, files: Sequence[str], labels: Sequence[str], column: str, cells: Sequence[Any]
) -> None:
    """Raise DataError if pictures have more than one label, whichever way the table writes that."""
    why = "fieldmark takes one label per picture."
    label_of: dict[str, str] = {}
    for number, (file, label) in enumerate(zip(files, labels, strict=True), start=2):
        if label_of.setdefault(file, label) != label:
            raise DataError(
                f"{path}, row {number}: several labels per picture: {shortened(file)} is "
                f"'{shortened(label)}' here and '{shortened(label_of[file])}' above; {why}"
            )
    whole = set(labels)
    owners: dict[str, str] = {}  # part of a joined label -> the first joined label it is part of
    for number, (cell, label) in enumerate(zip(cells, labels, strict=True), start=2):
        parts = _parts(cell)
        if len(parts) < 2:
            continue
        is_list = not isinstance(cell, str) or label.startswith("[")
        if is_list or any(part in whole or owners.setdefault(part, label) != label for part in parts):
            raise DataError(
                f"{path}, row {number}: several labels per picture: {shortened(column)} is "
                f"'{shortened(label)}'; {why}"
            )


def _parts(cell: Any) -> list[str]:
    """What a cell would hold if it held several labels: the items of a list, the parts between | or ;"""
    if isinstance(cell, list | tuple):
        return [text(item) for item in cell]
    whole = text(cell)
    if whole.startswith("[") and whole.endswith("]"):
        return whole[1:-1].split(",")
    return [part.strip() for part in re.split(r"[|;]", whole) if part.strip()]
