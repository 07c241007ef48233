"""Networks of the user's own, trained: how they get their pictures, what is refused, what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from training.whole_run import train as train_network

import fieldmark as fm
from fieldmark.cli import main
from fieldmark.errors import ClassifierError, TrainingError, UserError
from fieldmark.models.building import call
from fieldmark.recipe import Recipe
from fieldmark.runs import sitting
from fieldmark.runs.watcher import Quiet
from fieldmark.vocabulary import Dataset, Preprocessing

PLAIN = Recipe(model="nets:Own", epochs=1, batch_size=100, precision="fp32")


@pytest.fixture(autouse=True)
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are drawn from predictions alone, and take most of the time of a run as short as these."""
    monkeypatch.setattr(sitting, "draw_training", lambda *_, **__: None)
    monkeypatch.setattr(sitting, "draw_answers", lambda *_, **__: None)


class Notes(Quiet):
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


class Strides(nn.Module):
    """A small network that notes the strides of its pictures in training and in evaluation."""

    def __init__(self, views: bool) -> None:
        super().__init__()
        self.convolution, self.head = nn.Conv2d(1, 4, 5), nn.Linear(4 * 24 * 24, 10)
        self.views = views
        self.seen: dict[bool, set[tuple[int, ...]]] = {True: set(), False: set()}

    def forward(self, images: Tensor) -> Tensor:
        maps = self.convolution(images).relu()
        flat = maps.view(len(images), -1) if self.views else maps.flatten(1)
        self.seen[self.training].add(images.stride()[1:])
        return self.head(flat)


ROWS, CHANNELS_LAST = {(784, 28, 1)}, {(1, 28, 1)}


@pytest.mark.parametrize(
    ("views", "asked", "strides"),
    [(True, True, ROWS), (False, True, CHANNELS_LAST), (False, False, ROWS), (True, False, ROWS)],
)
def test_pictures_come_channels_last_where_the_network_takes_them_and_it_is_asked_for(
    views: bool, asked: bool, strides: set[tuple[int, ...]], small_digits: Dataset
) -> None:
    network, notes = Strides(views), Notes()

    def begun() -> None:  # what the trial has shown it is forgotten
        network.seen = {True: set(), False: set()}

    recipe = PLAIN.replace(channels_last=asked)
    train_network(small_digits, recipe, model=network, display=notes, stop_at=2, begun=begun)
    assert network.seen == {True: strides, False: strides}, "training, and validation"
    assert any("row by row (NCHW)" in note for note in notes.said) == (views and asked)


def test_without_channels_last_our_own_networks_get_rows_too(
    small_digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fieldmark.models.baseline import Baseline

    seen, forward = set(), Baseline.forward

    def watched(self: Baseline, images: Tensor) -> Tensor:
        seen.add(images.stride()[1:])
        return forward(self, images)

    monkeypatch.setattr(Baseline, "forward", watched)
    for asked, strides in ((False, ROWS), (True, CHANNELS_LAST)):
        seen.clear()
        train_network(small_digits, PLAIN.replace(model="baseline", channels_last=asked))
        assert seen == strides


def test_the_rate_is_found_for_a_network_that_flattens_with_view(small_digits: Dataset) -> None:
    trained = train_network(small_digits, PLAIN.replace(learning_rate="find"), model=Strides(views=True))
    assert 0 < trained.learning_rate < 1


def lazy(**_: Any) -> nn.Module:
    return nn.Sequential(
        nn.LazyConv2d(3, 5), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10)
    )


def test_lazy_layers_train_are_loaded_and_inspected(small_digits: Dataset, tmp_path: Path) -> None:
    run = fm.train(small_digits, PLAIN, model=lazy(), out=tmp_path / "run", progress=False)
    expected = run.predict("val").logits
    for again in (lazy, lazy()):
        loaded = fm.Classifier.load(tmp_path / "run", model=again)
        torch.testing.assert_close(loaded.logits(small_digits.val.images), expected, atol=1e-5, rtol=0)
    network = lazy()
    found = fm.inspect(network, 28, in_channels=1)
    assert found.parameters == 3 * 25 + 3 + 6 + 3 * 24 * 24 * 10 + 10
    assert isinstance(network[4].weight, nn.UninitializedParameter), "it stays as it was"
    assert found.parameters == fm.inspect(loaded.model, 28, in_channels=1).parameters


