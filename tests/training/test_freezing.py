"""The head first, then everything: what is held still, what is not, and that a run can stop in between."""

import copy
from typing import Any

import pytest
import torch
from torch import nn
from training.whole_run import train

from fieldmark.errors import TrainingError
from fieldmark.models import create
from fieldmark.recipe import Recipe
from fieldmark.training.freezing import Freezing
from fieldmark.vocabulary import Dataset

# Batch norm, dropout within the features, and a decay and penalties that would move what they should not.
RECIPE = Recipe(
    model="batch_norm",
    epochs=2,
    freeze=1,
    batch_size=64,
    learning_rate=0.01,
    weight_decay=0.1,
    l1=1e-4,
    l2=1e-4,
    best="last",
)


def start(recipe: Recipe) -> dict[str, torch.Tensor]:
    """The weights that a run of the recipe begins with."""
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        return create(recipe.model, 10, 1, 28, init=recipe.init, **recipe.options).state_dict()


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_while_frozen_only_the_head_changes(small_digits: Dataset, optimizer: str) -> None:
    recipe = RECIPE.replace(epochs=1, optimizer=optimizer, averaging=0.9)
    trained = train(small_digits, recipe).model.state_dict()
    for name, before in start(recipe).items():
        assert torch.equal(trained[name], before) != name.startswith("head."), name


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_afterwards_everything_changes(small_digits: Dataset, optimizer: str) -> None:
    recipe = RECIPE.replace(optimizer=optimizer, momentum=0.9)
    model = train(small_digits, recipe).model
    for name, before in start(recipe).items():
        assert not torch.equal(model.state_dict()[name], before), name
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_a_run_that_ends_frozen_gives_the_parameters_back(small_digits: Dataset) -> None:
    model = train(small_digits, RECIPE.replace(epochs=1, freeze=5)).model
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_what_the_user_froze_stays_frozen() -> None:
    model = create("batch_norm", 2, 1, 8)
    model.features.requires_grad_(False)
    with Freezing(model, 1) as freezing:
        freezing.begin_epoch(model, done=0)
        assert not model.hidden.weight.requires_grad
        freezing.begin_epoch(model, done=1)
    assert model.hidden.weight.requires_grad
    assert not any(parameter.requires_grad for parameter in model.features.parameters())


@pytest.mark.parametrize("at", [4, 9, 12, 22])
def test_stopped_in_or_after_the_frozen_epochs_and_resumed_is_the_same_run(
    small_digits: Dataset, at: int
) -> None:
    # 9 steps an epoch, two of them frozen; dropout and the average must go on where they were, too.
    recipe = RECIPE.replace(model="dropout", epochs=3, freeze=2, averaging=0.9, layer_decay=0.5)
    whole = train(small_digits, recipe)
    saved: dict[str, Any] = {}

    def save(state: Any) -> None:
        saved["document"] = copy.deepcopy(state.to_document())

    assert train(small_digits, recipe, stop_at=at, save=save).status == "stopped"
    rest = train(small_digits, recipe, resume=saved["document"])
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(rest.model.state_dict()[name], tensor), name


def test_a_network_without_a_head_is_named(small_digits: Dataset) -> None:
    own = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    with pytest.raises(TrainingError, match=r"freeze needs .*'head', and Sequential has none"):
        train(small_digits, RECIPE, model=own)
    own.head = nn.Identity()
    with pytest.raises(TrainingError, match=r"freeze=1: nothing in the head"):
        train(small_digits, RECIPE, model=own)
