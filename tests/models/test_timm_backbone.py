"""The wrapper around timm's networks, against a module that answers like timm."""

from __future__ import annotations

import sys

import pytest
import torch
from models.fake_timm import NETWORKS, create_model, module

from fieldmark.errors import ClassifierError, DataError, UserError
from fieldmark.evaluation.prediction import predict
from fieldmark.models import about, create, settled
from fieldmark.models.network import Network
from fieldmark.models.timm_backbone import load_timm_weights
from fieldmark.models.timm_library import configuration, published_weights
from fieldmark.shipping.classifier import Classifier
from fieldmark.vocabulary import Preprocessing


@pytest.fixture(autouse=True)
def timm(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", module())


@pytest.mark.parametrize("name", ["plain", "last", "tokens", "plain.two"])
def test_the_same_weights_give_the_same_logits_in_three_parts(name):
    theirs = create_model(name, num_classes=5).eval()
    ours = create(f"timm:{name}", 5, 3, 16).eval()
    load_timm_weights(ours, theirs.state_dict())
    ours.head.load_state_dict(theirs.fc.state_dict())
    images = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert isinstance(ours, Network)
    assert ours.features(images).shape == ((2, 4, 16, 1) if name == "tokens" else (2, 4, 4, 4))
    assert ours.embed(ours.features(images)).shape == (2, 6)
    assert torch.equal(ours(images), theirs(images))


def test_channels_classes_options_and_sizes_reach_timm():
    made = create("timm:plain", 2, 1, (20, 28), dropout=0.25)
    assert made(torch.zeros(2, 1, 20, 28)).shape == (2, 2)
    assert made.features.trunk.network.drop_rate == 0.25
    assert create("timm:tokens", 2, 3, 20)(torch.zeros(1, 3, 20, 20)).shape == (1, 2)
    assert settled("timm:plain", 16, {"dropout": 0.25}) == {"dropout": 0.25}
    assert about("timm:plain").published_size == 16


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("plian", {}, r"timm has no network 'plian'\. Closest: plain\."),
        ("hf-hub:timm/plain", {}, r"timm has no network 'hf-hub:timm/plain'"),
        ("../plain", {}, r"timm has no network"),
        ("plain.three", {}, r"'plain\.three' is not a training that timm has of it"),
        ("several", {}, r"timm:several makes several maps at once"),
        (
            "plain",
            {"stochastic_depth": 0.5},
            r"cannot be made for 16x16 pictures: .*drop_path_rate",
        ),
        ("plain", {"width": 5}, r"has no option 'width'\. .*All: dropout, stochastic_depth, init"),
    ],
)
def test_what_cannot_be_made_is_said_in_one_line(name, options, told):
    with pytest.raises(UserError, match=told) as caught:
        create(f"timm:{name}", 3, 3, 16, **options)
    assert "\n" not in str(caught.value)


def test_a_picture_that_does_not_fit_says_what_it_was_published_for():
    with pytest.raises(UserError, match=r"timm:plain cannot be made for 2x2 pictures: .*published for 16x16"):
        create("timm:plain", 3, 3, 2)


def test_weights_that_do_not_fit_name_what_is_wrong():
    ours, right = create("timm:plain", 3, 3, 16), NETWORKS["plain"]().state_dict()
    before = {name: tensor.clone() for name, tensor in ours.state_dict().items()}
    for weights, told in (
        ({name: tensor for name, tensor in right.items() if name != "conv.bias"}, "the file lacks conv.bias"),
        (right | {"extra": torch.zeros(1)}, "the network has no place for extra"),
        (right | {"conv.bias": torch.zeros(9)}, "other shapes: conv.bias"),
    ):
        with pytest.raises(ClassifierError, match=f"not the weights of timm:plain: {told}"):
            load_timm_weights(ours, weights)
    assert all(torch.equal(tensor, before[name]) for name, tensor in ours.state_dict().items())


def test_published_weights_come_from_timm_or_the_reason_is_said():
    assert published_weights("plain")["conv.bias"][0] == pytest.approx(0.02)
    with pytest.raises(DataError, match=r"weights for tokens .*couldn't connect to .*--pretrained FILE"):
        published_weights("tokens")
    assert configuration("plain").mean == (0.1, 0.2, 0.3)


def test_without_timm_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UserError, match=r'pip install "fieldmark\[pretrained\]"'):
        create("timm:resnet18", 3, 3, 32)


def test_a_classifier_folder_holds_it_and_predicts_the_same(tmp_path, monkeypatch):
    preprocessing = Preprocessing((16, 16), 3, (0.5,) * 3, (0.25,) * 3)
    pictures = torch.randint(256, (3, 3, 16, 16), dtype=torch.uint8)
    model = create("timm:last", 3, 3, 16).eval()
    expected = predict(model, pictures, mean=preprocessing.mean, std=preprocessing.std).logits
    Classifier(model, "timm:last", {}, ("a", "b", "c"), preprocessing).save(tmp_path / "net")
    assert torch.equal(Classifier.load(tmp_path / "net").logits(pictures), expected)
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UserError, match=r"^timm:NAME needs the extra"):
        Classifier.load(tmp_path / "net")
