"""The learning-rate range test: try rates from tiny to huge for a hundred steps, see where the loss falls."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import torch
from torch import nn

from fieldmark.data.batches import TrainingOrder
from fieldmark.training.freezing import Freezing
from fieldmark.training.optimisers import decayed_parameters, optimiser
from fieldmark.training.setting import Setting
from fieldmark.training.state import State
from fieldmark.training.step import train_step

LOWEST, HIGHEST, STEPS = 1e-6, 1.0, 100


def find_learning_rate(setting: Setting, model: nn.Module) -> float:
    """A peak rate for this model, data and optimiser; `model` and torch's random state are left as they are.

    Smith 2017 (arXiv 1506.01186): raise the rate geometrically from 1e-6 to 1 over 100 steps of a throw-away
    copy and watch the loss. The steps are those of training: its precision, augmentation, penalties, clipping
    and accumulated batches, and what the first epoch holds still.
    """
    device, recipe = setting.device, setting.recipe
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        trial = copy.deepcopy(model)
        freezing = Freezing(trial, recipe.freeze)
        setting = replace(setting, decayed=decayed_parameters(trial, recipe.decay), freezing=freezing)
        state = throw_away(setting, trial)
        freezing.begin_epoch(trial, done=0)
        rates, losses = [], []
        for step in range(STEPS):
            rates.append(LOWEST * (HIGHEST / LOWEST) ** (step / (STEPS - 1)))
            batches = [float(train_step(setting, state, rates[-1])) for _ in range(recipe.accumulate)]
            losses.append(sum(batches) / len(batches))
            if not math.isfinite(losses[-1]) or losses[-1] > 4 * min(losses):
                break
    return suggest(rates, losses)


def throw_away(setting: Setting, model: nn.Module) -> State:
    """The state of a trial that nobody keeps, with an order and a generator of its own."""
    generator = torch.Generator().manual_seed(setting.recipe.seed)
    return State(
        model=model,
        optimizer=optimiser(model, setting.recipe, LOWEST),
        generator=generator,
        order=TrainingOrder(len(setting.images), setting.batch_size, generator),
        average=None,
        loss_sum=torch.zeros((), device=setting.device),
        correct=torch.zeros((), dtype=torch.int64, device=setting.device),
    )


def suggest(rates: list[float], losses: list[float]) -> float:
    """A third of the rate at which the smoothed loss is lowest: past the steep fall, short of the rise.

    Losses are smoothed with an exponential average (0.9, bias corrected), non-finite ones left out.

    >>> rates = [10.0**-k for k in range(6, 0, -1)]
    >>> suggest(rates, [2.0, 2.0, 1.9, 1.0, 0.2, 9.0]) < 0.1
    True
    """
    average, lowest, best = 0.0, math.inf, rates[0]
    for i, (rate, value) in enumerate(zip(rates, losses, strict=True), start=1):
        if not math.isfinite(value):
            break
        average = 0.9 * average + 0.1 * value
        smoothed = average / (1 - 0.9**i)
        if smoothed < lowest:
            lowest, best = smoothed, rate
    return best / 3
