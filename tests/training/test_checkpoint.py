"""What a checkpoint promises: every bit comes back, damage is noticed, and nothing in it runs or swells."""

import errno
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from training.whole_run import train

from fieldmark.errors import ClassifierError, UserError
from fieldmark.recipe import Recipe
from fieldmark.training.checkpoint import NAME, PREVIOUS, load_checkpoint, pack, save_checkpoint, unpack
from fieldmark.training.state import State
from fieldmark.vocabulary import Dataset

RECIPE = Recipe(model="baseline", epochs=1, batch_size=100, averaging=0.5, optimizer="adam")


@pytest.fixture(scope="module")
def states(small_digits: Dataset) -> list[State]:
    kept: list[State] = []
    train(small_digits, RECIPE.replace(epochs=2), save=kept.append)
    return kept


@pytest.fixture
def state(states: list[State]) -> State:
    return states[-1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in (key, *leaves(item))]
    return [leaf for item in value for leaf in leaves(item)] if isinstance(value, list | tuple) else [value]


def test_a_checkpoint_comes_back_as_it_was(state: State, folder: Path) -> None:
    save_checkpoint(state, folder)
    read, written = leaves(load_checkpoint(folder)), leaves(state.to_document())
    assert len(read) == len(written) > 50
    for one, other in zip(read, written, strict=True):
        if isinstance(other, torch.Tensor):
            assert one.dtype == other.dtype
            assert torch.equal(one, other)
        else:
            assert (type(one), one) == (type(other), other)
    assert names(folder) == [NAME]


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(72.0).view(2, 4, 3, 3).to(memory_format=torch.channels_last),
        torch.arange(6).view(2, 3).t(),
        torch.tensor(3.5, dtype=torch.bfloat16),
        torch.empty(0, 3),
        torch.tensor([True, False]),
    ],
    ids=["channels_last", "transposed", "scalar", "empty", "bool"],
)
def test_a_tensor_keeps_its_values_and_its_place_in_memory(tensor: torch.Tensor) -> None:
    found = unpack(pack({"it": tensor}))["it"]
    assert torch.equal(found, tensor)
    assert found.dtype == tensor.dtype
    assert found.stride() == tensor.stride()


def test_tied_weights_come_back_as_two(folder: Path) -> None:
    tied = torch.ones(3)
    found = unpack(pack({"one": tied, "two": tied}))
    assert torch.equal(found["one"], found["two"])


def test_the_one_before_is_kept(states: list[State], state: State, folder: Path) -> None:
    save_checkpoint(state, folder)
    first = (folder / NAME).read_bytes()
    state.step += 1
    save_checkpoint(state, folder)
    state.step -= 1
    assert (folder / PREVIOUS).read_bytes() == first
    assert names(folder) == [NAME, PREVIOUS]


def test_a_damaged_checkpoint_gives_way_to_the_one_before_and_that_is_said(
    state: State, folder: Path
) -> None:
    save_checkpoint(state, folder)
    save_checkpoint(state, folder)
    (folder / NAME).write_bytes((folder / NAME).read_bytes()[:-1])
    told: list[str] = []
    assert load_checkpoint(folder, told.append)["step"] == state.step
    assert len(told) == 1
    assert f"{NAME} is damaged" in told[0]
    assert PREVIOUS in told[0]
    (folder / NAME).unlink()  # as between the two renamings of a save that was killed there
    assert load_checkpoint(folder)["step"] == state.step
    (folder / PREVIOUS).write_bytes(b"")
    with pytest.raises(ClassifierError, match="damaged"):
        load_checkpoint(folder)


def test_a_flipped_bit_anywhere_is_noticed(state: State, folder: Path) -> None:
    save_checkpoint(state, folder)
    content = (folder / NAME).read_bytes()
    draw = random.Random(0)
    places = [0, 30, 60, 94, 95, 103, len(content) - 1, *(draw.randrange(len(content)) for _ in range(20))]
    for place in places:
        flipped = bytearray(content)
        flipped[place] ^= 1 << draw.randrange(8)
        (folder / NAME).write_bytes(flipped)
        with pytest.raises(ClassifierError, match=NAME):
            load_checkpoint(folder)


@pytest.mark.parametrize(
    ("error", "told"), [(errno.ENOSPC, "Free some disk space"), (errno.EIO, "Input/output error")]
)
def test_a_disk_that_does_not_take_it_keeps_the_old_one(
    state: State, folder: Path, monkeypatch: pytest.MonkeyPatch, error: int, told: str
) -> None:
    save_checkpoint(state, folder)
    before = (folder / NAME).read_bytes()

    def refused(handle: int) -> None:
        raise OSError(error, told.rpartition(".")[0] or told)

    monkeypatch.setattr("os.fsync", refused)
    with pytest.raises(UserError, match=told) as caught:
        save_checkpoint(state, folder)
    assert ("disk space" in str(caught.value)) == (error == errno.ENOSPC)
    assert (folder / NAME).read_bytes() == before
    assert names(folder) == [NAME]


def test_a_link_is_not_written_through(state: State, folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "thesis.txt"
    outside.write_text("years of work")
    (folder / NAME).symlink_to(outside)
    with pytest.raises(UserError, match="is a link"):
        save_checkpoint(state, folder)
    (folder / NAME).unlink()
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(UserError, match="is a link"):
        save_checkpoint(state, folder)
    assert outside.read_text() == "years of work"


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"fieldmark checkpoint 1 sha256 00\n"])
def test_a_broken_checkpoint_is_named(folder: Path, content: bytes) -> None:
    (folder / NAME).write_bytes(content)
    with pytest.raises(ClassifierError, match=f"{NAME} is damaged"):
        load_checkpoint(folder)


def test_what_torch_wrote_is_not_read(folder: Path, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"optimizer": Evil()}, folder / NAME)
    with pytest.raises(ClassifierError, match=r"has no seal.*--from") as caught:
        load_checkpoint(folder)
    assert "weights_only" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"no safetensors",
        pack({"model": 1})[:-9],
        pack({}).replace(b"document", b"domument"),
        pack({"a": 1}).replace(b'"dict"', b'"eval"'),
        pack({"a": torch.ones(2)}).replace(b'"tensor": 0', b'"tensor": 9'),
        pack({"a": 1}).replace(b'[["a", 1]]', b'[[["a"],1]]'),
    ],
)
def test_a_stranger_who_seals_nonsense_gets_one_line(folder: Path, content: bytes) -> None:
    seal_by_hand(folder, content)
    with pytest.raises(ClassifierError, match=rf"{NAME} is not a checkpoint of fieldmark"):
        load_checkpoint(folder)


def seal_by_hand(folder: Path, content: bytes) -> None:
    import hashlib

    seal = hashlib.sha256(content).hexdigest().encode()
    (folder / NAME).write_bytes(b"fieldmark checkpoint 1 sha256 " + seal + b"\n" + content)


def test_a_checkpoint_of_another_network_is_refused(state: State, small_digits: Dataset) -> None:
    for changes in ({"model": "deep"}, {"optimizer": "sgd", "momentum": 0.0}):
        other = RECIPE.replace(**changes)
        document = unpack(pack(state.to_document()))
        if "optimizer" in changes:
            document["optimizer"]["state"][0]["exp_avg"] = torch.ones(1)
            other = RECIPE
        with pytest.raises(ClassifierError, match="does not fit this run"):
            train(small_digits, other, resume=document)


def test_no_checkpoint_is_said(tmp_path: Path) -> None:
    with pytest.raises(ClassifierError, match="nothing to resume"):
        load_checkpoint(tmp_path)
