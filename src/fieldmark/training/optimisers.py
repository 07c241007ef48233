"""Optimisers: SGD with Nesterov momentum, Adam, AdamW, all in torch's fused form."""

from __future__ import annotations

import torch
from torch import nn

from fieldmark.recipe import Recipe


def decayed_parameters(model: nn.Module, decay: str) -> list[nn.Parameter]:
    """The parameters that weight decay and the penalties act on.

    "all": every one, as the textbooks do. "filters": those with two or more dimensions, which spares biases
    and the scales of norms (the modern habit).

    >>> [tuple(p.shape) for p in decayed_parameters(nn.Linear(3, 2), "filters")]
    [(2, 3)]
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return trained if decay == "all" else [parameter for parameter in trained if parameter.dim() >= 2]


def optimiser(model: nn.Module, recipe: Recipe, learning_rate: float) -> torch.optim.Optimizer:
    """The recipe's optimiser over the model's parameters, weight decay on those that `decay` names.

    weight_decay is torch's: in sgd and adam it adds weight_decay * w to the gradient (that of the penalty
    weight_decay / 2 * sum w^2); in adamw it is decoupled (Loshchilov & Hutter 2019, arXiv 1711.05101).
    """
    decayed = decayed_parameters(model, recipe.decay)
    chosen = {id(parameter) for parameter in decayed}
    spared = [p for p in model.parameters() if p.requires_grad and id(p) not in chosen]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": spared, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if recipe.optimizer == "sgd":
        nesterov = recipe.momentum > 0
        return torch.optim.SGD(
            groups, lr=learning_rate, momentum=recipe.momentum, nesterov=nesterov, fused=True
        )
    kind = torch.optim.Adam if recipe.optimizer == "adam" else torch.optim.AdamW
    return kind(groups, lr=learning_rate, fused=True)


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Give every group of the optimiser this rate."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
