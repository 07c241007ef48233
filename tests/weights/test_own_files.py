from pathlib import Path

import pytest
import safetensors.torch
import torch

from fieldmark.errors import ClassifierError
from fieldmark.models import create
from fieldmark.weights.own_files import start_from


def weights(num_classes: int = 3) -> dict[str, torch.Tensor]:
    torch.manual_seed(5)
    return create("baseline", num_classes, 1, 16).state_dict()


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELDMARK_CACHE", str(tmp_path_factory.mktemp("cache")))


def saved(tensors: dict[str, torch.Tensor], path: Path) -> Path:
    safetensors.torch.save_file(tensors, path)
    return path


@pytest.mark.parametrize("way", ["safetensors", "state_dict", "folder", "run"])
def test_weights_come_from_files_and_folders(tmp_path: Path, way: str) -> None:
    path = tmp_path / "weights.pt"
    if way == "safetensors":
        path = tmp_path / "any.safetensors"
        safetensors.torch.save_file(weights(), path)
    elif way == "state_dict":
        torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in weights().items()}}, path)
    else:
        folder = tmp_path / "classifier" if way == "run" else tmp_path
        folder.mkdir(exist_ok=True)
        safetensors.torch.save_file(weights(), folder / "weights.safetensors")
        path = tmp_path
    model = create("baseline", 3, 1, 16)
    notes: list[str] = []
    start_from(path, notes.append)(model, False)
    for name, tensor in weights().items():
        assert torch.equal(model.state_dict()[name], tensor)
    assert notes == []


@pytest.mark.parametrize("classes", [5, 3])
def test_a_head_for_other_classes_starts_fresh(tmp_path: Path, classes: int) -> None:
    # As many classes may be other classes all the same: then the caller says so.
    path = saved(weights(classes), tmp_path / "other.safetensors")
    model, notes = create("baseline", 3, 1, 16), []
    head = model.head.weight.detach().clone()
    start_from(path, notes.append)(model, classes == 3)
    assert torch.equal(model.head.weight, head)
    assert torch.equal(model.hidden.weight, weights(classes)["hidden.weight"])
    assert "head starts fresh" in notes[0]


def test_weights_of_another_model_are_named(tmp_path: Path) -> None:
    path = saved(create("deep", 3, 1, 16).state_dict(), tmp_path / "deep.safetensors")
    for fresh_head in (False, True):
        with pytest.raises(ClassifierError, match=r"deep\.safetensors does not fit this model"):
            start_from(path, print)(create("baseline", 3, 1, 16), fresh_head)


def test_what_is_no_weights_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "bad.safetensors").write_text("hello")
    for name, told in (
        ("bad.safetensors", "cannot be read as weights"),
        ("nothing", "no such path"),
        (".", "holds no weights.safetensors"),
    ):
        with pytest.raises(ClassifierError, match=told) as caught:
            start_from(tmp_path / name, print)
        assert "\n" not in str(caught.value)
