"""The learning-rate range test: try rates from tiny to huge for a hundred steps, see where the loss falls."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import torch

from fieldmark.data.batches import TrainingOrder
from fieldmark.training.freezing import Freezing
from fieldmark.training.loop import train_step
from fieldmark.training.optimisers import decayed_parameters, optimiser
from fieldmark.training.state import Best, State
from fieldmark.vocabulary import History

LOWEST, HIGHEST, STEPS = 1e-6, 1.0, 100


def find_learning_rate(state: State) -> float:
    """A peak rate for this model, data and optimiser; the run and torch's random state stay as they are.

    Smith 2017 (arXiv 1506.01186): raise the rate geometrically from 1e-6 to 1 over 100 steps of a throw-away
    copy and watch the loss. The steps are those of training: its precision, augmentation, penalties, clipping
    and accumulated batches, and what the first epoch holds still.
    """
    with torch.random.fork_rng(devices=[state.device] if state.device.type == "cuda" else []):
        trial = throw_away(state)
        trial.freezing.begin_epoch(trial.model, done=0)
        rates, losses = [], []
        for step in range(STEPS):
            rates.append(LOWEST * (HIGHEST / LOWEST) ** (step / (STEPS - 1)))
            batches = [float(train_step(trial, rates[-1])) for _ in range(state.recipe.accumulate)]
            losses.append(sum(batches) / len(batches))
            if not math.isfinite(losses[-1]) or losses[-1] > 4 * min(losses):
                break
    return suggest(rates, losses)


def throw_away(state: State) -> State:
    """The same run with a copy of its network, and an optimiser, an order and a generator of its own."""
    model, recipe = copy.deepcopy(state.model), state.recipe
    generator = torch.Generator().manual_seed(recipe.seed)
    return replace(
        state,
        decayed=decayed_parameters(model, recipe.decay),
        freezing=Freezing(model, recipe.freeze),
        model=model,
        optimizer=optimiser(model, recipe, LOWEST),
        generator=generator,
        order=TrainingOrder(len(state.train), state.batch_size, generator),
        average=None,
        loss_sum=torch.zeros_like(state.loss_sum),
        correct=torch.zeros_like(state.correct),
        history=History(),
        best=Best(),
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
