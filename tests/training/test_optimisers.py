import pytest
import torch
from torch import nn

from fieldmark.recipe import Recipe
from fieldmark.training.optimisers import decayed_parameters, optimiser, set_learning_rate


def net() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 2))


def test_filters_spare_biases_and_norms() -> None:
    shapes = [tuple(parameter.shape) for parameter in decayed_parameters(net(), "filters")]
    assert shapes == [(2, 1, 3, 3), (2, 2)]
    assert len(decayed_parameters(net(), "all")) == 6


@pytest.mark.parametrize(
    ("name", "kind"), [("sgd", torch.optim.SGD), ("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)]
)
@pytest.mark.parametrize("decay", ["all", "filters"])
def test_every_parameter_is_in_exactly_one_group(name: str, kind: type, decay: str) -> None:
    model = net()
    made = optimiser(model, Recipe(optimizer=name, decay=decay, weight_decay=0.1), 0.5)
    assert isinstance(made, kind)
    held = [id(parameter) for group in made.param_groups for parameter in group["params"]]
    assert sorted(held) == sorted(id(parameter) for parameter in model.parameters())
    assert all(group["lr"] == 0.5 and group["fused"] for group in made.param_groups)
    assert made.param_groups[0]["weight_decay"] == 0.1
    if decay == "filters":
        assert made.param_groups[1]["weight_decay"] == 0


def test_sgd_is_nesterov_unless_there_is_no_momentum() -> None:
    assert optimiser(net(), Recipe(optimizer="sgd"), 0.1).defaults["nesterov"]
    assert not optimiser(net(), Recipe(optimizer="sgd", momentum=0.0), 0.1).defaults["nesterov"]


def test_the_rate_can_be_set() -> None:
    made = optimiser(net(), Recipe(), 0.5)
    set_learning_rate(made, 0.25)
    assert {group["lr"] for group in made.param_groups} == {0.25}
