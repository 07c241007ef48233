"""Every form in which two textbook chapters write a network: trained, saved, loaded, used and inspected."""

from __future__ import annotations

import json
from pathlib import Path

import book_networks
import numpy as np
import pytest
import torch
from book_networks import FORMS, Form
from PIL import Image
from torch import nn

import fieldmark as fm
from fieldmark.cli import main
from fieldmark.errors import ClassifierError
from fieldmark.runs import sitting
from fieldmark.vocabulary import Dataset

BATCH = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 pictures 64x64 of two classes, dark and bright."""
    folder = tmp_path_factory.mktemp("pictures")
    generator = np.random.default_rng(0)
    for name, least in (("bright", 150), ("dark", 0)):
        (folder / name).mkdir()
        for number in range(20):
            pixels = generator.integers(least, least + 100, (64, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def digits() -> Dataset:
    whole = fm.load("sample", limit=40)
    rows = torch.arange(10)
    assert whole.test is not None
    return Dataset(
        whole.train, whole.val.select(rows), whole.test.select(rows), whole.name, whole.image_size,
        whole.resize, whole.fingerprint,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are drawn from predictions alone, and take most of the time of a run as short as these."""
    monkeypatch.setattr(sitting, "draw_training", lambda *_, **__: None)
    monkeypatch.setattr(sitting, "draw_answers", lambda *_, **__: None)


def pictures(form: Form, folder: Path, digits: Dataset) -> Dataset:
    return digits if form.pictures == "digits" else fm.load(folder, image_size=int(form.pictures[:2]))


@pytest.mark.parametrize("name", FORMS)
def test_it_has_the_parameters_of_the_book_and_is_inspected(name: str) -> None:
    form = FORMS[name]
    size, channels = (28, 1) if form.pictures == "digits" else (int(form.pictures[:2]), 3)
    found = fm.inspect(form.make(), size, in_channels=channels)
    assert found.parameters == form.parameters
    assert found.layers[-1].output_shape in ((1,), (2,), (10,))
    said = " ".join(found.notes)
    assert ("fieldmark trains and answers by the values before it" in said) == (name == "smile_net")
    assert ("blocks holds layers in a plain Python list" in said) == (name == "BlocksInPlainList")


@pytest.mark.parametrize("name", FORMS)
def test_it_trains_is_saved_and_answers_alike_when_loaded(
    name: str, folder: Path, digits: Dataset, tmp_path: Path
) -> None:
    form = FORMS[name]
    torch.manual_seed(0)
    network, data = form.make(), pictures(form, folder, digits)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    run = fm.train(data, model=network, epochs=1, batch_size=BATCH, out=tmp_path / "run", progress=False)
    assert run.document["status"] == "finished"
    moved = [not torch.equal(value, before[key]) for key, value in network.named_parameters()]
    assert all(moved), "every parameter that torch sees learns"
    torch.manual_seed(1)
    fresh = form.make()
    again = network if name == "BlocksInPlainList" else fresh  # its blocks are in no file
    loaded = fm.Classifier.load(tmp_path / "run", model=again)
    assert data.test is not None
    expected = run.predict("test").logits
    torch.testing.assert_close(loaded.logits(data.test.images), expected, atol=1e-5, rtol=0)
    assert expected.shape == (len(data.test), len(data.classes))


@pytest.mark.parametrize("name", [name for name in FORMS if name != "BlocksInPlainList"])
def test_the_command_line_trains_evaluates_and_inspects_it_by_name(
    name: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    form, own = FORMS[name], ["--model", f"book_networks:{name}"]
    data = ["sample", "--limit", "20"] if form.pictures == "digits" else [str(folder)]
    size = ["--image-size", form.pictures[:2]] if form.pictures != "digits" else []
    settings = ["--epochs", "1", "--batch-size", str(BATCH), "--out", "run", "--json"]
    assert main(["train", *data, *own, *size, *settings]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["model"], summary["status"]) == (own[1], "finished")
    picture = str(folder / "dark" / "0.png")
    assert main(["predict", "run", picture, *own, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["predictions"]
    assert row["status"] == "ok"
    assert main(["inspect", "run", *own, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"] == form.parameters


def test_blocks_in_a_plain_list_are_named_and_not_loaded_into_another_network(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = fm.load(folder, image_size=32)
    network = book_networks.BlocksInPlainList()
    run = fm.train(data, model=network, epochs=1, batch_size=BATCH, out=tmp_path / "run")
    told = " ".join(capsys.readouterr().err.split())
    assert "blocks holds layers in a plain Python list" in told
    assert "Use nn.ModuleList." in told
    with pytest.raises(
        ClassifierError, match=r"does not hold all of .*: blocks holds layers.*nn\.ModuleList"
    ):
        fm.Classifier.load(tmp_path / "run", model=book_networks.BlocksInPlainList)
    with pytest.raises(ClassifierError, match="does not hold all of"):
        fm.Classifier.load(tmp_path / "run", model=book_networks.BlocksInPlainList())
    assert fm.Classifier.load(tmp_path / "run", model=network).model is run.classifier.model


def test_a_sigmoid_at_the_end_trains_and_answers_as_without_it(folder: Path, tmp_path: Path) -> None:
    """The smile net: binary cross-entropy of sigmoid(z), as the book takes it, is that of the logit z."""
    data = fm.load(folder, image_size=64)
    weights = []
    for end in (nn.Sigmoid(), nn.Identity()):
        torch.manual_seed(0)
        network = book_networks.smile_net()
        network[-1] = end
        out = tmp_path / type(end).__name__
        run = fm.train(data, model=network, epochs=2, batch_size=BATCH, out=out, progress=False)
        weights.append((network.state_dict(), run.predict("test").logits, run.document["val"]))
    (one, logits, val), (other, expected, same) = weights
    for key, value in one.items():
        assert torch.equal(value, other[key])
    assert torch.equal(logits, expected)
    assert val == same
