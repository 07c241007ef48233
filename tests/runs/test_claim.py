"""A run folder is taken by one process, and nothing that stands there is lost."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from fieldmark.errors import UserError
from fieldmark.runs.claim import claim, claim_next
from fieldmark.runs.lock import NAME, Lock

RUN = {"format": 1, "status": "finished", "versions": {"fieldmark": "0.1.0"}}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A folder that a run wrote."""
    folder = tmp_path / "old"
    for name in ("checkpoints/last.pt", "figures/curves.png", "tensorboard/events.out.tfevents.1.host", "x"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("theirs")
    (folder / "x").unlink()
    (folder / "run.json").write_text(json.dumps(RUN))
    return folder


def tree(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): "" if path.is_dir() else path.read_text()
        for path in sorted(folder.rglob("*"))
    }


def test_numbers_go_on_and_what_was_not_begun_goes_again(tmp_path: Path) -> None:
    parent = tmp_path / "new" / "runs"
    with claim_next("a", parent) as first, claim_next("a", parent) as second:
        assert [first.folder.name, second.folder.name] == ["a-1", "a-2"]
        second.begin(lambda: None)
    assert [path.name for path in parent.iterdir()] == ["a-2"]
    assert list((parent / "a-2").iterdir()) == []
    with claim_next("a", tmp_path / "other"):
        pass
    assert not (tmp_path / "other").exists(), "nor the folder around it"


def test_a_folder_is_taken_once(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty"):
        with claim(tmp_path / name), pytest.raises(UserError, match=rf"being trained in.*{os.getpid()}"):
            claim(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["empty"], "what the user made stays"


def test_what_somebody_else_put_into_a_new_folder_stays(tmp_path: Path) -> None:
    with claim(tmp_path / "run") as claimed:
        (claimed.folder / "notes.txt").write_text("mine")
    assert tree(tmp_path) == {"run": "", "run/notes.txt": "mine"}


def test_a_run_is_replaced_once_the_new_one_begins(old: Path, tmp_path: Path) -> None:
    before = tree(old)
    with claim(old, overwrite=True):
        assert {name: text for name, text in tree(old).items() if name != NAME} == before
    assert tree(old) == before
    with claim(old, overwrite=True) as claimed:
        claimed.begin(lambda: (old / "recipe.json").write_text("{}") and None)
        with pytest.raises(UserError, match="being trained in"):
            Lock(old)
    assert tree(tmp_path) == {"old": "", "old/recipe.json": "{}"}


def test_a_run_is_back_when_the_new_one_cannot_be_written(old: Path, tmp_path: Path) -> None:
    before = tree(tmp_path)

    def full() -> None:
        (old / "recipe.json").write_text("half")
        raise UserError("no space left")

    with claim(old, overwrite=True) as claimed, pytest.raises(UserError, match="no space"):
        claimed.begin(full)
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    "stranger", ["thesis.txt", "figures/holiday.png", "classifier/old/weights.safetensors", "photos/1.png"]
)
def test_what_no_run_writes_is_never_replaced(old: Path, stranger: str) -> None:
    (old / stranger).parent.mkdir(parents=True, exist_ok=True)
    (old / stranger).write_text("years of work")
    before = tree(old)
    with pytest.raises(UserError, match="which no run of fieldmark writes"):
        claim(old, overwrite=True)
    assert tree(old) == before


@pytest.mark.parametrize("content", ["{}", "[]", "my own notes", '{"status": "finished"}'])
def test_a_folder_with_another_run_json_is_not_replaced(old: Path, content: str) -> None:
    (old / "run.json").write_text(content)
    with pytest.raises(UserError, match="is not a run of fieldmark"):
        claim(old, overwrite=True)
    assert (old / "run.json").read_text() == content


def test_folders_in_use_are_not_replaced(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = old / "classifier" / "weights.safetensors"
    with pytest.raises(UserError, match="which this run reads"):
        claim(old, overwrite=True, in_use=[weights])
    with pytest.raises(UserError, match="which this run reads"):
        claim(old, overwrite=True, in_use=[old])
    with monkeypatch.context() as patch:
        patch.setattr(Path, "home", lambda: old / "me")
        with pytest.raises(UserError, match="home folder, or around it"):
            claim(old, overwrite=True)
    monkeypatch.chdir(old / "figures")
    for name in ("..", old):
        with pytest.raises(UserError, match="current folder, or around it"):
            claim(Path(name), overwrite=True)
    assert (old / "run.json").is_file()


def test_links_are_not_followed(old: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(old)
    with pytest.raises(UserError, match="is a link"):
        claim(link, overwrite=True)
    link.unlink()
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError, match="is a link"):
        claim(link)
    (old / "figures" / "recalls.png").symlink_to(tmp_path)
    with pytest.raises(UserError, match=r"figures.recalls\.png"):
        claim(old, overwrite=True)


def test_a_file_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(UserError, match=r"no folder|Not a directory"):
            claim(out, overwrite=True)
    assert (tmp_path / "file").read_text() == "mine"


def test_an_unwritable_place_is_said_at_once(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: object, mode: int = 0) -> None:
        raise (
            FileExistsError(17, "File exists")
            if path == str(old)
            else PermissionError(13, "Permission denied")
        )

    before = tree(tmp_path)
    monkeypatch.setattr("os.mkdir", lambda path, mode=0: refused(os.fspath(path), mode))
    for take in (
        lambda: claim(tmp_path / "new"),
        lambda: claim(tmp_path / "further" / "down"),
        lambda: claim_next("a", tmp_path),
        lambda: claim(old, overwrite=True),
    ):
        with pytest.raises(UserError, match="Permission denied") as caught:
            take()
        assert "space" not in str(caught.value)
    assert tree(tmp_path) == before


def test_the_lock_of_a_killed_process_holds_nobody_up(tmp_path: Path) -> None:
    program = textwrap.dedent("""
        import os, signal, sys
        from pathlib import Path
        from fieldmark.runs.lock import Lock
        lock = Lock(Path(sys.argv[1]))
        print("locked", flush=True)
        sys.stdin.read()
    """)
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        with pytest.raises(UserError, match=f"process {process.pid}"):
            Lock(tmp_path)
        process.kill()
        process.wait()
    assert (tmp_path / NAME).is_file()
    Lock(tmp_path).release()
    assert list(tmp_path.iterdir()) == []
