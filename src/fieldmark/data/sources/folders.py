"""A folder with one subfolder per class, or with train/, val/ and test/ that each hold such subfolders."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fieldmark.data.decode.formats import EXTENSIONS
from fieldmark.data.sources.names import (
    SPLIT_NAMES,
    TABLE_EXTENSIONS,
    alike,
    composed,
    is_junk,
    listed,
    natural_order,
    split_of,
)
from fieldmark.errors import DataError
from fieldmark.printable import shortened
from fieldmark.vocabulary import SPLITS, Listing

WANTED = "Wanted: one subfolder per class (FOLDER/cat/1.jpg), or train/ and test/ that hold such subfolders"


def read_folder(root: Path) -> Listing:
    """List the pictures in a folder, classes and splits taken from the names of its subfolders.

    `root/<class>/...` has no splits. `root/<split>/<class>/...` has, under the usual names (see
    `names.split_of`): train, Training, train_images, val, valid, dev, test ... Pictures in folders inside a
    class folder belong to the class; links are followed, once each. Classes are those of train in natural
    order; their names are composed Unicode (NFC), whichever form the disk has. Hidden names and what
    operating systems leave are skipped.

    Args:
        root: the folder.

    Raises:
        DataError: any other layout, folders that all hold the same subfolders, as splits of unknown names do,
            or a class in val or test that train does not have.
    """
    top = _Level.read(root, ())
    if not top.folders:
        found = (
            f"pictures directly in it ({len(top.files)})" if top.files else "no pictures and no subfolders"
        )
        raise DataError(f"{root} has {found}. {table_hint(root)}{WANTED}.")
    splits = _split_folders(root, top)
    notes = list(top.notes())
    if not splits:
        _refuse_repeated_subfolders(root, top)
        return _listing(root, {None: _classes(root, "", top, notes)}, notes)
    taken = [f"{name}/ as {split}" for split, name in splits.items() if name.lower() not in SPLIT_NAMES]
    if taken:
        notes.append(f"taken as splits: {listed(taken)}.")
    outside = sorted(set(top.folders) - set(splits.values()))
    if outside:
        notes.append(f"left out, as they are no split: {listed(f'{name}/' for name in outside)} in {root}.")
    found_in: dict[str | None, dict[str, list[str]]] = {}
    for split, name in splits.items():
        level = _Level.read(root / name, (root,))
        notes.extend(level.notes())
        found_in[split] = _classes(root, name + "/", level, notes, learned=split == "train")
    return _listing(root, found_in, notes)


def walk(
    folder: Path,
    above: tuple[Path, ...] = (),
    others: Counter[str] | None = None,
    *,
    wanted: Callable[[os.DirEntry[str]], bool] | None = None,
    refused: dict[str, str] | None = None,
) -> Iterator[str]:
    """The pictures in `folder` and its subfolders as paths below it, with forward slashes, in no order.

    A folder met before, or one of `above` (a link that leads back), is not entered.

    Args:
        folder: where to begin.
        above: folders that it lies in, which are not entered again.
        others: counts by extension the files that are no pictures.
        wanted: whether a file is a picture; by default its extension says so.
        refused: takes the folders that cannot be listed, as paths below `folder` ("" for itself) to the
            reason; without it such a folder raises.

    Raises:
        DataError: a folder cannot be listed.
    """
    met = {_identity(path) for path in above}
    pending = [(folder, "")]
    while pending:
        here, prefix = pending.pop()
        try:
            identity = _identity(here)
            entries = [] if identity in met else _entries(here)
        except (OSError, DataError) as error:
            if refused is None:
                raise
            refused[prefix.rstrip("/")] = str(error)
            continue
        met.add(identity)
        for entry in entries:
            if _is_folder(entry):
                pending.append((Path(entry.path), f"{prefix}{entry.name}/"))
            elif wanted(entry) if wanted is not None else _extension(entry.name) in EXTENSIONS:
                yield prefix + entry.name
            elif others is not None:
                others[_extension(entry.name)] += 1


@dataclass
class _Level:
    """One folder's own subfolders and pictures."""

    path: Path
    folders: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path, above: tuple[Path, ...]) -> _Level:
        level, met = cls(path), {_identity(one) for one in (*above, path)}
        for entry in _entries(path):
            if _is_folder(entry):
                if _identity(Path(entry.path)) not in met:
                    level.folders.append(entry.name)
            elif _extension(entry.name) in EXTENSIONS:
                level.files.append(entry.name)
        return level

    def notes(self) -> Iterator[str]:
        if self.files:
            first = listed(sorted(self.files), most=3)
            yield f"left out: pictures directly in {self.path}, outside the class folders: {first}."


