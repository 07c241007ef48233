"""The validation loss, what limits a run, and the rate finder, which takes the steps of training."""

import copy
import dataclasses
from typing import Any

import pytest
import torch
from torch import nn
from training.whole_run import train

from fieldmark.recipe import Recipe
from fieldmark.training import loop, rate_finder
from fieldmark.training.loop import train_step
from fieldmark.training.rate_finder import find_learning_rate
from fieldmark.training.session import Session, Trained
from fieldmark.training.state import State
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
    """What happened: rate and weights of every step, what the net was given, what was saved."""

    trained: Trained
    rates: list[float]
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
        weights: list[dict[str, torch.Tensor]] = []
        steps: list[torch.Tensor] = []
        model = Recorder()

        def step(state: State, rate: float) -> torch.Tensor:
            loss = train_step(state, rate)
            rates.append(state.optimizer.param_groups[0]["lr"])
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
        trained = train(small_digits, RECIPE.replace(**changes), model=model, save=save)
        return Recorded(trained, rates, trained.model.seen, weights, start, steps)

    return recorded


def test_the_validation_loss_is_plain_cross_entropy_whatever_is_trained_for(
    record: Any, small_digits: Dataset
) -> None:
    trained = record(label_smoothing=0.3, class_weights="balanced", l2=0.01, best="last").trained
    pixels, labels = small_digits.val.images.double() / 255, small_digits.val.labels
    mean, std = trained.preprocessing.mean[0], trained.preprocessing.std[0]
    logits = trained.model.double()((pixels - mean) / std).detach()
    plain = -logits.log_softmax(1)[torch.arange(len(labels)), labels].mean()
    assert trained.history.rows[-1]["val_loss"] == pytest.approx(float(plain), rel=1e-5)


def test_patience_counts_the_validation_loss_whatever_is_kept(record: Any) -> None:
    for best in ("accuracy", "last"):
        recorded = record(best=best, patience=2, epochs=12, learning_rate=3.0, schedule="constant")
        losses = recorded.trained.history.column("val_loss")
        assert recorded.trained.status == "patience"
        assert len(losses) - 1 - losses.index(min(losses)) == 2


def test_what_the_bell_cuts_short_is_measured_but_not_in_the_checkpoint(small_digits: Dataset) -> None:
    saved: list[dict[str, Any]] = []
    trained = train(
        small_digits,
        RECIPE.replace(max_minutes=1e-9),
        model=Recorder(),
        save=lambda state: saved.append(copy.deepcopy(state.to_document())),
    )
    assert (trained.status, len(trained.history.rows), trained.best_epoch) == ("time", 1, 1)
    assert (len(saved), saved[0]["step"], saved[0]["history"]) == (1, 1, [])


@pytest.fixture
def state(small_digits: Dataset) -> State:
    """A run with everything that a step can have."""
    recipe = RECIPE.replace(
        learning_rate=0.1, clip=0.5, l2=0.01, accumulate=2, label_smoothing=0.1, augment=("crop",)
    )
    torch.manual_seed(0)
    return Session.begin(small_digits, recipe, model=Recorder()).state


def test_the_rate_finder_leaves_network_and_random_state_as_they_are(state: State) -> None:
    model = state.model.train()
    model.seen.clear()  # what it was tried on
    before, random = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    find_learning_rate(state)
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert model.seen == []
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_rate_finder_takes_the_steps_of_training(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[tuple[State, float]] = []

    def step(own: State, rate: float) -> torch.Tensor:
        taken.append((own, rate))
        return train_step(own, rate)

    monkeypatch.setattr(rate_finder, "train_step", step)
    find_learning_rate(state)
    own = taken[0][0]
    same = ("recipe", "augment", "criterion", "dtype", "batch_size", "train", "preprocessing")
    assert all(getattr(own, name) is getattr(state, name) for name in same)
    assert own.model is not state.model
    penalised = {id(parameter) for parameter in own.decayed}
    assert penalised == {id(own.model.layer.weight)}, "the copy's own, not the network's"
    rates = [rate for _, rate in taken]
    assert rates[0::2][: len(rates) // 2] == rates[1::2], "accumulated batches share a rate"
    assert rates == sorted(rates)
    assert rates[0] == 1e-6


def test_a_found_rate_is_kept_over_a_stop(small_digits: Dataset) -> None:
    saved: list[dict[str, Any]] = []
    recipe = RECIPE.replace(learning_rate="find")
    whole = train(
        small_digits,
        recipe,
        model=Recorder(),
        save=lambda state: saved.append(copy.deepcopy(state.to_document())),
    )
    document = saved[0] | {"learning_rate": 0.0123}
    assert saved[0]["learning_rate"] == whole.learning_rate
    assert train(small_digits, recipe, model=Recorder(), resume=document).learning_rate == 0.0123
