"""A folder with one subfolder per class, or with train/, val/ and test/ that each hold such subfolders."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fieldmark.data.decoding import EXTENSIONS
from fieldmark.data.sources.naming import SPLIT_NAMES, is_junk, listed, natural_order
from fieldmark.errors import DataError
from fieldmark.vocabulary import SPLITS, Listing

WANTED = "Wanted: one subfolder per class (FOLDER/cat/1.jpg), or train/ and test/ that hold such subfolders"


def find(root: Path) -> Listing:
    """The pictures below `root`, classes and splits taken from the names of the folders.

    `root/<class>/...` has no splits. `root/train|val|valid|validation|test/<class>/...` has (capitals do not
    matter). Pictures in folders inside a class folder belong to the class; links are followed, once each.
    Classes are those of train in natural order; hidden names and what operating systems leave are skipped.

    Raises DataError for any other layout, and for a class in val or test that train does not have.
    """
    top = _Level.read(root, ())
    if not top.folders:
        found = (
            f"pictures directly in it ({len(top.files)})" if top.files else "no pictures and no subfolders"
        )
        raise DataError(f"{root} has {found}. {WANTED}.")
    splits = _split_folders(root, top)
    notes = list(top.notes())
    if not splits:
        return _listing(root, {None: _classes(root, "", top, notes)}, notes)
    outside = sorted(set(top.folders) - set(splits.values()))
    if outside:
        notes.append(f"left out, as they are no split: {listed(f'{name}/' for name in outside)} in {root}.")
    found_in: dict[str | None, dict[str, list[str]]] = {}
    for split, name in splits.items():
        level = _Level.read(root / name, (root,))
        notes.extend(level.notes())
        found_in[split] = _classes(root, name + "/", level, notes)
    return _listing(root, found_in, notes)


def walk(folder: Path, above: tuple[Path, ...] = (), others: Counter[str] | None = None) -> Iterator[str]:
    """The pictures in `folder` and its subfolders as paths below it, with forward slashes, in no order.

    A folder met before, or one of `above` (a link that leads back), is not entered. `others` counts the files
    whose extension is not a picture's. Raises DataError for a folder that cannot be listed.
    """
    met = {_identity(path) for path in above}
    pending = [(folder, "")]
    while pending:
        here, prefix = pending.pop()
        identity = _identity(here)
        if identity in met:
            continue
        met.add(identity)
        for entry in _entries(here):
            if _is_folder(entry):
                pending.append((Path(entry.path), f"{prefix}{entry.name}/"))
            elif _extension(entry.name) in EXTENSIONS:
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
    named = [name for name in sorted(top.folders) if name.lower() in SPLIT_NAMES]
    splits: dict[str, str] = {}
    for name in named:
        split = SPLIT_NAMES[name.lower()]
        if split in splits:
            raise DataError(f"{root} has both {splits[split]}/ and {name}/ for {split}. Join or rename one.")
        splits[split] = name
    if not named:
        return {}
    levels = [_Level.read(root / name, (root,)) for name in named]
    others = [name for name in top.folders if name not in named and any(walk(root / name, (root,)))]
    if not any(level.folders for level in levels):  # "train" may well be a class, beside "bus"
        if others or not any(level.files for level in levels):
            return {}
        inside = listed(f"{name}/" for name in named)
        raise DataError(f"{root} has pictures directly in {inside}, with no class folders there. {WANTED}.")
    if others and len(named) == 1:
        beside = listed(f"{name}/" for name in sorted(others))
        raise DataError(
            f"{root} is ambiguous: {named[0]}/ holds subfolders as a split does, but beside it are {beside}. "
            "Move those away, or rename the folder if it is a class."
        )
    return splits


def _classes(root: Path, prefix: str, level: _Level, notes: list[str]) -> dict[str, list[str]]:
    """Class name to its pictures (paths below root, sorted); empty class folders are noted."""
    others: Counter[str] = Counter()
    classes = {}
    for name in level.folders:
        folder = f"{prefix}{name}"
        above = (root, level.path)
        classes[name] = [f"{folder}/{file}" for file in sorted(walk(root / folder, above, others))]
    empty = natural_order(name for name in classes if not classes[name])
    if empty and prefix.rstrip("/").lower() in ("", "train"):
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
        f"{where} has pictures of a class that train has none of: '{name}'. Train has: {listed(classes, 10)}."
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
