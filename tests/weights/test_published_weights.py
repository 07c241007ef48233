"""Published weights: where they come from, what is known of them, and what is said when they do not fit."""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from models.fake_timm import module
from weights.public_resnet import OPTIONS, public_weights

from fieldmark.errors import ClassifierError, DataError, UserError
from fieldmark.models import create
from fieldmark.weights import published
from fieldmark.weights.published import public_origin

STEM = "features.stem.convolution.weight"


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELDMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FIELDMARK_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "weights.safetensors"
    safetensors.torch.save_file(public_weights(), path)
    return path


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """A server of the folder tmp_path/host: its address for a folder in there."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

    handler = partial(Quiet, directory=str(tmp_path / "host"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield lambda folder: f"http://127.0.0.1:{server.server_port}/{folder}/"
        server.shutdown()
        thread.join()


def narrow(classes: int = 3) -> torch.nn.Module:
    return create("resnet18", classes, 3, 64, stem="published", **OPTIONS)


def test_all_but_the_head_is_taken_from_a_file(file: Path) -> None:
    model, weights = narrow(), public_weights()
    head = model.head.weight.detach().clone()
    origin = public_origin("resnet18", str(file))
    origin.fill(model, False)
    own = model.state_dict()
    assert torch.equal(own[STEM], weights["conv1.weight"])
    assert torch.equal(
        own["features.stage4.block1.normalisation2.running_var"], weights["layer4.1.bn2.running_var"]
    )
    assert torch.equal(model.head.weight, head)
    assert origin.preprocessing is not None
    assert origin.preprocessing.image_size == (224, 224)
    assert origin.preprocessing.mean == (0.485, 0.456, 0.406)
    assert origin.preprocessing.std == (0.229, 0.224, 0.225)
    assert origin.options == {"stem": "published"}


def test_googlenet_is_made_as_its_weights_need_it(file: Path) -> None:
    options = public_origin("googlenet", str(file)).options
    assert options == {"stem": "published", "kernel5": 3, "transform_input": True}


def test_weights_come_by_name_from_the_first_address_that_has_them(
    tmp_path: Path, host: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("wrong", "right"):
        (tmp_path / "host" / folder).mkdir(parents=True)
    torch.save(public_weights(), tmp_path / "host" / "weights.pth")
    content = (tmp_path / "host" / "weights.pth").read_bytes()
    name = f"resnet18-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    (tmp_path / "host" / "right" / name).write_bytes(content)
    (tmp_path / "host" / "wrong" / name).write_bytes(content[:-9])
    monkeypatch.setitem(published.PUBLIC_FILES, "resnet18", name)
    monkeypatch.setattr(published, "ADDRESSES", (host("none"), host("wrong"), host("right")))
    seen: list[tuple[str, int, int]] = []
    model = narrow()
    public_origin("resnet18", "public", lambda *step: seen.append(step)).fill(model, True)
    assert torch.equal(model.state_dict()[STEM], public_weights()["conv1.weight"])
    assert (tmp_path / "data" / "weights" / name).read_bytes() == content
    assert len(list((tmp_path / "cache" / "weights").glob("*.safetensors"))) == 1
    assert seen[-1] == (f"download {name}", len(content), len(content))

    monkeypatch.setattr(published, "ADDRESSES", ("http://127.0.0.1:9/",))
    public_origin("resnet18", "public")  # what is there is not fetched again


def test_without_a_network_the_file_and_its_place_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published, "ADDRESSES", ("http://127.0.0.1:9/",))
    with pytest.raises(DataError) as caught:
        public_origin("resnet18", "public")
    message = str(caught.value)
    assert "cannot download the weights of resnet18" in message
    assert f"put resnet18-f37072fd.pth into {tmp_path / 'data' / 'weights'}" in message
    assert "\n" not in message


@pytest.mark.parametrize("weights", ["public", "any.pth"])
def test_a_model_without_published_weights_is_told_which_have_some(weights: str) -> None:
    with pytest.raises(UserError, match=r"no published weights for 'baseline'.*resnet18.*timm:NAME.*--from"):
        public_origin("baseline", weights)


def test_what_does_not_fit_names_the_file(file: Path, tmp_path: Path) -> None:
    deeper = create("resnet34", 3, 3, 64, stem="published", **OPTIONS)
    with pytest.raises(ClassifierError, match=r"weights\.safetensors: these are not the weights of"):
        public_origin("resnet18", str(file)).fill(deeper, True)
    ours = tmp_path / "ours.safetensors"
    safetensors.torch.save_file(narrow(5).state_dict(), ours)
    with pytest.raises(
        ClassifierError, match=r"ours\.safetensors holds weights that fieldmark wrote: --from"
    ):
        public_origin("resnet18", str(ours)).fill(narrow(), True)
    with pytest.raises(ClassifierError, match=r"no such path: nothing\.pth"):
        public_origin("resnet18", "nothing.pth")


def test_timms_weights_bring_timms_normalisation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    timm = module()
    monkeypatch.setitem(sys.modules, "timm", timm)
    model = create("timm:plain", 3, 3, 16)
    origin = public_origin("timm:plain", "public")
    origin.fill(model, False)
    assert model.features.trunk.network.conv.bias[0].item() == pytest.approx(0.02)
    assert origin.preprocessing is not None
    assert origin.preprocessing.image_size == (16, 16)
    assert (origin.preprocessing.mean, origin.preprocessing.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    path = tmp_path / "plain.safetensors"
    safetensors.torch.save_file({n: t + 1 for n, t in timm.create_model("plain").state_dict().items()}, path)
    public_origin("timm:plain", str(path)).fill(model, False)
    assert torch.equal(model.features.trunk.network.conv.bias, safetensors.torch.load_file(path)["conv.bias"])
    with pytest.raises(DataError, match=r"weights for tokens cannot be had"):
        public_origin("timm:tokens", "public")
