"""A broken, altered or foreign classifier folder: one line naming the file, and nothing runs."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from shipping.birds import edit, small_classifier

from fieldmark.errors import ClassifierError
from fieldmark.shipping.classifier import Classifier
from fieldmark.shipping.integrity import seal, sha256_of


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("shipping") / "birds"
    small_classifier("baseline").save(folder)
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "birds"))


def refusal(folder: Path) -> str:
    """The one line with which `folder` is refused."""
    with pytest.raises(ClassifierError) as caught:
        Classifier.load(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder) in message
    assert len(message) < 700
    return message


def put(key: str, value: Any):
    return lambda document: document.__setitem__(key, value)


def put_in(key: str, inner: str, value: Any):
    return lambda document: document[key].__setitem__(inner, value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("format", 2), r"its format is 2; this fieldmark reads 1"),
        (put("format", "1"), r"its format is '1'"),
        (put("format", True), r"its format is True"),
        (put("model", "resnet1800"), r"'resnet1800' is not a model"),
        (put("model", 3), "model is 3"),
        (put("model", "os:system"), "your own network 'os:system'"),
        (put("options", {"width": "wide"}), "width='wide' does not fit"),
        (put("options", {"depth": 3}), "no option 'depth'"),
        (put("options", {"width": 10**30}), "classifier.json"),
        (put("options", {"name": "deep"}), "baseline has no option 'name'"),
        (put("options", {"width": 1}), "take a larger width"),
        (put("options", []), r"options is \[\]"),
        (put("classes", ["crow", "swan"]), r"head.weight is \(3, 32\), but .* needs \(2, 32\)"),
        (put("classes", ["crow", "swan", "crow"]), "all different"),
        (put("classes", ["crow", "swan", 3]), "not a list of names"),
        (put("classes", "crow"), "not a list of names"),
        (put("temperature", 1.5), "temperature is 1.5, which needs a newer fieldmark"),
        (put("threshold", 0), "threshold is 0"),
        (put("metrics", None), "metrics is None"),
        (put("extra", 1), "'extra' is nothing that format 1 has"),
        (lambda document: document.pop("classes"), "'classes' is missing"),
        (put_in("preprocessing", "image_size", [8.5, 8]), "image_size"),
        (put_in("preprocessing", "image_size", [8, 0]), "image_size"),
        (put_in("preprocessing", "image_size", [3, 3]), "too small for baseline"),
        (put_in("preprocessing", "image_size", [10**12, 10**12]), "image_size"),
        (put_in("preprocessing", "image_size", [16, 16]), r"hidden.weight is \(32, 32\), but .* \(32, 128\)"),
        (put_in("preprocessing", "channels", 2), "channels is 2"),
        (put_in("preprocessing", "channels", 1), "mean is"),
        (put_in("preprocessing", "mean", [0.1, 0.2]), "mean is"),
        (put_in("preprocessing", "mean", [0.1, 0.2, 10**400]), "too large a number"),
        (put_in("preprocessing", "mean", [0.1, 0.2, True]), "mean is"),
        (put_in("preprocessing", "std", [0.1, 0.2, 0]), "std is"),
        (put_in("preprocessing", "resize", "squash"), "resize is 'squash'; it takes crop, pad, stretch"),
        (put_in("preprocessing", "order", "BGR"), "preprocessing is"),
        (put("files", {}), "files is {}"),
        (put_in("files", "../../etc/passwd", "0" * 64), "no plain file name"),
        (put_in("files", "/etc/passwd", "0" * 64), "no plain file name"),
        (put_in("files", "C:secret", "0" * 64), "no plain file name"),
        (put_in("files", ".hidden", "0" * 64), "no plain file name"),
        (put_in("files", "model.onnx", "0" * 64), "model.onnx is missing"),
        (put_in("files", "model.onnx", 7), "not a SHA-256"),
        (
            put_in("files", "weights.safetensors", "0" * 64),
            "weights.safetensors is not the file that was written",
        ),
    ],
)
def test_a_wrong_value_is_named_even_when_the_checksum_is_right(folder, change, message):
    edit(folder, lambda document: change(document) and None)
    assert re.search(message, refusal(folder))


def test_an_edited_description_is_noticed(folder):
    edit(folder, put("classes", ["swan", "crow", "wren"]), reseal=False)
    assert "classifier.json" in (message := refusal(folder))
    assert "changed after it was written" in message
    edit(folder, lambda document: document.pop("sha256") and None, reseal=False)
    assert "checksum" in refusal(folder)


def test_another_layout_of_the_same_content_is_fine(folder):
    path = folder / "classifier.json"
    path.write_text(json.dumps(json.loads(path.read_text()), sort_keys=True, indent=7))
    assert Classifier.load(folder).name == "baseline"


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", '"text"', "{} {}", "[" * 100_000, '{"format": NaN}', '{"format": 1e999}'),
        *('{"format": 1, "format": 1}', "9" * 10_000, '{"a":' * 50_000, "\ufeff{}", "<html>"),
    ],
)
def test_a_description_that_is_no_json_object(folder, text):
    (folder / "classifier.json").write_text(text)
    assert "classifier.json is broken" in refusal(folder)


def test_a_description_that_is_no_text_or_far_too_large(folder):
    (folder / "classifier.json").write_bytes(b"\xff\xfe\x00\x80")
    assert "classifier.json is broken" in refusal(folder)
    with (folder / "classifier.json").open("wb") as file:
        file.truncate(17 * 2**20)
    assert "larger than 16 MB" in refusal(folder)


def flip_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_one_flipped_bit_in_the_weights_is_noticed(folder):
    flip_bit(folder / "weights.safetensors")
    assert "weights.safetensors is not the file that was written" in refusal(folder)


def test_missing_and_extra_files_are_named(folder):
    (folder / "model.py").write_text("raise SystemExit")
    assert "model.py does not belong" in refusal(folder)
    (folder / "model.py").unlink()
    (folder / ".DS_Store").write_bytes(b"left by a file manager")
    assert Classifier.load(folder).name == "baseline"
    (folder / "weights.safetensors").unlink()
    assert "weights.safetensors is missing" in refusal(folder)
    (folder / "weights.safetensors").mkdir()
    assert "weights.safetensors is missing" in refusal(folder)


def test_a_listed_file_beside_the_weights_is_checked_too(folder):
    onnx = folder / "model.onnx"
    onnx.write_bytes(b"a graph")
    edit(folder, put_in("files", "model.onnx", sha256_of(onnx)))
    assert Classifier.load(folder).name == "baseline"
    flip_bit(onnx)
    assert "model.onnx is not the file that was written" in refusal(folder)


def replace_weights(folder: Path, change: Any) -> None:
    """Other weights, every checksum made right again: what somebody with bad intentions would do."""
    path = folder / "weights.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)
    edit(folder, put_in("files", "weights.safetensors", sha256_of(path)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: tensors.pop("head.bias"), "lacks head.bias"),
        (
            lambda tensors: tensors.update(more=torch.zeros(1)),
            "has 'more', for which the network has no place",
        ),
        (lambda tensors: tensors.update({"head.bias": torch.zeros(4)}), r"head.bias is \(4,\)"),
        (
            lambda tensors: tensors.update({"head.bias": torch.zeros(3).half()}),
            "is float16, but must be float32",
        ),
        (
            lambda tensors: tensors.update({"head.bias": torch.zeros(3).long()}),
            "is int64, but must be float32",
        ),
        (
            lambda tensors: tensors["head.bias"].fill_(float("nan")),
            "head.bias holds numbers that are not finite",
        ),
        (lambda tensors: tensors["head.bias"].fill_(float("inf")), "not finite"),
    ],
)
def test_weights_that_do_not_fit_are_named(folder, change, message):
    replace_weights(folder, change)
    assert re.search(message, found := refusal(folder)), found
    assert "weights.safetensors" in found


class Bomb:
    def __reduce__(self):
        return (os._exit, (3,))


@pytest.mark.parametrize(
    "content", [pickle.dumps(Bomb()), b"", b"\xff" * 100, b"\x10" + b"\0" * 7 + b'{"a": [1, 2, 3]}']
)
def test_a_pickle_or_rubbish_for_weights_is_not_opened(folder, content):
    path = folder / "weights.safetensors"
    path.write_bytes(content)
    edit(folder, put_in("files", "weights.safetensors", sha256_of(path)))
    assert "not a whole safetensors file" in refusal(folder)


def test_a_path_that_is_no_classifier(tmp_path, folder):
    assert "no such run or classifier" in refusal(tmp_path / "brids")
    assert "is a file" in refusal(folder / "classifier.json")
    (tmp_path / "empty").mkdir()
    assert "no run or classifier folder" in refusal(tmp_path / "empty")


def anything() -> st.SearchStrategy[Any]:
    """Any JSON value, with what breaks readers among them."""
    nasty = st.sampled_from(
        [
            10**400,
            -1,
            0,
            1,
            2,
            3,
            8,
            True,
            1e300,
            "",
            "..",
            "../x",
            "/",
            "os:system",
            "digits",
            "mlp",
            "weights.safetensors",
        ]
    )
    plain = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text()
    )
    words = st.sampled_from(["width", "init", "hidden", "kernel_size", "blocks", "dropout", "a"]) | st.text(
        max_size=5
    )
    return st.recursive(
        nasty | plain,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=3),
        max_leaves=6,
    )


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> Any:
    """`document` with one value replaced, added or taken away, at any depth."""
    if isinstance(document, dict) and document and draw(st.integers(0, 3)):
        key = draw(st.sampled_from(sorted(document)))
        rest = {name: value for name, value in document.items() if name != key}
        kind = draw(st.integers(0, 4))
        if kind == 0:
            return rest
        if kind == 1:
            return {**document, draw(st.text(max_size=5)): draw(anything())}
        return {**rest, key: draw(mutated(document[key]))}
    if isinstance(document, list) and document and draw(st.integers(0, 2)):
        position = draw(st.integers(0, len(document) - 1))
        return [*document[:position], draw(mutated(document[position])), *document[position + 1 :]]
    return draw(anything())


def loaded_or_refused(folder: Path) -> Classifier | None:
    """The classifier, or None where it was refused; any error but ClassifierError fails the test."""
    try:
        return Classifier.load(folder)
    except ClassifierError as error:
        if "\n" in str(error):
            raise
        return None


@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_mutation_of_the_description_loads_or_is_refused_in_one_line(original, tmp_path_factory, data):
    target = tmp_path_factory.mktemp("fuzz", numbered=True)
    folder = Path(shutil.copytree(original, target / "birds"))
    path = folder / "classifier.json"
    before = json.loads(path.read_text())
    after = data.draw(
        mutated({**before, "model": data.draw(st.sampled_from(["baseline", "mlp", "deep_residual"]))})
    )
    sealed = isinstance(after, dict) and data.draw(st.booleans())
    path.write_text(json.dumps(seal(after) if sealed else after))
    loaded = loaded_or_refused(folder)
    if loaded is not None:
        assert sealed or after == before, "an unsealed change went unnoticed"
        assert len(loaded.classes) == 3


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.floats(0, 1), content=st.binary(max_size=12), cut=st.integers(0, 12), honest=st.booleans())
def test_any_damage_to_the_bytes_of_the_weights(original, tmp_path_factory, position, content, cut, honest):
    """honest: the checksum stays the old one; otherwise it is made right for the damaged file."""
    folder = Path(shutil.copytree(original, tmp_path_factory.mktemp("bytes", numbered=True) / "birds"))
    path = folder / "weights.safetensors"
    before = path.read_bytes()
    start = round(position**3 * len(before))  # mostly in the header
    after = before[:start] + content + before[start + cut :]
    path.write_bytes(after)
    if not honest:
        edit(folder, put_in("files", "weights.safetensors", sha256_of(path)))
    if loaded_or_refused(folder) is not None:
        assert after == before or not honest


def test_a_small_folder_that_asks_for_vast_memory_is_refused_before_any_is_taken(tmp_path):
    small_classifier("resnet18", width=8, blocks=(1, 1), stem="small").save(tmp_path / "birds")
    edit(tmp_path / "birds", put_in("preprocessing", "image_size", [4000, 4000]))
    Classifier.load(tmp_path / "birds")
    small_classifier("resnet18", width=32, blocks=(1, 1), stem="small").save(tmp_path / "vast")
    edit(tmp_path / "vast", put_in("preprocessing", "image_size", [4000, 4000]))
    assert "resnet18 on 4000x4000 pictures takes 2.0 GB in one layer" in refusal(tmp_path / "vast")
    edit(tmp_path / "vast", put_in("preprocessing", "image_size", [10_000, 10_000]))
    assert "outside 1 to 16,777,216 pixels" in refusal(tmp_path / "vast")


def test_a_small_folder_that_asks_for_many_layers_is_refused_before_they_are_made(folder):
    edit(folder, put("model", "deep_residual"))
    edit(folder, put("options", {"blocks": 1000}))
    assert "more than 180 layers" in refusal(folder)  # baseline has eight tensors
