"""A rate for every stage: groups, their shares, and that schedules and checkpoints keep them."""

import pytest
import torch
from torch import nn
from training.whole_run import train

from fieldmark.errors import TrainingError
from fieldmark.models import create
from fieldmark.recipe import Recipe
from fieldmark.training.optimisers import decayed_parameters, distances, optimiser, set_learning_rate
from fieldmark.vocabulary import Dataset


def rates(model: nn.Module, made: torch.optim.Optimizer) -> dict[str, float]:
    """The rate of every parameter, by name."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {names[id(p)]: group["lr"] for group in made.param_groups for p in group["params"]}


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("decay", ["all", "filters"])
def test_the_rate_falls_from_the_head_to_the_picture(name: str, decay: str) -> None:
    model = create("deep", 3, 1, 16)
    made = optimiser(model, Recipe(optimizer=name, decay=decay, weight_decay=0.1, layer_decay=0.5), 0.8)
    expected = {"head": 0.8, "hidden": 0.4, "features.stage3": 0.2, "features.stage2": 0.1}
    expected["features.stage1"] = 0.05
    found = rates(model, made)
    assert set(found) == dict(model.named_parameters()).keys(), "each parameter is in one group"
    assert sum(len(group["params"]) for group in made.param_groups) == len(found)
    for parameter, rate in found.items():
        place = next(prefix for prefix in expected if parameter.startswith(prefix + "."))
        assert rate == pytest.approx(expected[place]), parameter
    decayed = {id(parameter) for parameter in decayed_parameters(model, decay)}
    for group in made.param_groups:
        for parameter in group["params"]:
            assert group["weight_decay"] == (0.1 if id(parameter) in decayed else 0.0)


def test_a_schedule_keeps_the_shares() -> None:
    model = create("deep", 3, 1, 16)
    made = optimiser(model, Recipe(layer_decay=0.5), 0.8)
    before = rates(model, made)
    set_learning_rate(made, 0.2)
    assert rates(model, made) == pytest.approx({name: rate / 4 for name, rate in before.items()})


def test_stages_without_parameters_do_not_count() -> None:
    model = create("deep_residual", 3, 1, 16, blocks=1)  # stem, blocks, a pool, then the hidden layer
    far = {name: distances(model)[id(p)] for name, p in model.named_parameters()}
    assert far["head.weight"] == 0
    assert far["hidden.weight"] == 1
    assert far["features.blocks.block1.convolution.weight"] == 2
    assert far["features.stem.convolution.weight"] == 3


def test_one_stage_is_taken_apart_and_what_is_in_no_stage_learns_slowest() -> None:
    class Inside(nn.Sequential):
        def __init__(self) -> None:
            super().__init__(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3))
            self.position = nn.Parameter(torch.zeros(1))

    model = nn.Module()
    model.features, model.head = nn.Sequential(Inside()), nn.Linear(2, 2)
    far = {name: distances(model)[id(p)] for name, p in model.named_parameters()}
    assert far == {
        "features.0.position": 3,
        "features.0.0.weight": 2,
        "features.0.0.bias": 2,
        "features.0.1.weight": 1,
        "features.0.1.bias": 1,
        "head.weight": 0,
        "head.bias": 0,
    }


def test_no_decay_is_one_rate_and_needs_no_parts() -> None:
    own = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    assert set(rates(own, optimiser(own, Recipe(), 0.5)).values()) == {0.5}
    with pytest.raises(TrainingError, match=r"layer_decay needs .*'features', and Sequential has none"):
        optimiser(own, Recipe(layer_decay=0.5), 0.5)


def test_the_first_stage_moves_least(small_digits: Dataset) -> None:
    # In SGD without momentum, one step moves a weight by rate * gradient: half the rate, half the way.
    def moved(layer_decay: float) -> dict[str, torch.Tensor]:
        recipe = Recipe(
            model="deep",
            epochs=1,
            batch_size=600,
            optimizer="sgd",
            momentum=0.0,
            learning_rate=0.1,
            schedule="constant",
            layer_decay=layer_decay,
            precision="fp32",
        )
        start = train(small_digits, recipe.replace(learning_rate=1e-30)).model.state_dict()
        return {n: t - start[n] for n, t in train(small_digits, recipe).model.state_dict().items()}

    plain, decayed = moved(1.0), moved(0.5)
    for name, far in (("head.weight", 0), ("hidden.weight", 1), ("features.stage1.convolution.weight", 4)):
        assert torch.allclose(decayed[name], plain[name] * 0.5**far, rtol=1e-2, atol=1e-6), name
        assert plain[name].abs().max() > 1e-4
