"""Which settings a run takes when nothing is said, and which weights."""

from __future__ import annotations

from pathlib import Path

import pytest

import fieldmark as fm
from fieldmark.errors import UserError
from fieldmark.models import create
from fieldmark.recipe import Recipe
from fieldmark.runs.suggestion import suggested
from fieldmark.shipping.classifier import Classifier
from fieldmark.training.presets import preset
from fieldmark.training.presets.finetuning import finetuned
from fieldmark.vocabulary import Preprocessing
from fieldmark.weights import origin_of

KNOWN = Preprocessing((20, 20), 1, (0.25,), (0.5,), "pad")


@pytest.fixture
def classifier(tmp_path: Path) -> Path:
    model = create("wide", 2, 1, 20)
    Classifier(model, "wide", {}, ("a", "b"), KNOWN).save(tmp_path / "net")
    return tmp_path / "net"


def test_fresh_weights_take_the_models_preset() -> None:
    assert suggested(None) == preset("baseline")
    assert suggested("digits") == preset("digits")


def test_trained_weights_take_settings_for_fine_tuning(classifier: Path) -> None:
    published = suggested("resnet18", pretrained="public")
    assert published == finetuned("resnet18").replace(pretrained="public")
    assert suggested(None, classifier) == finetuned("wide").replace(resize="pad")
    assert suggested("wide", classifier) == suggested(None, classifier)
    assert suggested("deep", classifier) == finetuned("deep"), (
        "another network: nothing of the run's is known"
    )
    assert suggested("digits", Path("weights.pth")) == finetuned("digits")


def test_a_network_of_ones_own_learns_as_a_whole() -> None:
    assert (finetuned("nets:make").freeze, finetuned("nets:make").layer_decay) == (0, 1.0)
    assert finetuned("nets:make").learning_rate == finetuned("wide").learning_rate


def test_a_classifier_brings_its_classes_and_preprocessing(classifier: Path) -> None:
    origin = origin_of(Recipe(model="wide"), classifier, print)
    assert origin is not None
    assert (origin.classes, origin.preprocessing, origin.model) == (("a", "b"), KNOWN, "wide")
    assert origin_of(Recipe(), None, print) is None


def test_only_one_kind_of_weights_and_only_for_networks_of_ours(classifier: Path) -> None:
    with pytest.raises(UserError, match="not both"):
        origin_of(Recipe(model="resnet18", pretrained="public"), classifier, print)
    with pytest.raises(UserError, match=r"fieldmark's own networks, not into nets:make"):
        origin_of(Recipe(model="nets:make", pretrained="public"), None, print)


def test_python_takes_true_a_path_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from fieldmark.runs import sitting

    seen: list[Recipe] = []

    def train(data: object, recipe: Recipe, **_: object) -> None:
        seen.append(recipe)

    monkeypatch.setattr(sitting, "train_run", train)
    fm.train("sample", model="resnet18", pretrained=True, progress=False)
    fm.train("sample", model="resnet18", pretrained=Path("a/b.pth"), progress=False, freeze=3)
    fm.train("sample", model="resnet18", pretrained=False, progress=False)
    fm.train("sample", Recipe(model="resnet18", epochs=7), pretrained="public", mean=[0.5] * 3, std=[0.5] * 3)
    base = finetuned("resnet18")
    assert seen == [
        base.replace(pretrained="public"),
        base.replace(pretrained=str(Path("a/b.pth")), freeze=3),
        preset("resnet18"),
        Recipe(model="resnet18", epochs=7, pretrained="public", mean=(0.5,) * 3, std=(0.5,) * 3),
    ]
