"""The learning-rate range test: try rates from tiny to huge for a hundred steps, see where the loss falls."""

from __future__ import annotations

import copy
import math

import torch
from torch import nn

from fieldmark.data.batches import TrainingOrder
from fieldmark.data.normalising import normalise
from fieldmark.training.optimisers import optimiser, set_learning_rate
from fieldmark.training.setting import Setting

LOWEST, HIGHEST, STEPS = 1e-6, 1.0, 100


def find_learning_rate(setting: Setting, model: nn.Module) -> float:
    """A peak rate for this model, data and optimiser; `model` itself is left as it is.

    Smith 2017 (arXiv 1506.01186): raise the rate geometrically from 1e-6 to 1 over 100 batches of a
    throw-away copy and watch the loss.
    """
    trial = copy.deepcopy(model).train()
    optimizer = optimiser(trial, setting.recipe, LOWEST)
    generator = torch.Generator().manual_seed(setting.recipe.seed)
    order = TrainingOrder(len(setting.images), setting.batch_size, generator)
    rates, losses = [], []
    for step in range(STEPS):
        rate = LOWEST * (HIGHEST / LOWEST) ** (step / (STEPS - 1))
        index = order.next_batch()
        images, labels = setting.gather(index)
        images, labels = setting.augment(images, labels, index, order.epoch, generator, setting.num_classes)
        inputs = normalise(images.to(setting.device), setting.preprocessing.mean, setting.preprocessing.std)
        loss = setting.criterion(setting.logits(trial, inputs), labels.to(setting.device))
        losses.append(float(loss.detach()))
        rates.append(rate)
        if not math.isfinite(losses[-1]) or losses[-1] > 4 * min(losses):
            break
        set_learning_rate(optimizer, rate)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()
    return suggest(rates, losses)


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