def test_what_has_no_shape_yet_is_not_saved(tmp_path: Path) -> None:
    one = fm.Classifier(lazy(), "nets:lazy", {}, ("a", "b"), Preprocessing((8, 8), 1, (0.5,), (0.2,)))
    with pytest.raises(ClassifierError, match="has no shape yet"):
        one.save(tmp_path / "lazy")


@pytest.mark.parametrize(
    ("network", "told"),
    [
        (nn.Flatten(), "learns: it has no parameters"),
        (nn.Sequential(nn.Flatten(), nn.Linear(784, 10)).requires_grad_(False), "parameters are frozen"),
        (nn.Sequential(nn.Flatten(), nn.Linear(700, 10)), "RuntimeError: .*mat1 and mat2"),
    ],
)
def test_a_network_that_cannot_be_trained_leaves_no_folder(
    small_digits: Dataset, tmp_path: Path, network: nn.Module, told: str
) -> None:
    with pytest.raises(TrainingError, match=told):
        fm.train(small_digits, PLAIN, model=network, out=tmp_path / "run", progress=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("own", [True, False])
def test_batches_of_one_picture_are_refused_where_batch_norm_would_fail(
    own: bool, small_digits: Dataset, tmp_path: Path
) -> None:
    layers = nn.Conv2d(1, 4, 28), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 10)
    model = nn.Sequential(*layers) if own else "resnet18"
    options = {} if own else {"stem": "published"}
    with pytest.raises(TrainingError, match=r"Expected more than 1 value .* --batch-size 2"):
        fm.train(
            small_digits,
            PLAIN,
            model=model,
            batch_size=1,
            options=options,
            out=tmp_path / "run",
            progress=False,
        )
    assert list(tmp_path.iterdir()) == []


def test_an_error_in_the_middle_of_training_is_the_users_with_its_line(
    small_digits: Dataset, tmp_path: Path
) -> None:
    class Late(nn.Sequential):
        def forward(self, images: Tensor) -> Tensor:
            if len(images) == 100:  # as in training, and not in the trial
                raise ArithmeticError("too many")
            return super().forward(images)

    network = Late(nn.Flatten(), nn.Linear(784, 10))
    with pytest.raises(
        UserError, match=r"your network Late fails .* in training: ArithmeticError: too many \("
    ):
        fm.train(small_digits, PLAIN, model=network, out=tmp_path / "run", progress=False)


def test_a_buffer_that_is_replaced_in_use_is_trained_with_and_kept(
    small_digits: Dataset, tmp_path: Path
) -> None:
    class Counts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(784, 10)
            self.register_buffer("passes", torch.zeros(()))

        def forward(self, images: Tensor) -> Tensor:
            self.passes = self.passes + 1
            return self.linear(images.flatten(1)) + 0 * self.passes

    network = Counts()
    for name in ("first", "second"):  # the second time after predictions
        run = fm.train(small_digits, PLAIN, model=network, out=tmp_path / name, progress=False)
        run.predict("val")
    assert fm.Classifier.load(tmp_path / "second", model=Counts()).model.passes > 0


def test_a_network_that_cannot_be_copied_needs_a_rate(small_digits: Dataset) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    network.lock = Lock()
    train_network(small_digits, PLAIN, model=network)
    with pytest.raises(TrainingError, match=r"Sequential cannot be copied: TypeError: .*--learning-rate"):
        train_network(small_digits, PLAIN.replace(learning_rate="find"), model=network)


