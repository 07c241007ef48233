"""The classifier folder: written, read back, used."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from shipping.birds import CLASSES, small_classifier
from torch import Tensor, nn

from fieldmark.errors import ClassifierError, UserError
from fieldmark.evaluation.prediction import predict
from fieldmark.models import create
from fieldmark.shipping.classifier import Classifier
from fieldmark.vocabulary import Preprocessing


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Four pictures of different sizes and formats."""
    generator = np.random.default_rng(0)
    paths = [tmp_path / name for name in ("a.png", "b.jpg", "c.bmp", "grey.png")]
    for path, shape in zip(paths, [(9, 30, 3), (8, 8, 3), (40, 13, 3), (10, 10)], strict=True):
        Image.fromarray(generator.integers(0, 256, shape, dtype=np.uint8)).save(path)
    return paths


def test_what_was_saved_comes_back_and_answers_the_same(tmp_path, photos):
    saved = small_classifier(width=16)
    saved.model.eval()
    saved.save(tmp_path / "birds")
    loaded = Classifier.load(tmp_path / "birds")
    assert (loaded.name, loaded.options, loaded.classes) == ("batch_norm", {"width": 16}, CLASSES)
    assert loaded.preprocessing == saved.preprocessing
    assert loaded.metrics == saved.metrics
    for name, value in saved.model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], value), name
    assert loaded.model.state_dict()["features.stage1.normalisation.num_batches_tracked"].dtype == torch.int64
    # The same arithmetic needs the same memory format, which the file does not keep.
    saved.model.to(memory_format=torch.channels_last)
    assert loaded.predict(photos) == saved.predict(photos)


def test_a_loaded_network_is_ready_for_use(tmp_path):
    small_classifier().save(tmp_path / "birds")
    random_state = torch.random.get_rng_state()
    model = Classifier.load(tmp_path / "birds").model
    assert torch.equal(torch.random.get_rng_state(), random_state), "loading draws no random numbers"
    assert not any(module.training for module in model.modules())
    assert all(tensor.device.type == "cpu" for tensor in model.state_dict().values())
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())
    assert all(parameter.requires_grad for parameter in model.parameters())
    kernels = [parameter for parameter in model.parameters() if parameter.dim() == 4]
    assert all(kernel.is_contiguous(memory_format=torch.channels_last) for kernel in kernels)


