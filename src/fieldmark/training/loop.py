"""The training loop: one function from a data set and a recipe to a trained network."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from fieldmark.errors import ClassifierError, TrainingError
from fieldmark.models.building import Maker
from fieldmark.recipe import Recipe
from fieldmark.training.display import Display, Silent
from fieldmark.training.setting import Setting
from fieldmark.training.setup import set_up
from fieldmark.training.state import Best, State
from fieldmark.training.step import rate_at, train_step
from fieldmark.training.validation import Validation
from fieldmark.vocabulary import Dataset, History, Preprocessing
from fieldmark.world import torch_as_it_comes

CHECK_EVERY = 50  # steps between two looks at whether the loss is still a number
SHOW_EVERY = 0.25  # seconds between two calls of the display


@dataclass(frozen=True)
class Trained:
    """What training made.

    model: on the CPU, in evaluation mode, with the weights of `best_epoch`. status: "finished", "patience"
    (no lower validation loss for long), "time" (the bell of max_minutes), or "stopped" (asked to; can be
    resumed). history: what was cut short by the bell is its last row.
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


@torch_as_it_comes()
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

    Same data, recipe, kind of CPU, torch version and number of threads: the same bits, when each run has a
    process of its own. A second run in the process may differ in the last bits where torch was used before
    fieldmark was imported, or where its matrix library picks kernels by where buffers lie and cannot be told
    not to. The process's own random state is put back afterwards.

    Raises TrainingError when the loss stops being a number, with the step, the rate, and what to try.

    >>> from fieldmark.data.load import load
    >>> trained = train(load("sample", limit=500), Recipe(model="digits", epochs=1, batch_size=50))
    >>> trained.history.rows[0]["val_accuracy"] > 0.5
    True
    """
    display, device = display or Silent(), torch.device(device)
    if recipe.pretrained is not None and start_weights is None and resume is None:
        raise TrainingError(f"pretrained={recipe.pretrained!r} is read by fm.train; here give start_weights.")
    if resume is not None and recipe.learning_rate == "find":  # it was found when the run began
        recipe = recipe.replace(learning_rate=rate_of(resume))
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(recipe.seed)
        setting, state = set_up(
            dataset, recipe, model, device, display, start_weights or (lambda model: None)
        )
        state.learning_rate = setting.learning_rate
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


def rate_of(checkpoint: dict[str, Any]) -> float:
    """The peak rate in a checkpoint. Raises ClassifierError when there is none."""
    rate = checkpoint.get("learning_rate")
    if not isinstance(rate, float) or not 0 < rate < math.inf:
        raise ClassifierError("the checkpoint does not say which learning rate was found for this run.")
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
        # Here, and not where an epoch ends: a run that is resumed after its end must not train on.
        if state.elapsed >= bell:
            return out_of_time(setting, state, validation, display)
        if recipe.patience is not None and epochs_without_better_loss(state.history) >= recipe.patience:
            return "patience"
        setting.freezing.begin_epoch(state.model, done=len(state.history.rows))
        began = shown = time.perf_counter()
        epoch_done = late = False
        while not epoch_done and not late:
            if stop():
                state.tick(began)
                return stopped(state, validation, rate, save)
            rate = rate_at(setting, state.step)
            train_step(setting, state, rate)
            now = time.perf_counter()
            if now - shown > SHOW_EVERY:
                shown = now
                speed = state.images / (state.seconds + now - began)
                display.step(state.step, float(state.loss_sum) / state.images, speed)
            if state.step % CHECK_EVERY == 0:
                check_finite(state, rate)
            epoch_done = state.order.epoch_done or state.step == setting.total_steps
            late = state.elapsed + now - began >= bell
        check_finite(state, rate)
        state.tick(began)
        if epoch_done:
            end_epoch(state, validation, rate, recipe.best)
            display.epoch(state.history.rows[-1])
        save(state)
    return "finished"


def out_of_time(setting: Setting, state: State, validation: Validation, display: Display) -> str:
    """Measure what the bell cut short as an epoch of its own; returns Trained.status.

    It is not saved: the checkpoint stands within the epoch, so that a run that is given more time goes on as
    if there had been no bell.
    """
    if state.images:
        end_epoch(state, validation, rate_at(setting, state.step - 1), setting.recipe.best)
        display.epoch(state.history.rows[-1])
    return "time"


def epochs_without_better_loss(history: History) -> int:
    """How many epochs have passed since the one with the lowest validation loss.

    >>> epochs_without_better_loss(History([{"val_loss": 0.5}, {"val_loss": 0.3}, {"val_loss": 0.3}]))
    1
    """
    losses = [row["val_loss"] for row in history.rows]
    return len(losses) - 1 - losses.index(min(losses)) if losses else 0


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