def test_weights_in_other_precisions_are_trained_in_float32_and_it_is_said(small_digits: Dataset) -> None:
    notes = Notes()
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 10).double())
    train_network(small_digits, PLAIN, model=network, display=notes)
    assert network[1].weight.dtype == torch.float32
    assert any("weights in float64; they are trained and kept in float32" in note for note in notes.said)


def test_an_initialisation_that_is_not_used_is_said(small_digits: Dataset) -> None:
    notes, network = Notes(), nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    train_network(small_digits, PLAIN.replace(init="xavier"), model=network, display=notes)
    assert "init=xavier is for fieldmark's own networks; yours keeps the weights it has." in notes.said


def test_one_side_is_a_picture_size_as_in_load(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"model": "digits", "limit": 40, "epochs": 1, "progress": False}
    run = fm.train("sample", image_size=16, out=tmp_path / "run", **settings)
    assert run.recipe.image_size == (16, 16)
    assert run.classifier.preprocessing.image_size == (16, 16)
    with pytest.raises(UserError, match="image_size"):
        fm.train("sample", image_size=0, **settings)


def test_an_initialisation_is_a_setting_and_no_option_but_of_own_networks(small_digits: Dataset) -> None:
    with pytest.raises(UserError, match=r"init is no option but a setting of its own: --init"):
        train_network(small_digits, PLAIN.replace(model="baseline", options={"init": "xavier"}))
    assert Recipe(model="nets:Own", options={"init": "mine", "maker": 3}).options["init"] == "mine"
    made = call(lambda init, maker: nn.Linear(init, maker), init=4, maker=3, num_classes=2)
    assert (made.in_features, made.out_features) == (4, 3)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("num_classes=3", "num_classes is no option of a network; --classes is meant"),
        ("image_size=3", "image_size is no option of a network; --image-size is meant"),
        ("name=3", "baseline has no option 'name'"),
        ("model=3", "baseline has no option 'model'"),
        ("batch_size=3", "batch_size"),
        ("depth=3", "baseline has no option 'depth'"),
    ],
)
@pytest.mark.parametrize("verb", [["train", "sample", "--model", "baseline"], ["inspect", "baseline"]])
def test_options_that_are_none_are_one_line(
    verb: list[str], words: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*verb, "--options", words]) == 1
    said = capsys.readouterr().err
    assert told in said
    assert "bug" not in said


def test_the_command_line_says_where_an_initialisation_goes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "sample", "--model", "baseline", "--options", "init=xavier"]) == 1
    assert "init is no option but a setting of its own: --init" in capsys.readouterr().err


@contextmanager
def float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


AROUND = {
    "float64 by default": float64,
    "the meta device by default": lambda: torch.device("meta"),
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
}


def results(folder: Path, given: nn.Module | str) -> tuple[Any, ...]:
    """Everything that a program may ask of a training, from the pictures on."""
    data = fm.load("sample", limit=60)
    settings: dict[str, Any] = {"epochs": 1, "batch_size": 20, "progress": False, "precision": "fp32"}
    run = fm.train(data, model=given, out=folder, **settings)
    loaded = fm.Classifier.load(folder, model=None if isinstance(given, str) else given)
    rows = loaded.predict([data.val.images[0].permute(1, 2, 0).numpy()])
    layers = fm.inspect(loaded.model, 28, in_channels=1).layers
    return run.predict("val").logits.tolist(), run.evaluate("val"), rows, layers


def linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    folder = tmp_path_factory.mktemp("ordinary")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("draw_training", "draw_answers"):
            patch.setattr(sitting, name, lambda *_, **__: None)
        return [results(folder / "own", linear()), results(folder / "ours", "baseline")]


@pytest.mark.parametrize("around", AROUND)
def test_what_the_program_around_has_set_changes_nothing(
    around: str, ordinary: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    network = linear()
    with AROUND[around]():
        assert results(tmp_path / "own", network) == ordinary[0]
        assert results(tmp_path / "ours", "baseline") == ordinary[1]
    assert torch.get_default_dtype() == torch.float32
