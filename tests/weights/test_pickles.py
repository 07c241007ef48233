"""Reading a state_dict file in a process of its own: kept by content, and nothing it does hurts this one."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch

from fieldmark.errors import ClassifierError, DataError
from fieldmark.weights import pickles
from fieldmark.weights.pickles import as_safetensors, list_weights

WEIGHTS = {"weight": torch.arange(6.0).reshape(2, 3)}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIELDMARK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_file_is_read_once_and_kept_by_its_content(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save(WEIGHTS, tmp_path / "one.pth")
    kept = as_safetensors(tmp_path / "one.pth")
    digest = hashlib.sha256((tmp_path / "one.pth").read_bytes()).hexdigest()
    assert kept == cache / "weights" / f"{digest}.safetensors"
    assert torch.equal(safetensors.torch.load_file(kept)["weight"], WEIGHTS["weight"])
    assert {path.name for path in kept.parent.iterdir()} == {kept.name, f"{digest}.json"}

    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("read again"))
    (tmp_path / "one.pth").rename(tmp_path / "two.pth")
    assert as_safetensors(tmp_path / "two.pth") == kept


def test_kept_weights_that_were_altered_or_planted_are_made_again(tmp_path: Path, cache: Path) -> None:
    torch.save(WEIGHTS, tmp_path / "one.pth")
    digest = hashlib.sha256((tmp_path / "one.pth").read_bytes()).hexdigest()
    (cache / "weights").mkdir(parents=True)
    planted = cache / "weights" / f"{digest}.safetensors"
    safetensors.torch.save_file({"weight": torch.zeros(2, 3)}, planted)
    assert list_weights() == []
    kept = as_safetensors(tmp_path / "one.pth")
    assert kept == planted
    assert torch.equal(safetensors.torch.load_file(kept)["weight"], WEIGHTS["weight"])
    content = bytearray(kept.read_bytes())
    content[-1] ^= 1
    kept.write_bytes(content)
    kept = as_safetensors(tmp_path / "one.pth")
    assert torch.equal(safetensors.torch.load_file(kept)["weight"], WEIGHTS["weight"])


def test_kept_weights_are_listed_and_a_broken_file_has_no_source(tmp_path: Path) -> None:
    torch.save(WEIGHTS, tmp_path / "one.pth")
    kept = as_safetensors(tmp_path / "one.pth")
    assert [one.root for one in list_weights()] == [str(tmp_path / "one.pth")]
    kept.write_bytes(b"cut off")
    assert [(one.path, one.root, one.bytes) for one in list_weights()] == [(kept, "", 7)]


def test_a_file_that_takes_too_long_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save(WEIGHTS, tmp_path / "slow.pth")
    monkeypatch.setattr(pickles, "SECONDS", 0.05)
    with pytest.raises(ClassifierError, match=r"slow\.pth was not read within 0\.05 seconds"):
        as_safetensors(tmp_path / "slow.pth")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how much memory a process has")
def test_the_process_may_not_take_more_memory_than_the_file_is_worth() -> None:
    program = (
        "import torch; torch.set_num_threads(1);"
        "from fieldmark.weights import pickle_reader; pickle_reader.limit_memory(1000);"
        "print(len(torch.ones(2**26).untyped_storage()));"
        "torch.ones(pickle_reader.SLACK)"  # four times the slack, in bytes
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.strip() == str(2**26 * 4)
    assert "memory" in done.stderr


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("print('line one'); print('it is not weights.'); raise SystemExit(1)", r"^it is not weights\.$"),
        ("import os; os.abort()", r"file\.pth cannot be read as weights: its reader ended \(exit code -6\)"),
        ("raise KeyError('odd')", r"its reader ended \(KeyError: 'odd'\)"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="signals end a process differently there")
def test_what_ended_the_reader_is_said(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, program: str, told: str
) -> None:
    run = subprocess.run
    (tmp_path / "file.pth").write_text("anything")
    monkeypatch.setattr(
        subprocess, "run", lambda command, **how: run([sys.executable, "-S", "-c", program], **how)
    )
    with pytest.raises(ClassifierError, match=told):
        as_safetensors(tmp_path / "file.pth")
    assert list((cache / "weights").iterdir()) == []


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save(WEIGHTS, tmp_path / "one.pth")
    (tmp_path / "file").touch()
    monkeypatch.setenv("FIELDMARK_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"one\.pth to .*file/weights: .*FIELDMARK_CACHE"):
        as_safetensors(tmp_path / "one.pth")
