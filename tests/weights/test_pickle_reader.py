"""What a file of torch.save may hold to be taken for weights; here without the process around it."""

from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import nn

from fieldmark.errors import ClassifierError
from fieldmark.weights import pickle_reader
from fieldmark.weights.pickle_reader import main, tensors_in

WEIGHTS = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.running_mean": torch.tensor([1.5]).half()}


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        (WEIGHTS, "plain"),
        ({"state_dict": WEIGHTS, "epoch": 3}, "wrapped"),
        ({"model": WEIGHTS, "args": ["x"]}, "wrapped in a model"),
        ({name: nn.Parameter(tensor) for name, tensor in WEIGHTS.items()}, "parameters"),
    ],
)
@pytest.mark.parametrize("old", [False, True])
def test_state_dicts_of_all_kinds_are_read(tmp_path: Path, document: Any, kind: str, old: bool) -> None:
    torch.save(document, tmp_path / "weights.pth", _use_new_zipfile_serialization=not old)
    found = tensors_in(tmp_path / "weights.pth")
    assert list(found) == list(WEIGHTS)
    for name, tensor in WEIGHTS.items():
        assert torch.equal(found[name], tensor)
        assert found[name].dtype == tensor.dtype


def test_tensors_that_share_memory_come_apart(tmp_path: Path) -> None:
    square = torch.arange(4.0).reshape(2, 2)
    torch.save({"one": square, "turned": square.t(), "row": square[0]}, tmp_path / "weights.pth")
    found = tensors_in(tmp_path / "weights.pth")
    assert all(tensor.is_contiguous() for tensor in found.values())
    assert len({tensor.untyped_storage().data_ptr() for tensor in found.values()}) == 3
    assert torch.equal(found["turned"], square.t())


def test_the_program_writes_safetensors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pickle_reader, "limit_memory", lambda size: None)  # it would limit this process
    source, target = tmp_path / "weights.pth", tmp_path / "weights.safetensors"
    torch.save(WEIGHTS, source)
    assert main([str(source), str(target)]) == 0
    assert torch.equal(safetensors.torch.load_file(target)["a.weight"], WEIGHTS["a.weight"])
    source.write_text("hello")
    assert main([str(source), str(target)]) == 1
    assert capsys.readouterr().out.count("\n") == 1


def test_what_is_no_weights_is_said_in_one_line(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "ran",))

    path = tmp_path / "file.pth"
    sparse = torch.eye(3).to_sparse()
    huge = torch.zeros(1).expand(10**6, 10**6)
    for document, told in (
        (Evil(), "more than plain weights"),
        ([1, 2], "not a state_dict"),
        ({"a": 1}, "not a state_dict"),
        ({1: torch.zeros(1)}, "not a state_dict"),
        ({"a": sparse}, "not a state_dict"),
        ({"a": huge}, "far more memory than it fills"),
    ):
        torch.save(document, path)
        with pytest.raises(ClassifierError, match=told) as caught:
            tensors_in(path)
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)
    path.write_text("hello")
    with pytest.raises(ClassifierError, match=r"file\.pth"):
        tensors_in(path)
    assert not (tmp_path / "ran").exists()