def _split_folders(root: Path, top: _Level) -> dict[str, str]:
    """Which subfolder is which split; empty where the subfolders are classes."""
    named = [name for name in sorted(top.folders) if split_of(name)]
    if not named:
        return {}
    levels = [_Level.read(root / name, (root,)) for name in named]
    others = [name for name in top.folders if name not in named and any(walk(root / name, (root,)))]
    if not any(level.folders for level in levels):  # "train" may well be a class, beside "bus"
        if others or not any(level.files for level in levels):
            return {}
        inside, hint = listed(f"{name}/" for name in named), table_hint(root) or table_hint(root / named[0])
        raise DataError(
            f"{root} has pictures directly in {inside}, with no class folders there. {hint}{WANTED}."
        )
    if others and len(named) == 1:
        beside = listed(f"{name}/" for name in sorted(others))
        raise DataError(
            f"{root} is ambiguous: {named[0]}/ holds subfolders as a split does, but beside it are {beside}. "
            "Move those away, or rename the folder if it is a class."
        )
    splits: dict[str, str] = {}
    for name in named:
        split = str(split_of(name))
        if split in splits:
            raise DataError(f"{root} has both {splits[split]}/ and {name}/ for {split}. Join or rename one.")
        splits[split] = name
    return splits


def _refuse_repeated_subfolders(root: Path, top: _Level) -> None:
    """Raise DataError if all folders hold the same subfolders: they are splits, and not classes."""
    levels = [_Level.read(root / name, (root,)) for name in sorted(top.folders)]
    levels = [level for level in levels if level.files or level.folders]
    if len(levels) < 2 or any(level.files for level in levels):
        return
    common = set.intersection(*(set(level.folders) for level in levels))
    inside = natural_order(
        name for name in common if all(any(walk(level.path / name, (root, level.path))) for level in levels)
    )
    if len(inside) < 2:  # cat/images/ and dog/images/ are classes
        return
    outside = listed(f"{level.path.name}/" for level in levels)
    if all(split_of(name) for name in inside):
        raise DataError(
            f"{root} has the splits inside the classes: {levels[0].path.name}/{inside[0]}/. Wanted: the "
            f"other way round, {inside[0]}/{levels[0].path.name}/."
        )
    raise DataError(
        f"{root}: {outside} hold the same subfolders ({listed(inside)}). If they are splits, rename them "
        "train/, val/ and test/; if they are the classes, move their pictures out of the subfolders."
    )


def table_hint(root: Path) -> str:
    """Where a table lies beside the pictures, the sentence that points to it."""
    named = (entry for entry in _entries(root) if _extension(entry.name) in TABLE_EXTENSIONS)
    tables = sorted(entry.name for entry in named if entry.is_file())
    return f"Is {root / tables[0]} the table of their labels? Then give that as DATA. " if tables else ""


def _classes(
    root: Path, prefix: str, level: _Level, notes: list[str], learned: bool = True
) -> dict[str, list[str]]:
    """Class name to its pictures (paths below root, sorted). Empty ones are noted if `learned`."""
    others: Counter[str] = Counter()
    classes: dict[str, list[str]] = {}
    for name in sorted(level.folders):
        folder = f"{prefix}{name}"
        above = (root, level.path)
        files = [f"{folder}/{file}" for file in sorted(walk(root / folder, above, others))]
        if composed(name) in classes and files:
            notes.append(
                f"two folders of {level.path} are spelled alike and are one class: {composed(name)}."
            )
        classes.setdefault(composed(name), []).extend(files)
    empty = natural_order(name for name in classes if not classes[name])
    if empty and learned:
        notes.append(f"left out: class folders without pictures in {level.path}: {listed(empty)}.")
    if others:
        kinds = listed(kind or "no extension" for kind, _ in others.most_common())
        notes.append(f"left out: files in {level.path} that are not pictures: {others.total()} ({kinds}).")
    return {name: files for name, files in classes.items() if files}


def _listing(root: Path, found: dict[str | None, dict[str, list[str]]], notes: list[str]) -> Listing:
    """The listing of all splits, with the classes of the one that fixes them: train where there is one."""
    if not any(found.values()):
        raise DataError(f"{root} has folders but no pictures in them. {WANTED}.")
    leading = found.get("train") or {name: [] for classes in found.values() for name in classes}
    classes = natural_order(leading)
    notes.extend(alike(classes))
    position = {name: label for label, name in enumerate(classes)}
    files: list[str] = []
    labels: list[int] = []
    splits: list[str | None] = []
    for split in (None, *SPLITS):
        for name, members in sorted(found.get(split, {}).items()):
            if name not in position:
                raise DataError(stranger(name, classes, f"{root}: {split}/{name}/"))
            files += members
            labels += [position[name]] * len(members)
            splits += [split] * len(members)
    return Listing(root, tuple(files), tuple(labels), tuple(splits), classes, tuple(notes))


def stranger(name: str, classes: tuple[str, ...], where: str) -> str:
    """The sentence for a class that val or test has and train does not.

    >>> stranger("Cat", ("cat", "dog"), "photos: test/Cat/")
    "photos: test/Cat/ has pictures of a class that train has none of: 'Cat'. Train has: cat, dog."
    """
    return (
        f"{where} has pictures of a class that train has none of: '{shortened(name)}'. "
        f"Train has: {listed(classes, 10)}."
    )


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not is_junk(entry.name)]
    except OSError as error:
        raise DataError(f"cannot list {folder}: {error.strerror}.") from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: decoding will say that it cannot be read
        return False


def _extension(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122  (a Path per file takes ten times as long)


def _identity(path: Path) -> tuple[int, int]:
    """What tells two paths to one folder from paths to two."""
    found = path.stat()
    return found.st_dev, found.st_ino
