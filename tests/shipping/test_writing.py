"""A folder is written whole or not at all, and an old one is only given up for a whole new one."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
from shipping.birds import small_classifier

from fieldmark.errors import UserError
from fieldmark.shipping import writing
from fieldmark.shipping.classifier import Classifier
from fieldmark.shipping.writing import write_folder

FILES = {"classifier.json": b"{}", "weights.safetensors": b"new"}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    write_folder(tmp_path / "birds", {"classifier.json": b"{}", "weights.safetensors": b"old"}, False)
    return tmp_path / "birds"


def test_a_new_folder_is_made_with_its_parents_and_nothing_else(tmp_path):
    write_folder(tmp_path / "a" / "b", FILES, False)
    assert contents(tmp_path / "a" / "b") == FILES
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


def test_an_existing_folder_is_kept_unless_asked(old):
    with pytest.raises(UserError, match=r"birds exists already.*overwrite"):
        write_folder(old, FILES, False)
    assert contents(old)["weights.safetensors"] == b"old"
    write_folder(old, FILES, True)
    assert contents(old) == FILES
    assert [path.name for path in old.parent.iterdir()] == ["birds"]


def test_what_is_no_classifier_is_never_overwritten(tmp_path):
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "chapter1.txt").write_text("three years")
    with pytest.raises(UserError, match="no classifier folder"):
        write_folder(thesis, FILES, True)
    with pytest.raises(UserError, match="no classifier folder"):
        write_folder(thesis / "chapter1.txt", FILES, True)
    assert (thesis / "chapter1.txt").read_text() == "three years"
    (tmp_path / "empty").mkdir()
    write_folder(tmp_path / "empty", FILES, True)
    assert contents(tmp_path / "empty") == FILES


@pytest.mark.parametrize("when", [0, 1, 2, 3])
def test_a_full_disk_leaves_the_old_classifier(old, monkeypatch, when):
    """The disk is full at the first file, the second, the folder's own entries, and after the exchange."""
    calls = iter(range(10))

    def full(handle: int) -> None:
        if next(calls) == when:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(writing.os, "fsync", full)
    with pytest.raises(UserError, match=r"cannot write .*birds: No space left") as caught:
        write_folder(old, FILES, True)
    assert "\n" not in str(caught.value)
    assert contents(old)["weights.safetensors"] == b"old"
    assert [path.name for path in old.parent.iterdir()] == ["birds"]


def test_a_rename_that_fails_puts_the_old_one_back(old, monkeypatch):
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.name.endswith(".part"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(UserError, match="Permission denied"):
        write_folder(old, FILES, True)
    assert contents(old)["weights.safetensors"] == b"old"
    assert [path.name for path in old.parent.iterdir()] == ["birds"]


def test_a_stop_in_the_middle_leaves_no_rubbish(old, monkeypatch):
    def stop(handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(writing.os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        write_folder(old, FILES, True)
    assert [path.name for path in old.parent.iterdir()] == ["birds"]
    assert contents(old)["weights.safetensors"] == b"old"


def test_a_place_that_takes_no_folder_is_one_line(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"cannot write .*birds") as caught:
        write_folder(tmp_path / "file" / "birds", FILES, False)
    assert "\n" not in str(caught.value)


def test_a_loaded_classifier_survives_its_folder(tmp_path):
    import numpy as np

    small_classifier().save(tmp_path / "birds")
    loaded = Classifier.load(tmp_path / "birds")
    expected = loaded.predict([np.zeros((8, 8, 3), np.uint8)])
    shutil.rmtree(tmp_path / "birds")
    assert loaded.predict([np.zeros((8, 8, 3), np.uint8)]) == expected
