"""The training loop: one function from a data set and a recipe to a trained network."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from fieldmark.data.normalising import normalise
from fieldmark.errors import TrainingError
from fieldmark.models.building import Maker
from fieldmark.recipe import Recipe
from fieldmark.training.display import Display, Silent
from fieldmark.training.losses import accuracy_count, penalty
from fieldmark.training.optimisers import set_learning_rate
from fieldmark.training.schedules import factor
from fieldmark.training.setting import Setting
from fieldmark.training.setup import set_up
from fieldmark.training.state import Best, State
from fieldmark.training.validation import Validation
from fieldmark.vocabulary import Dataset, History, Preprocessing

CHECK_EVERY = 50  # steps between two looks at whether the loss is still a number
SHOW_EVERY = 0.25  # seconds between two calls of the display


@dataclass(frozen=True)
class Trained:
    """What training made.

    model: on the CPU, in evaluation mode, with the weights of `best_epoch`. status: "finished", "patience"
    (no better epoch for long), "time" (the bell of max_minutes), or "stopped" (asked to; can be resumed).
    learning_rate: the peak that was used. images_per_second: training pictures over training time.
    """

    model: nn.Module
    history: History
    best_epoch: int
    preprocessing: Preprocessing
    precision: str
    learning_rate: float
    images_per_second: float
    status: str


def train(
    dataset: Dataset,
    recipe: Recipe,
    *,
    model: nn.Module | Maker | None = None,
    device: torch.device | str = "cpu",
    display: Display | None = None,
    stop: Callable[[], bool] = lambda: False,
    save: Callable[[State], None] = lambda state: None,
    resume: dict[str, Any] | None = None,
    start_weights: Callable[[nn.Module], None] | None = None,
    begin: Callable[[], None] = lambda: None,
) -> Trained:
    """Train a network on `dataset.train`, choosing the epoch by `dataset.val`; the test split is not touched.

    model: your own nn.Module, (N, C, H, W) to logits, or what makes it; otherwise the one of ours that the
    recipe names. stop: asked before
    every step; save: given the state after every epoch and when stopped; resume: a document that `save`
    wrote, to go on from; start_weights: called with the fresh model, to put trained weights into it (a recipe
    with `pretrained` needs it: fieldmark.runs finds them); begin: called when everything is ready, before the
    first step.

    Same data, recipe, torch version and thread count on a CPU: same bits. The process's own random state is
    put back afterwards.

    Raises TrainingError when the loss stops being a number, with the step, the rate, and what to try.

    >>> from fieldmark.data.loading import load
    >>> trained = train(load("sample", limit=500), Recipe(model="digits", epochs=1, batch_size=50))
    >>> trained.history.rows[0]["val_accuracy"] > 0.5
    True
    """
    display, device = display or Silent(), torch.device(device)
    if recipe.pretrained is not None and start_weights is None and resume is None:
        raise TrainingError(f"pretrained={recipe.pretrained!r} is read by fm.train; here give start_weights.")
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(recipe.seed)
        setting, state = set_up(
            dataset, recipe, model, device, display, start_weights or (lambda model: None)
        )
        if resume is not None:
            state.restore(resume)
        begin()
        display.start(setting.total_steps, recipe.epochs)
        with setting.freezing:
            status = run(setting, state, Validation(dataset, setting), display, stop, save)
    state.model.load_state_dict(state.best.weights)
    return Trained(
        model=state.model.to("cpu").eval(),
        history=state.history,
        best_epoch=state.best.epoch,
        preprocessing=setting.preprocessing,
        precision="bf16" if setting.dtype == torch.bfloat16 else "fp32",
        learning_rate=setting.learning_rate,
        images_per_second=state.step * setting.batch_size / max(state.training_seconds, 1e-9),
        status=status,
    )


def train_step(setting: Setting, state: State) -> float:
    """One batch forward and back, and the optimiser's step when `accumulate` batches are in.

    Returns the rate.
    """
    recipe, model = setting.recipe, state.model
    index = state.order.next_batch()
    images, labels = setting.gather(index)  # uint8 (B, C, H, W), int64 (B,)
    images, labels = setting.augment(
        images, labels, index, state.order.epoch, state.generator, setting.num_classes
    )
    inputs = normalise(images.to(setting.device), setting.preprocessing.mean, setting.preprocessing.std)

    with autocast(setting):
        logits = model(inputs)
    loss = setting.criterion(logits.float(), labels.to(setting.device))
    weight_penalty = penalty(setting.decayed, recipe.l1, recipe.l2)
    total = loss if weight_penalty is None else loss + weight_penalty
    torch.autograd.backward(total / recipe.accumulate)

    done = (
        state.step + 0.5
    ) / setting.total_steps  # the middle of the step: the first one learns something, too
    rate = setting.learning_rate * factor(recipe.schedule, done, recipe.warmup)
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
    return rate


def run(
    setting: Setting,
    state: State,
    validation: Validation,
    display: Display,
    stop: Callable[[], bool],
    save: Callable[[State], None],
) -> str:
    """Step after step until the run is over; returns Trained.status."""
    recipe, rate = setting.recipe, 0.0
    bell = math.inf if recipe.max_minutes is None else 60 * recipe.max_minutes
    while state.step < setting.total_steps:
        setting.freezing.begin_epoch(state.model, done=len(state.history.rows))
        began = shown = time.perf_counter()
        epoch_done = late = False
        while not epoch_done and not late:
            if stop():
                state.tick(began)
                return stopped(state, validation, rate, save)
            rate = train_step(setting, state)
            now = time.perf_counter()
            if now - shown > SHOW_EVERY:
                shown = now
                speed = state.images / (state.seconds + now - began)
                display.step(state.step, float(state.loss_sum) / state.images, speed)
            if state.step % CHECK_EVERY == 0:
                check_finite(state, rate)
            epoch_done = state.order.epoch_done or state.step == setting.total_steps
            late = state.elapsed + now - began > bell
        check_finite(state, rate)
        state.tick(began)
        end_epoch(state, validation, rate, recipe.best)
        display.epoch(state.history.rows[-1])
        save(state)
        if late:
            return "time"
        if recipe.patience is not None and len(state.history.rows) - state.best.epoch >= recipe.patience:
            return "patience"
    return "finished"


def end_epoch(state: State, validation: Validation, rate: float, best: str) -> None:
    """Measure the validation split, write the epoch's row, keep the weights if they are the best so far."""
    began = time.perf_counter()
    model_loss, model_accuracy, weights = validation(state)
    if not math.isfinite(model_loss):
        raise TrainingError(
            f"the validation loss of epoch {len(state.history.rows) + 1} is not a number "
            f"(learning rate {rate:.3g}). Try a smaller --learning-rate, --clip 1, or --precision fp32."
        )
    row: dict[str, float] = {
        "epoch": len(state.history.rows) + 1,
        "train_loss": float(state.loss_sum) / state.images,
        "train_accuracy": int(state.correct) / state.images,
        "val_loss": model_loss,
        "val_accuracy": model_accuracy,
        "learning_rate": rate,
        "images_per_second": state.images / state.seconds,
    }
    state.elapsed += time.perf_counter() - began
    row["seconds"] = state.seconds + time.perf_counter() - began
    state.history.rows.append({name: row[name] for name in History.COLUMNS})
    score = {"loss": model_loss, "accuracy": -model_accuracy, "last": -row["epoch"]}[best]
    if score < state.best.score:
        state.best = Best(int(row["epoch"]), score, weights())
    state.start_epoch()


def stopped(state: State, validation: Validation, rate: float, save: Callable[[State], None]) -> str:
    """Save as it stands, so that the run can go on; without a finished epoch, keep what there is."""
    if state.images:
        check_finite(state, rate)
    save(state)
    if not state.history.rows:
        _, _, weights = validation(state)
        state.best = Best(0, math.inf, weights())
    return "stopped"


def check_finite(state: State, rate: float) -> None:
    """Raises TrainingError when the sum of the losses is no number any more."""
    if not math.isfinite(float(state.loss_sum)):
        raise TrainingError(
            f"the loss is no longer a number (noticed at step {state.step}, learning rate {rate:.3g}). "
            "Try a smaller --learning-rate, a longer --warmup, --clip 1, or --precision fp32."
        )


def autocast(setting: Setting) -> Any:
    """The context in which the network computes in the recipe's precision."""
    if setting.dtype == torch.float32:
        return nullcontext()
    return torch.autocast(setting.device.type, setting.dtype)
