import copy
import dataclasses
import math
from typing import Any

import pytest
import torch
from torch import nn
from training.whole_run import train

from fieldmark.errors import TrainingError, UserError
from fieldmark.recipe import Recipe
from fieldmark.training.display import Silent
from fieldmark.training.loop import CHECK_EVERY
from fieldmark.vocabulary import Dataset, History

RECIPE = Recipe(model="baseline", epochs=3, batch_size=64, learning_rate=0.01, augment=("crop",), warmup=0.2)


class Notebook(Silent):
    """Writes down what training tells."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []
        self.notes: list[str] = []

    def epoch(self, row: dict[str, float]) -> None:
        self.rows.append(row)

    def note(self, text: str) -> None:
        self.notes.append(text)


def same_weights(one: nn.Module, two: nn.Module) -> bool:
    first, second = one.state_dict(), two.state_dict()
    return all(torch.equal(first[name], second[name]) for name in first)


def test_real_digits_are_learned(small_digits: Dataset) -> None:
    trained = train(small_digits, RECIPE.replace(epochs=8))
    assert trained.status == "finished"
    assert trained.history.column("epoch") == [1, 2, 3, 4, 5, 6, 7, 8]
    assert trained.history.rows[trained.best_epoch - 1]["val_accuracy"] > 0.8
    assert trained.history.column("val_loss")[trained.best_epoch - 1] == min(
        trained.history.column("val_loss")
    )
    assert not trained.model.training
    assert list(trained.history.rows[0]) == list(History.COLUMNS)
    assert trained.images_per_second > 0


@pytest.mark.parametrize(
    "changes",
    [
        {"precision": "fp32", "optimizer": "sgd", "schedule": "cosine"},
        {"precision": "bf16", "averaging": 0.9, "model": "digits"},
        {"augment": ("rotate", "mixup"), "optimizer": "adam", "model": "batch_norm"},
    ],
)
def test_same_seed_same_bits_and_another_seed_others(small_digits: Dataset, changes: dict[str, Any]) -> None:
    recipe = RECIPE.replace(epochs=1, **changes)
    before = torch.get_rng_state()
    one, two = train(small_digits, recipe), train(small_digits, recipe)
    assert torch.equal(torch.get_rng_state(), before)
    assert same_weights(one.model, two.model)
    assert not same_weights(one.model, train(small_digits, recipe.replace(seed=1)).model)


@pytest.mark.parametrize("at", [4, 9, 17])
def test_stopped_and_resumed_is_the_same_run(small_digits: Dataset, at: int) -> None:
    # Dropout, averaging, augmentation and an order that runs across epochs: all must go on where they were.
    recipe = RECIPE.replace(model="dropout", averaging=0.9, optimizer="sgd")
    whole = train(small_digits, recipe)
    saved: dict[str, Any] = {}

    def save(state: Any) -> None:
        saved["document"] = copy.deepcopy(state.to_document())

    half = train(small_digits, recipe, stop_at=at, save=save)
    assert half.status == "stopped"
    rest = train(small_digits, recipe, resume=saved["document"])
    assert rest.status == "finished"
    assert same_weights(rest.model, whole.model)
    assert rest.history.column("train_loss") == whole.history.column("train_loss")
    assert rest.best_epoch == whole.best_epoch


def test_a_loss_that_is_no_number_stops_the_run(small_digits: Dataset) -> None:
    with pytest.raises(TrainingError, match=r"step \d+, learning rate .*--learning-rate") as caught:
        train(
            small_digits, RECIPE.replace(learning_rate=1e30, optimizer="sgd", model="deep", precision="fp32")
        )
    step = int(str(caught.value).split("step ")[1].split(",")[0])
    assert step <= CHECK_EVERY


def test_nothing_is_saved_once_the_loss_is_no_number(small_digits: Dataset) -> None:
    class Breaks(nn.Module):
        """Gives NaN from the second batch of the second epoch on."""

        def __init__(self) -> None:
            super().__init__()
            self.linear, self.batches = nn.Linear(784, 10), 0

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            self.batches += self.training and len(images) == 100
            logits: torch.Tensor = self.linear(images.flatten(1))
            return logits if self.batches < 8 else logits * math.nan

    saved: list[dict[str, Any]] = []
    with pytest.raises(TrainingError, match="no longer a number"):
        train(
            small_digits,
            RECIPE.replace(model="tests:breaks", batch_size=100, augment=()),
            model=Breaks(),
            save=lambda state: saved.append(copy.deepcopy(state.to_document())),
        )
    assert [len(document["history"]) for document in saved] == [1]
    assert all(tensor.isfinite().all() for tensor in saved[0]["model"].values())


def test_the_bell_keeps_the_best_so_far(small_digits: Dataset) -> None:
    trained = train(small_digits, RECIPE.replace(epochs=1000, max_minutes=0.01))
    assert trained.status == "time"
    assert 1 <= trained.best_epoch <= len(trained.history.rows) < 1000


def test_patience_runs_out(small_digits: Dataset) -> None:
    recipe = RECIPE.replace(epochs=50, learning_rate=1e-12, schedule="constant", warmup=0.0, patience=2)
    trained = train(small_digits, recipe)
    assert trained.status == "patience"
    assert len(trained.history.rows) - trained.best_epoch == 2


def test_accumulated_batches_make_the_same_step_as_one_large(small_digits: Dataset) -> None:
    plain = Recipe(
        model="baseline",
        epochs=1,
        batch_size=200,
        optimizer="sgd",
        learning_rate=0.1,
        schedule="constant",
        precision="fp32",
    )
    one = train(small_digits, plain)
    two = train(small_digits, plain.replace(batch_size=50, accumulate=4))
    for name, tensor in one.model.state_dict().items():
        torch.testing.assert_close(two.model.state_dict()[name], tensor, atol=1e-5, rtol=1e-4)
    with pytest.raises(TrainingError, match="accumulate=100"):
        train(small_digits, plain.replace(accumulate=100))


def test_penalties_and_decay_pull_the_weights_in(small_digits: Dataset) -> None:
    def size(**changes: Any) -> float:
        model = train(small_digits, RECIPE.replace(**changes)).model
        return sum(float(p.detach().abs().sum()) for p in model.parameters() if p.dim() > 1)

    free = size()
    assert size(l1=0.01) < 0.8 * free
    assert size(l2=0.05) < 0.9 * free
    assert size(weight_decay=2.0) < 0.9 * free


def test_clipping_bounds_the_step(small_digits: Dataset) -> None:
    recipe = RECIPE.replace(
        epochs=1,
        optimizer="sgd",
        momentum=0.0,
        learning_rate=1.0,
        schedule="constant",
        warmup=0.0,
        batch_size=600,
    )
    torch.manual_seed(0)
    trained = train(small_digits, recipe.replace(clip=0.001))
    free = train(small_digits, recipe)
    start = train(small_digits, recipe.replace(learning_rate=1e-30))

    def moved(model: nn.Module) -> float:
        pairs = zip(model.parameters(), start.model.parameters(), strict=True)
        return math.sqrt(sum(float((a - b).detach().square().sum()) for a, b in pairs))

    assert moved(trained.model) == pytest.approx(0.001, rel=0.02)
    assert moved(free.model) > 0.01


def test_balanced_classes_help_the_rare_one(small_digits: Dataset) -> None:
    labels = small_digits.train.labels
    rare = torch.cat([(labels == 0).nonzero()[:, 0], (labels == 1).nonzero()[:6, 0]])
    pair = small_digits.val.labels <= 1
    dataset = dataclasses.replace(
        small_digits,
        train=small_digits.train.select(rare),
        val=small_digits.val.select(pair.nonzero()[:, 0]),
    )
    ones = dataset.val.labels == 1

    def recall(weights: str) -> float:
        model = train(
            dataset, RECIPE.replace(epochs=6, class_weights=weights, best="last", batch_size=16)
        ).model
        with torch.no_grad():
            logits = model((dataset.val.images.float() / 255 - 0.13) / 0.31)
        return float((logits.argmax(1)[ones] == 1).float().mean())

    assert recall("balanced") > recall("none") + 0.5


def test_a_learning_rate_is_found(small_digits: Dataset) -> None:
    notes = Notebook()
    trained = train(small_digits, RECIPE.replace(learning_rate="find"), display=notes)
    assert 1e-5 < trained.learning_rate < 0.5
    assert any("learning rate" in note for note in notes.notes)
    assert trained.history.rows[-1]["val_accuracy"] > 0.3


def test_your_own_module_trains(small_digits: Dataset) -> None:
    own = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    trained = train(small_digits, RECIPE.replace(model="tests:own"), model=own)
    assert trained.history.rows[-1]["val_accuracy"] > 0.5


def test_a_batch_larger_than_the_set_is_said(small_digits: Dataset) -> None:
    notes = Notebook()
    train(small_digits, RECIPE.replace(epochs=1, batch_size=4096), display=notes)
    assert any("600" in note and "4096" in note for note in notes.notes)


def test_a_module_that_cannot_be_found_is_named(small_digits: Dataset) -> None:
    with pytest.raises(UserError, match="no_such_module_here"):
        train(small_digits, RECIPE.replace(model="no_such_module_here:net"))


def test_single_unit_nets_train_on_two_classes(small_digits: Dataset) -> None:
    def pair(images: Any) -> Any:
        chosen = images.select((images.labels <= 1).nonzero()[:, 0])
        return dataclasses.replace(chosen, classes=("0", "1"))

    dataset = dataclasses.replace(small_digits, train=pair(small_digits.train), val=pair(small_digits.val))
    trained = train(
        dataset, RECIPE.replace(model="smiles", options={"dropout": 0.0}, epochs=4, batch_size=16)
    )
    assert trained.history.rows[-1]["val_accuracy"] > 0.9


def test_published_weights_are_never_left_out_in_silence(small_digits: Dataset) -> None:
    with pytest.raises(TrainingError, match=r"pretrained='public' is read by fm\.train"):
        train(small_digits, RECIPE.replace(pretrained="public"))


def test_a_normalisation_for_other_channels_is_refused(small_digits: Dataset) -> None:
    with pytest.raises(TrainingError, match=r"mean has 3 numbers, and the pictures have 1 channel"):
        train(small_digits, RECIPE.replace(mean=(0.5,) * 3, std=(0.5,) * 3))
    own = train(small_digits, RECIPE.replace(epochs=1, mean=(0.25,), std=(0.5,))).preprocessing
    assert (own.mean, own.std) == ((0.25,), (0.5,))


def test_what_the_caller_draws_between_epochs_changes_nothing(small_digits: Dataset) -> None:
    recipe = RECIPE.replace(model="dropout", epochs=2, best="last")
    alone = train(small_digits, recipe)
    disturbed = train(small_digits, recipe, save=lambda state: torch.manual_seed(state.step))
    assert same_weights(alone.model, disturbed.model)