def test_the_folder_holds_what_the_design_says_and_the_same_bytes_each_time(tmp_path):
    for name in ("one", "two"):
        small_classifier().save(tmp_path / name)
    files = ["classifier.json", "weights.safetensors"]
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == files
    assert all(
        (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in files
    )
    document = json.loads((tmp_path / "one" / "classifier.json").read_text())
    assert list(document) == [
        *("format", "model", "options", "classes", "preprocessing"),
        *("temperature", "threshold", "metrics", "files", "sha256"),
    ]
    assert document["format"] == 1
    assert document["temperature"] is None
    assert document["preprocessing"] == {
        "image_size": [8, 8],
        "channels": 3,
        "mean": [0.4, 0.5, 0.6],
        "std": [0.2, 0.25, 0.3],
        "resize": "pad",
    }
    assert list(document["files"]) == ["weights.safetensors"]


def test_a_run_folder_stands_for_its_classifier(tmp_path):
    small_classifier().save(tmp_path / "run" / "classifier")
    assert Classifier.load(str(tmp_path / "run")).classes == CLASSES


def test_rows_come_in_input_order_and_a_bad_file_moves_no_other(tmp_path, photos):
    classifier = small_classifier()
    empty, text, missing = tmp_path / "empty.png", tmp_path / "text.jpg", tmp_path / "missing.jpg"
    empty.write_bytes(b"")
    text.write_text("not a picture at all, but some text")
    cut = tmp_path / "cut.png"
    cut.write_bytes(photos[0].read_bytes()[:-200])
    asked = [photos[0], empty, photos[1], text, missing, photos[2], cut, photos[3]]
    alone = {path: classifier.predict([path])[0] for path in photos}
    for batch_size in (1, 2, 3, 64):
        rows = classifier.predict(asked, batch_size=batch_size)
        assert [row.file for row in rows] == [str(path) for path in asked]
        bad = ["ok", "unreadable", "ok", "unreadable", "missing", "ok", "unreadable", "ok"]
        assert [row.status for row in rows] == bad
        for path, row in zip(asked, rows, strict=True):
            if row.status == "ok":
                assert row.label == alone[path].label
                assert row.score == pytest.approx(alone[path].score, abs=1e-5)
                assert row.reason is None
            else:
                assert (row.label, row.score, row.scores) == (None, None, ())
                assert row.reason
                assert "\n" not in row.reason


def test_only_bad_files_and_no_files_at_all(tmp_path):
    assert small_classifier().predict([]) == []
    assert [row.status for row in small_classifier().predict([tmp_path / "no.png"])] == ["missing"]


def test_paths_strings_and_decoded_pictures_give_the_same_row(photos):
    classifier = small_classifier()
    pixels = np.asarray(Image.open(photos[0]))
    rows = classifier.predict([photos[0], str(photos[0]), pixels])
    for row in rows[1:]:  # in another row of a batch, a matrix product may round otherwise
        assert [score.label for score in row.scores] == [score.label for score in rows[0].scores]
        assert [score.score for score in row.scores] == pytest.approx(
            [score.score for score in rows[0].scores], abs=1e-6
        )
    assert [row.file for row in rows] == [str(photos[0]), str(photos[0]), "array[2]"]


def test_scores_are_the_softmax_sorted_and_clipped(photos):
    classifier = small_classifier()
    row = classifier.predict(photos[:1])[0]
    assert sorted(score.label for score in row.scores) == sorted(CLASSES)
    values = [score.score for score in row.scores]
    assert values == sorted(values, reverse=True)
    assert sum(values) == pytest.approx(1)
    assert (row.label, row.score) == (row.scores[0].label, row.scores[0].score)
    assert classifier.predict(photos[:1], top_k=5)[0] == row, "five of three classes is three"
    assert classifier.predict(photos[:1], top_k=1)[0].scores == row.scores[:1]
    assert json.loads(json.dumps(row.to_json())) == {
        "file": str(photos[0]),
        "status": "ok",
        "reason": None,
        "label": row.label,
        "score": row.score,
        "scores": [{"label": score.label, "score": score.score} for score in row.scores],
    }


def test_logits_are_those_of_predict_with_and_without_the_mirror():
    classifier = small_classifier()
    images = torch.randint(256, (5, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    preprocessing = classifier.preprocessing
    for tta in (False, True):
        expected = predict(classifier.model, images, mean=preprocessing.mean, std=preprocessing.std, tta=tta)
        assert torch.allclose(classifier.logits(images, batch_size=2, tta=tta), expected.logits, atol=1e-5)
    flipped = classifier.logits(images.flip(3), tta=True)
    assert torch.allclose(flipped, classifier.logits(images, tta=True), atol=1e-5)


def test_one_output_unit_is_two_classes_with_two_scores(tmp_path, photos):
    torch.manual_seed(0)
    model = create("smiles", 2, 3, 8)
    Classifier(model, "smiles", {}, ("neutral", "smiling"), GOOD).save(tmp_path / "smiles")
    loaded = Classifier.load(tmp_path / "smiles")
    for row in loaded.predict(photos):
        assert {score.label for score in row.scores} == {"neutral", "smiling"}
        assert sum(score.score for score in row.scores) == pytest.approx(1)
    images = torch.full((1, 3, 8, 8), 200, dtype=torch.uint8)
    unit = model.eval()((images / 255 - 0.5) / 0.2)
    assert loaded.logits(images).tolist()[0] == pytest.approx([0.0, unit.item()], abs=1e-5)


def test_progress_counts_files(photos):
    told: list[tuple[str, int, int]] = []
    small_classifier().predict(photos, batch_size=3, progress=lambda *news: told.append(news))
    assert told == [("predicting", 3, 4), ("predicting", 4, 4)]


def test_a_single_path_is_not_taken_for_a_list_of_letters(photos):
    for single in (str(photos[0]), photos[0], np.zeros((8, 8, 3), np.uint8)):
        with pytest.raises(UserError, match="brackets"):
            small_classifier().predict(single)


def test_wrong_arguments_say_what_is_right():
    classifier = small_classifier()
    with pytest.raises(UserError, match="top_k=0"):
        classifier.predict(["a.png"], top_k=0)
    with pytest.raises(UserError, match=r"\(2, 3, 8, 9\) do not fit.*\(3, 8, 8\)"):
        classifier.logits(torch.zeros(2, 3, 8, 9, dtype=torch.uint8))
    with pytest.raises(UserError, match="'gpu' is not a device"):
        classifier.logits(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), device="gpu")


class Mine(nn.Module):
    """A network of the user's own."""

    def __init__(
        self, num_classes: int, in_channels: int, image_size: tuple[int, int], units: int = 4
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(in_channels * image_size[0] * image_size[1], units),
            nn.Linear(units, num_classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)


def test_a_network_of_your_own_is_asked_for_again_and_never_imported(tmp_path, photos, monkeypatch):
    module = tmp_path / "evil_twin.py"
    module.write_text("raise SystemExit('this file was imported because a folder said so')")
    monkeypatch.syspath_prepend(str(tmp_path))
    original = Mine(3, 3, (8, 8), units=5)
    saved = Classifier(original, "evil_twin:Mine", {"units": 5}, CLASSES, small_classifier().preprocessing)
    saved.save(tmp_path / "own")
    with pytest.raises(
        ClassifierError, match=r"your own network 'evil_twin:Mine'.*load\(folder, model="
    ) as caught:
        Classifier.load(tmp_path / "own")
    assert "\n" not in str(caught.value)
    assert "evil_twin" not in sys.modules
    expected = saved.predict(photos)
    assert Classifier.load(tmp_path / "own", model=Mine).predict(photos) == expected, "made anew"
    filled = Mine(3, 3, (8, 8), units=5)
    assert Classifier.load(tmp_path / "own", model=filled).predict(photos) == expected
    assert torch.equal(filled.layers[1].weight, original.layers[1].weight)
    with pytest.raises(ClassifierError, match=r"layers.1.weight is \(5, 192\).*needs \(4, 192\)"):
        Classifier.load(tmp_path / "own", model=Mine(3, 3, (8, 8), units=4))
    with pytest.raises(UserError, match="your network Linear cannot be made: TypeError"):
        Classifier.load(tmp_path / "own", model=nn.Linear)


def test_a_network_in_any_memory_format_can_be_saved_and_loaded_again_and_again(tmp_path):
    small_classifier().save(tmp_path / "one")
    loaded = Classifier.load(tmp_path / "one")  # channels_last
    loaded.save(tmp_path / "two")
    for name in ("classifier.json", "weights.safetensors"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tied_weights_and_other_precisions_can_be_saved(tmp_path, dtype):
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = nn.Linear(3 * 64, 3, dtype=dtype)
            self.two = self.one

        def forward(self, images: Tensor) -> Tensor:
            return self.one(images.flatten(1).to(self.one.weight.dtype))

    Classifier(Tied(), "net:Tied", {}, CLASSES, small_classifier().preprocessing).save(tmp_path / "tied")
    loaded = Classifier.load(tmp_path / "tied", model=Tied())
    assert loaded.model.one.weight.dtype == torch.float32
    assert loaded.predict([np.zeros((8, 8, 3), np.uint8)])[0].status == "ok"


def test_a_network_with_another_number_of_outputs_is_found_out():
    classifier = small_classifier()
    other = Classifier(classifier.model, "net:Mine", {}, ("a", "b"), classifier.preprocessing)
    with pytest.raises(ClassifierError, match="gives 3 logits for 2 classes"):
        other.predict([np.zeros((8, 8, 3), np.uint8)])


GOOD = Preprocessing((8, 8), 3, (0.5,) * 3, (0.2,) * 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": ("one",)}, "two names or more"),
        ({"classes": ("one", "one")}, "all different"),
        ({"preprocessing": Preprocessing((8, 8), 3, (0.5,), (0.2,))}, r"mean is .* not 3 number"),
        ({"preprocessing": Preprocessing((8, 8), 3, (0.5,) * 3, (0.0,) * 3)}, "std is"),
        ({"options": {"width": {1, 2}}}, "not JSON serializable"),
        ({"metrics": {"loss": float("nan")}}, "not JSON compliant"),
    ],
)
def test_a_classifier_that_cannot_be_is_refused_when_it_is_made(changes, message):
    arguments = {
        "model": nn.Identity(),
        "name": "baseline",
        "options": {},
        "classes": ("a", "b"),
        "preprocessing": GOOD,
    }
    with pytest.raises(ClassifierError, match=message):
        Classifier(**{**arguments, **changes})


def test_weights_that_are_not_finite_are_not_shipped(tmp_path):
    classifier = small_classifier()
    with torch.no_grad():
        classifier.model.head.bias[0] = float("inf")
    with pytest.raises(ClassifierError, match=r"head\.bias .*not finite"):
        classifier.save(tmp_path / "birds")
    assert not (tmp_path / "birds").exists()
    with pytest.raises(ClassifierError, match="not finite"):
        classifier.predict([np.zeros((8, 8, 3), np.uint8)])


def test_odd_class_names_are_data(tmp_path):
    names = ("../../etc", "CON", 'a,b\n"c" \U0001f426', "\udcff")
    classifier = small_classifier()
    wide = Classifier(Mine(4, 3, (8, 8)), "net:Mine", {}, names, classifier.preprocessing)
    wide.save(tmp_path / "odd")
    assert Classifier.load(tmp_path / "odd", model=Mine).classes == names
    assert sorted(path.name for path in tmp_path.iterdir()) == ["odd"]
