"""The cache's folder: whole stores or none, two processes at once, and what killed runs leave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fieldmark.data.store.housekeeping import (
    DAY,
    MARKER,
    StoreInfo,
    cache_folder,
    clear_stores,
    list_stores,
    publish,
    unfinished,
)
from fieldmark.data.store.manifest import read_store
from fieldmark.data.store.store import open_store
from fieldmark.errors import DataError

# Without a guard: a start method that imports the main module again would never come to an end.
SCRIPT = """
import multiprocessing, sys
from pathlib import Path
multiprocessing.set_start_method("spawn")
from fieldmark.data.store.manifest import read_store
from fieldmark.data.store.store import open_store
files = sorted(path.name for path in Path(sys.argv[1]).iterdir())
stored = open_store(Path(sys.argv[1]), files, image_size=(20, 20), default_size=32, rule="crop", workers=2)
print(tuple(stored.images.shape), int(stored.images.sum()))
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIELDMARK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for i in range(60):
        Image.fromarray(generator.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(folder / f"{i}.png")
    return folder


def made(root: Path, size: int = 20) -> Path:
    """The folder of a store of the pictures in `root`."""
    before = set(list_stores())
    files = sorted(path.name for path in root.iterdir())
    open_store(root, files, image_size=(size, size), default_size=32, rule="crop")
    (store,) = set(list_stores()) - before
    return store.path


def test_the_cache_is_where_the_variable_says(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder() == cache
    monkeypatch.setenv("FIELDMARK_CACHE", "~/somewhere")
    assert cache_folder() == Path.home() / "somewhere"
    monkeypatch.delenv("FIELDMARK_CACHE")
    assert cache_folder() == Path.home() / ".cache" / "fieldmark" / "stores"


def test_two_scripts_without_a_guard_make_the_same_store_at_once(pictures: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, "-W", "error", str(script), str(pictures)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert answers[0] == answers[1]
    assert answers[0].startswith("(60, 3, 20, 20) ")
    (store,) = list_stores()
    assert (store.pictures, store.root) == (60, str(pictures))
    assert [path.name for path in store.path.parent.iterdir()] == [store.path.name]


def test_who_comes_second_keeps_the_first_ones(pictures: Path, cache: Path) -> None:
    final = made(pictures)
    inode = (final / "images.bin").stat().st_ino
    with unfinished(cache) as folder:
        (folder / "images.bin").write_bytes(b"another")
        publish(folder, final)
    assert (final / "images.bin").stat().st_ino == inode
    assert list(cache.iterdir()) == [final]


def test_a_broken_store_is_replaced(pictures: Path, cache: Path) -> None:
    final = made(pictures)
    (final / "index.npz").unlink()
    assert read_store(final) is None
    with unfinished(cache) as folder:
        (folder / "mine").write_bytes(b"")
        publish(folder, final)
    assert (final / "mine").exists()
    assert list(cache.iterdir()) == [final]


def test_what_killed_runs_left_goes_after_a_day(pictures: Path, cache: Path) -> None:
    for name, age in (("making-old", DAY + 60), ("making-new", DAY - 60), ("making-busy", DAY + 60)):
        (cache / name).mkdir(parents=True)
        (cache / name / MARKER).touch()
        (cache / name / "images.bin").write_bytes(b"x")
        then = time.time() - age
        if name != "making-busy":  # its file has just been written to
            os.utime(cache / name / "images.bin", (then, then))
        for path in (cache / name / MARKER, cache / name):
            os.utime(path, (then, then))
    final = made(pictures)
    assert {path.name for path in cache.iterdir()} == {final.name, "making-new", "making-busy"}


def test_listing_and_clearing(pictures: Path, cache: Path) -> None:
    assert list_stores() == []
    assert clear_stores() == 0
    first, second = made(pictures, 20), made(pictures, 24)
    stores = list_stores()
    assert {store.path for store in stores} == {first, second}
    assert {store.pictures for store in stores} == {60}
    small = next(store for store in stores if store.path == first)
    assert 60 * 20 * 20 * 3 < small.bytes < 60 * 20 * 20 * 3 + 10_000
    assert clear_stores([small]) == small.bytes
    assert [store.path for store in list_stores()] == [second]


def test_clearing_touches_nothing_else(pictures: Path, cache: Path) -> None:
    final = made(pictures)
    (final / "store.json").write_text("broken")
    for name in ("making-busy", "holiday"):
        (cache / name).mkdir()
        (cache / name / "photo.jpg").write_bytes(b"x")
    (cache / "notes.txt").write_text("mine")
    (store,) = list_stores()
    assert (store.pictures, store.root) == (0, "")
    assert clear_stores() == store.bytes
    assert {path.name for path in cache.iterdir()} == {"making-busy", "holiday", "notes.txt"}


def test_a_store_that_cannot_be_removed_is_named(cache: Path) -> None:
    gone = StoreInfo(cache / ("0" * 64), 1, 1, "", "")
    with pytest.raises(DataError, match="cannot remove") as caught:
        clear_stores([gone])
    assert str(gone.path) in str(caught.value)


def test_a_name_alone_makes_nothing_ours(pictures: Path, cache: Path) -> None:
    made(pictures)
    thesis = cache / ("ab" * 32)
    for folder in (thesis, cache / "making-off", cache / "weights"):
        folder.mkdir()
        (folder / "photo.jpg").write_bytes(b"x")
        (folder / f"{'cd' * 32}.safetensors").write_bytes(b"x")
        os.utime(folder, (0, 0))
    assert thesis not in [store.path for store in list_stores()]
    clear_stores()
    assert sorted(path.name for path in cache.rglob("*.jpg")) == ["photo.jpg"] * 3
    assert len(list(cache.rglob("*.safetensors"))) == 3


def test_what_the_user_put_into_a_store_stays(pictures: Path, cache: Path) -> None:
    final = made(pictures)
    (final / "notes.txt").write_text("mine")
    clear_stores()
    assert [path.name for path in final.iterdir()] == ["notes.txt"]


def test_a_store_behind_a_link_is_not_cleared(pictures: Path, cache: Path, tmp_path: Path) -> None:
    elsewhere = made(pictures).rename(tmp_path / "elsewhere")
    (cache / ("ef" * 32)).symlink_to(elsewhere)
    assert list_stores() == []
    clear_stores()
    assert (elsewhere / "images.bin").is_file()


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [60]},
        {"shape": [-60, -20, 20, 3]},
        {"shape": [7200, 20, 0.5, 1]},
        {"shape": [30, 40, 20, 3]},
        {"image_size": "20"},
        {"unreadable": [["a.png"]]},
        {"unreadable": 3},
        {"root": None},
        {"created": 3},
        {"written": "today"},
        {"index": None},
        "[1, 2]",
        "[" * 100_000,
        '{"format": 2, "shape": NaN}',
    ],
)
def test_a_document_of_another_shape_is_a_broken_store(
    change: dict[str, object] | str, pictures: Path
) -> None:
    final = made(pictures)
    document = json.loads((final / "store.json").read_text())
    (final / "store.json").write_text(change if isinstance(change, str) else json.dumps(document | change))
    assert read_store(final) is None
    (store,) = list_stores()
    assert (store.pictures, store.root, store.created) == (0, "", "")
    assert made_again(pictures) == final


def made_again(root: Path) -> Path:
    files = sorted(path.name for path in root.iterdir())
    assert len(open_store(root, files, image_size=(20, 20), default_size=32, rule="crop").images) == 60
    (store,) = list_stores()
    return store.path


@pytest.mark.parametrize("name", ["images.bin", "index.npz", "store.json"])
def test_a_folder_in_the_place_of_a_file_is_a_broken_store(name: str, pictures: Path) -> None:
    final = made(pictures)
    (final / name).unlink()
    (final / name).mkdir()
    assert read_store(final) is None
    assert [store.pictures for store in list_stores()] == [0]
