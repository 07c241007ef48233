import errno
from pathlib import Path
from typing import Any

import pytest
import torch

from fieldmark.errors import ClassifierError, TrainingError
from fieldmark.recipe import Recipe
from fieldmark.training.checkpoint import NAME, load_checkpoint, save_checkpoint
from fieldmark.training.loop import train
from fieldmark.training.state import State
from fieldmark.vocabulary import Dataset

RECIPE = Recipe(model="baseline", epochs=1, batch_size=100, averaging=0.5, optimizer="adam")


@pytest.fixture
def state(small_digits: Dataset) -> State:
    kept: list[State] = []
    train(small_digits, RECIPE, save=kept.append)
    return kept[-1]


def test_a_checkpoint_comes_back_as_it_was(state: State, tmp_path: Path) -> None:
    save_checkpoint(state, tmp_path)
    document = load_checkpoint(tmp_path)
    expected = state.to_document()
    assert document["history"] == expected["history"]
    assert document["step"] == expected["step"] == 6
    for name, tensor in expected["model"].items():
        assert torch.equal(document["model"][name], tensor)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_full_disk_keeps_the_old_one(state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_checkpoint(state, tmp_path)
    before = (tmp_path / NAME).read_bytes()

    def full(document: Any, file: Any) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(TrainingError, match="No space left"):
        save_checkpoint(state, tmp_path)
    assert (tmp_path / NAME).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut off"])
def test_a_broken_checkpoint_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(ClassifierError, match=NAME):
        load_checkpoint(tmp_path)


def test_nothing_in_a_checkpoint_can_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"optimizer": Evil()}, tmp_path / NAME)
    with pytest.raises(ClassifierError, match=NAME):
        load_checkpoint(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_no_checkpoint_is_said(tmp_path: Path) -> None:
    with pytest.raises(ClassifierError, match="nothing to resume"):
        load_checkpoint(tmp_path)
