"""Optimisers: SGD with Nesterov momentum, Adam, AdamW, all in torch's fused form."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from fieldmark.recipe import Recipe
from fieldmark.training.freezing import part


def decayed_parameters(model: nn.Module, decay: str) -> list[nn.Parameter]:
    """The parameters that weight decay and the penalties act on.

    "all": every one, as the textbooks do. "filters": those with two or more dimensions, which spares biases
    and the scales of norms (the modern habit).

    >>> [tuple(p.shape) for p in decayed_parameters(nn.Linear(3, 2), "filters")]
    [(2, 3)]
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return trained if decay == "all" else [parameter for parameter in trained if parameter.dim() >= 2]


def distances(model: nn.Module) -> dict[int, int]:
    """How many stages before the head each parameter stands, by its id.

    0: the head; 1: what `embed` uses, where that has parameters; then the stages of `features`, the last one
    first. Stages without parameters do not count; where there is one stage only, its parts do. Raises
    TrainingError for a network without `features` and `head`.

    >>> from fieldmark.models import create
    >>> net = create("deep", 2, 3, 32)
    >>> far = distances(net)
    >>> [(name, far[id(p)]) for name, p in net.named_parameters() if name.endswith(".bias")]
    [('features.stage1.convolution.bias', 4), ..., ('hidden.bias', 1), ('head.bias', 0)]
    """
    features, head = part(model, "features", "layer_decay"), part(model, "head", "layer_decay")
    stages = list(features.children())
    while len(stages) == 1 and list(stages[0].children()):
        stages = list(stages[0].children())
    behind = [list(stage.parameters()) for stage in reversed(stages)]
    mine = {id(parameter) for parameter in [*features.parameters(), *head.parameters()]}
    embed = [parameter for parameter in model.parameters() if id(parameter) not in mine]
    found: dict[int, int] = {}
    reached = 0
    for parameters in ([*head.parameters()], embed, *behind, [*features.parameters()]):
        new = [parameter for parameter in parameters if id(parameter) not in found]
        found |= {id(parameter): reached for parameter in new}
        reached += bool(new)
    return found


def optimiser(model: nn.Module, recipe: Recipe, learning_rate: float) -> torch.optim.Optimizer:
    """The recipe's optimiser over the model's parameters, weight decay on those that `decay` names.

    weight_decay is torch's: in sgd and adam it adds weight_decay * w to the gradient (that of the penalty
    weight_decay / 2 * sum w^2); in adamw it is decoupled (Loshchilov & Hutter 2019, arXiv 1711.05101).
    With layer_decay every group has a `scale`, what its rate is of the head's: layer_decay^distance (Howard &
    Ruder 2018, arXiv 1801.06146, section 3.2, who take 1/2.6).
    """
    decayed = {id(parameter) for parameter in decayed_parameters(model, recipe.decay)}
    distance = distances(model) if recipe.layer_decay != 1 else {}
    members: dict[tuple[int, bool], list[nn.Parameter]] = {}
    for parameter in model.parameters():
        if parameter.requires_grad:
            key = distance.get(id(parameter), 0), id(parameter) not in decayed
            members.setdefault(key, []).append(parameter)
    groups: list[dict[str, Any]] = []
    for (far, spared), parameters in sorted(members.items(), key=lambda member: member[0]):
        scale = recipe.layer_decay**far
        weight_decay = 0.0 if spared else recipe.weight_decay
        groups.append(
            {"params": parameters, "weight_decay": weight_decay, "scale": scale, "lr": learning_rate * scale}
        )
    if recipe.optimizer == "sgd":
        nesterov = recipe.momentum > 0
        made = torch.optim.SGD(
            groups, lr=learning_rate, momentum=recipe.momentum, nesterov=nesterov, fused=True
        )
        if recipe.freeze and nesterov:
            # What is held still at first joins later; the fused step takes no mixture of parameters with and
            # without momentum. From zeros, the first step is the same.
            for group in made.param_groups:
                for parameter in group["params"]:
                    made.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        return made
    kind = torch.optim.Adam if recipe.optimizer == "adam" else torch.optim.AdamW
    return kind(groups, lr=learning_rate, fused=True)


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Give the head this rate, and every other group of the optimiser its share of it."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate * group.get("scale", 1.0)
