"""The training step: one batch forward and back, and what the rate is by then."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from fieldmark.data.normalising import normalise
from fieldmark.training.losses import accuracy_count, penalty
from fieldmark.training.optimisers import set_learning_rate
from fieldmark.training.schedules import factor
from fieldmark.training.setting import Setting
from fieldmark.training.state import State


def train_step(setting: Setting, state: State, rate: float) -> Tensor:
    """One batch forward and back, and the optimiser's step at `rate` when `accumulate` batches are in.

    Returns the batch's loss without the penalties, float32 (), on the device.
    """
    recipe, model = setting.recipe, state.model
    index = state.order.next_batch()
    images, labels = setting.gather(index)  # uint8 (B, C, H, W), int64 (B,)
    images, labels = setting.augment(
        images, labels, index, state.order.epoch, state.generator, setting.num_classes
    )
    inputs = normalise(images.to(setting.device), setting.preprocessing.mean, setting.preprocessing.std)

    with autocast(setting):
        logits = setting.logits(model, inputs)
    loss = setting.criterion(logits.float(), labels.to(setting.device))
    weight_penalty = penalty(setting.decayed, recipe.l1, recipe.l2)
    total = loss if weight_penalty is None else loss + weight_penalty
    torch.autograd.backward(total / recipe.accumulate)

    state.step += 1
    if state.step % recipe.accumulate == 0:
        if recipe.clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
        set_learning_rate(state.optimizer, rate)
        state.optimizer.step()
        state.optimizer.zero_grad(set_to_none=True)
        if state.average is not None:
            state.average.update(model)

    state.images += len(index)
    state.loss_sum += loss.detach() * len(index)
    state.correct += accuracy_count(logits, labels.to(setting.device))
    return loss.detach()


def rate_at(setting: Setting, step: int) -> float:
    """The learning rate of the step after `step` others, by the recipe's schedule."""
    done = (step + 0.5) / setting.total_steps  # the middle of the step: the first one learns something, too
    return setting.learning_rate * factor(setting.recipe.schedule, done, setting.recipe.warmup)


def autocast(setting: Setting) -> Any:
    """The context in which the network computes in the recipe's precision."""
    if setting.dtype == torch.float32:
        return nullcontext()
    return torch.autocast(setting.device.type, setting.dtype)
