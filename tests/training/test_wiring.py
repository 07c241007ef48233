"""Every setting reaches the step, the validation and the weights that come back: recorded runs."""

import copy
import dataclasses
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from fieldmark.recipe import Recipe
from fieldmark.training import loop, rate_finder
from fieldmark.training.display import Silent
from fieldmark.training.losses import CrossEntropy, balanced_weights
from fieldmark.training.rate_finder import find_learning_rate
from fieldmark.training.schedules import factor
from fieldmark.training.setting import Setting
from fieldmark.training.setup import set_up
from fieldmark.training.state import State
from fieldmark.training.step import train_step
from fieldmark.vocabulary import Dataset

RECIPE = Recipe(
    model="tests:net", epochs=2, batch_size=100, learning_rate=0.01, precision="fp32", optimizer="sgd"
)


class Recorder(nn.Module):
    """A linear net that keeps what it is given and in which mode."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.drop = nn.BatchNorm1d(784), nn.Dropout(0.2)
        self.layer = nn.Linear(784, 10)
        self.seen: list[tuple[bool, torch.Tensor]] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.append((self.training, images.detach().clone()))
        return self.layer(self.drop(self.norm(images.flatten(1))))


@dataclasses.dataclass
class Recorded:
    """What happened: rate, settings and weights of every step, what the net was given, what was saved."""

    trained: loop.Trained
    rates: list[float]
    settings: list[Setting]
    seen: list[tuple[bool, torch.Tensor]]
    weights: list[dict[str, torch.Tensor]]
    start: torch.Tensor
    steps: list[torch.Tensor]

    def batches(self, *, training: bool) -> list[torch.Tensor]:
        return [images for mode, images in self.seen if mode is training and len(images) >= 50]


@pytest.fixture
def record(small_digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> Any:
    def recorded(**changes: Any) -> Recorded:
        rates: list[float] = []
        settings: list[Setting] = []
        weights: list[dict[str, torch.Tensor]] = []
        steps: list[torch.Tensor] = []
        model = Recorder()

        def step(setting: Setting, state: State, rate: float) -> torch.Tensor:
            loss = train_step(setting, state, rate)
            rates.append(state.optimizer.param_groups[0]["lr"])
            settings.append(setting)
            steps.append(state.model.layer.weight.detach().clone())
            return loss

        def save(state: State) -> None:
            tensors = state.average.tensors if state.average else state.model.state_dict()
            weights.append(copy.deepcopy(dict(tensors)))

        monkeypatch.setattr(loop, "train_step", step)
        torch.manual_seed(0)
        with torch.no_grad():
            model.layer.weight.normal_(0, 0.01)
            model.layer.bias.zero_()
        start = model.layer.weight.detach().clone()
        trained = loop.train(small_digits, RECIPE.replace(**changes), model=model, save=save)
        return Recorded(trained, rates, settings, trained.model.seen, weights, start, steps)

    return recorded


def test_every_step_takes_the_rate_of_the_schedule(record: Any) -> None:
    for schedule, warmup in (("cosine", 0.3), ("one-cycle", 0.0), ("constant", 0.0)):
        rates = record(schedule=schedule, warmup=warmup).rates
        expected = [0.01 * factor(schedule, (step + 0.5) / 12, warmup) for step in range(12)]
        assert rates == pytest.approx(expected)
    assert len(set(record(schedule="cosine", warmup=0.3).rates)) == 12


def test_pictures_are_augmented_in_training_only(record: Any) -> None:
    plain, shifted = record(), record(augment=("crop",))
    assert not torch.equal(plain.batches(training=True)[0], shifted.batches(training=True)[0])
    for one, other in zip(plain.batches(training=False), shifted.batches(training=False), strict=True):
        assert torch.equal(one, other), "the validation pictures are as they are"


def test_validation_runs_in_evaluation_mode_and_training_in_training_mode(record: Any) -> None:
    recorded = record()
    assert [images.shape[0] for images in recorded.batches(training=True)] == [100] * 12
    assert [images.shape[0] for images in recorded.batches(training=False)] == [200] * 2


def test_the_seed_reaches_order_and_augmentation(record: Any) -> None:
    def first(**changes: Any) -> torch.Tensor:
        return record(epochs=1, **changes).batches(training=True)[0]

    assert torch.equal(first(augment=("crop",)), first(augment=("crop",)))
    assert not torch.equal(first(), first(seed=1)), "another order"
    # The order is drawn before the shifts: of one batch that is the whole set, only they can differ.
    one, other = (first(augment=("crop",), batch_size=600, seed=seed) for seed in (0, 1))
    assert not torch.equal(one.sum(0), other.sum(0))


def test_smoothing_and_class_weights_reach_the_criterion(record: Any, small_digits: Dataset) -> None:
    criterion = record(label_smoothing=0.2, class_weights="balanced").settings[0].criterion
    assert isinstance(criterion, CrossEntropy)
    assert criterion.label_smoothing == 0.2
    assert torch.equal(criterion.class_weights, balanced_weights(small_digits.train.labels, 10))
    plain = record().settings[0].criterion
    assert (plain.label_smoothing, plain.class_weights) == (0, None)


@pytest.mark.parametrize("averaging", [0.0, 0.8])
@pytest.mark.parametrize("best", ["loss", "accuracy", "last"])
def test_the_kept_weights_are_those_of_the_kept_epoch(
    record: Any, small_digits: Dataset, best: str, averaging: float
) -> None:
    """At a rate that is far too high, the best epoch is not the last, nor the same by both measures."""
    recorded = record(best=best, averaging=averaging, epochs=6, learning_rate=3.0, schedule="constant")
    history, kept = recorded.trained.history, recorded.trained.best_epoch
    losses, accuracies = history.column("val_loss"), history.column("val_accuracy")
    expected = {"loss": losses.index(min(losses)), "accuracy": accuracies.index(max(accuracies)), "last": 5}
    assert kept == expected[best] + 1
    weights = recorded.trained.model.state_dict()
    for name, tensor in recorded.weights[kept - 1].items():
        assert torch.equal(weights[name], tensor), name
    pixels = small_digits.val.images.float() / 255
    mean, std = recorded.trained.preprocessing.mean[0], recorded.trained.preprocessing.std[0]
    with torch.no_grad():
        logits = recorded.trained.model((pixels - mean) / std)
    row = history.rows[kept - 1]
    labels = small_digits.val.labels
    assert float((logits.argmax(1) == labels).float().mean()) == pytest.approx(row["val_accuracy"])
    assert float(functional.cross_entropy(logits, labels)) == pytest.approx(row["val_loss"], rel=1e-4)


def test_the_validation_loss_is_plain_cross_entropy_whatever_is_trained_for(
    record: Any, small_digits: Dataset
) -> None:
    trained = record(label_smoothing=0.3, class_weights="balanced", l2=0.01, best="last").trained
    pixels, labels = small_digits.val.images.double() / 255, small_digits.val.labels
    mean, std = trained.preprocessing.mean[0], trained.preprocessing.std[0]
    logits = trained.model.double()((pixels - mean) / std).detach()
    plain = -logits.log_softmax(1)[torch.arange(len(labels)), labels].mean()
    assert trained.history.rows[-1]["val_loss"] == pytest.approx(float(plain), rel=1e-5)


def test_averaged_weights_are_the_average_of_the_steps(record: Any) -> None:
    """average <- d * average + (1 - d) * weights, d = min(0.5, (1 + t) / (10 + t)), here by hand."""
    recorded = record(averaging=0.5, epochs=1)
    average = recorded.start
    for number, weights in enumerate(recorded.steps, start=1):
        decay = min(0.5, (1 + number) / (10 + number))
        average = decay * average + (1 - decay) * weights
    torch.testing.assert_close(recorded.trained.model.layer.weight.detach(), average, atol=1e-6, rtol=1e-5)
    assert not torch.equal(recorded.steps[-1], average)


def test_patience_counts_the_validation_loss_whatever_is_kept(record: Any) -> None:
    for best in ("accuracy", "last"):
        recorded = record(best=best, patience=2, epochs=12, learning_rate=3.0, schedule="constant")
        losses = recorded.trained.history.column("val_loss")
        assert recorded.trained.status == "patience"
        assert len(losses) - 1 - losses.index(min(losses)) == 2


def test_the_clock_goes_on_where_it_was(record: Any, small_digits: Dataset) -> None:
    saved: list[dict[str, Any]] = []
    loop.train(
        small_digits,
        RECIPE.replace(epochs=1),
        model=Recorder(),
        save=lambda state: saved.append(copy.deepcopy(state.to_document())),
    )
    document = saved[-1] | {"elapsed": 59.0, "step": 6}
    recipe = RECIPE.replace(epochs=2, max_minutes=1.0)
    rest = loop.train(small_digits, recipe, model=Recorder(), resume=document)
    assert rest.status == "finished"
    over = loop.train(small_digits, recipe, model=Recorder(), resume=document | {"elapsed": 61.0})
    assert (over.status, len(over.history.rows)) == ("time", 1), "not a batch more, and no epoch of it"


def test_what_the_bell_cuts_short_is_measured_but_not_in_the_checkpoint(small_digits: Dataset) -> None:
    saved: list[dict[str, Any]] = []
    trained = loop.train(
        small_digits,
        RECIPE.replace(max_minutes=1e-9),
        model=Recorder(),
        save=lambda state: saved.append(copy.deepcopy(state.to_document())),
    )
    assert (trained.status, len(trained.history.rows), trained.best_epoch) == ("time", 1, 1)
    assert (len(saved), saved[0]["step"], saved[0]["history"]) == (1, 1, [])


@pytest.fixture
def setting(small_digits: Dataset) -> Setting:
    """Of a run with everything that a step can have."""
    recipe = RECIPE.replace(
        learning_rate=0.1, clip=0.5, l2=0.01, accumulate=2, label_smoothing=0.1, augment=("crop",)
    )
    torch.manual_seed(0)
    return set_up(small_digits, recipe, Recorder(), torch.device("cpu"), Silent(), lambda model: None)[0]


def test_the_rate_finder_leaves_network_and_random_state_as_they_are(setting: Setting) -> None:
    model = Recorder().train()
    before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    find_learning_rate(setting, model)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert model.seen == []
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_rate_finder_takes_the_steps_of_training(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[tuple[Setting, State, float]] = []

    def step(own: Setting, state: State, rate: float) -> torch.Tensor:
        taken.append((own, state, rate))
        return train_step(own, state, rate)

    monkeypatch.setattr(rate_finder, "train_step", step)
    model = Recorder()
    find_learning_rate(setting, model)
    own, state, _ = taken[0]
    same = ("recipe", "augment", "criterion", "dtype", "batch_size", "images", "labels", "preprocessing")
    assert all(getattr(own, name) is getattr(setting, name) for name in same)
    penalised = {id(parameter) for parameter in own.decayed}
    assert penalised == {id(state.model.layer.weight)}, "the copy's own, not the network's"
    rates = [rate for _, _, rate in taken]
    assert rates[0::2][: len(rates) // 2] == rates[1::2], "accumulated batches share a rate"
    assert rates == sorted(rates)
    assert rates[0] == 1e-6


def test_a_found_rate_is_kept_over_a_stop(small_digits: Dataset) -> None:
    saved: list[dict[str, Any]] = []
    recipe = RECIPE.replace(learning_rate="find")
    whole = loop.train(
        small_digits,
        recipe,
        model=Recorder(),
        save=lambda state: saved.append(copy.deepcopy(state.to_document())),
    )
    document = saved[0] | {"learning_rate": 0.0123}
    assert saved[0]["learning_rate"] == whole.learning_rate
    assert loop.train(small_digits, recipe, model=Recorder(), resume=document).learning_rate == 0.0123
