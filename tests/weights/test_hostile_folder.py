"""What lies in the current folder is never imported: not by the reader of weights, not by the commands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import fieldmark
from fieldmark.weights.pickles import as_safetensors, import_roots

NAMES = ("torch", "numpy", "safetensors", "pickle", "typing", "json", "PIL", "tyro", "rich")


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with modules that leave a file when they are imported; returns that file's path."""
    ran = tmp_path / "ran"
    folder = tmp_path / "hostile"
    (folder / "fieldmark" / "weights").mkdir(parents=True)
    program = f"open({str(ran)!r}, 'a').write(__name__ + ' ')\nraise ImportError(__name__)\n"
    for name in (*NAMES, "sitecustomize", "usercustomize", "runpy"):
        (folder / f"{name}.py").write_text(program)
    for name in ("__init__", "__main__", "weights/__init__", "weights/pickle_reader"):
        (folder / "fieldmark" / f"{name}.py").write_text(program)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FIELDMARK_CACHE", str(tmp_path / "cache"))
    return ran


def test_the_reader_of_weights_imports_nothing_from_the_current_folder(
    tmp_path: Path, hostile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save({"weight": torch.zeros(2)}, tmp_path / "weights.pth")
    monkeypatch.setenv("PYTHONPATH", ":.")  # a path that begins with nothing means the current folder, too
    assert as_safetensors(tmp_path / "weights.pth").is_file()
    assert not hostile.exists()


def test_the_reader_finds_the_packages_of_this_process_behind_its_own() -> None:
    roots = import_roots()
    assert str(Path(fieldmark.__file__).resolve().parents[1]) in roots
    assert str(Path(torch.__file__).resolve().parents[1]) in roots
    assert len(set(roots)) == len(roots)


def test_python_m_takes_the_current_folder_off_its_path(hostile: Path) -> None:
    folder = Path.cwd()
    for module in ("fieldmark", "typing.py", "runpy.py"):  # Python itself imports these before us
        (folder / module).rename(folder.parent / module)
    done = subprocess.run(
        [sys.executable, "-m", "fieldmark", "list", "models"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "resnet18" in done.stdout
    assert not hostile.exists()
