from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from fieldmark.errors import ClassifierError
from fieldmark.models import create
from fieldmark.training.starting import start_from


def weights(num_classes: int = 3) -> dict[str, torch.Tensor]:
    torch.manual_seed(5)
    return create("baseline", num_classes, 1, 16).state_dict()


@pytest.mark.parametrize("way", ["safetensors", "state_dict", "wrapped", "folder", "run"])
def test_weights_come_from_files_and_folders(tmp_path: Path, way: str) -> None:
    path = tmp_path / "weights.pt"
    if way == "safetensors":
        path = tmp_path / "any.safetensors"
        safetensors.torch.save_file(weights(), path)
    elif way == "state_dict":
        torch.save(weights(), path)
    elif way == "wrapped":
        torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in weights().items()}}, path)
    else:
        folder = tmp_path / "classifier" if way == "run" else tmp_path
        folder.mkdir(exist_ok=True)
        safetensors.torch.save_file(weights(), folder / "weights.safetensors")
        path = tmp_path
    model = create("baseline", 3, 1, 16)
    notes: list[str] = []
    start_from(path, notes.append)(model)
    for name, tensor in weights().items():
        assert torch.equal(model.state_dict()[name], tensor)
    assert notes == []


def test_a_head_for_other_classes_starts_fresh(tmp_path: Path) -> None:
    torch.save(weights(5), tmp_path / "five.pt")
    model, notes = create("baseline", 3, 1, 16), []
    head = model.head.weight.detach().clone()
    start_from(tmp_path / "five.pt", notes.append)(model)
    assert torch.equal(model.head.weight, head)
    assert torch.equal(model.hidden.weight, weights(5)["hidden.weight"])
    assert "head starts fresh" in notes[0]


def test_weights_of_another_model_are_named(tmp_path: Path) -> None:
    torch.save(create("deep", 3, 1, 16).state_dict(), tmp_path / "deep.pt")
    with pytest.raises(ClassifierError, match=r"deep\.pt does not fit this model"):
        start_from(tmp_path / "deep.pt", print)(create("baseline", 3, 1, 16))


def test_what_is_no_weights_is_said_in_one_line(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "ran",))

    torch.save(Evil(), tmp_path / "evil.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    (tmp_path / "text.pt").write_text("hello")
    (tmp_path / "bad.safetensors").write_text("hello")
    for name, told in (
        ("evil.pt", "more than plain weights"),
        ("list.pt", "not a state_dict"),
        ("text.pt", "text.pt"),
        ("bad.safetensors", "cannot be read as weights"),
        ("nothing", "no such path"),
        (".", "holds no weights.safetensors"),
    ):
        with pytest.raises(ClassifierError, match=told) as caught:
            start_from(tmp_path / name, print)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()
