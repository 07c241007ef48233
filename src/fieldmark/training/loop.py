"""The training loop: one step, one epoch, and the validation after it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from fieldmark.data.normalising import normalise
from fieldmark.errors import TrainingError
from fieldmark.evaluation.prediction import two_class_logits
from fieldmark.models.own import no_gradients
from fieldmark.training.display import Display
from fieldmark.training.losses import CrossEntropy, accuracy_count, penalty
from fieldmark.training.optimisers import set_learning_rate
from fieldmark.training.schedules import factor
from fieldmark.training.state import Best, State
from fieldmark.vocabulary import History

CHECK_EVERY = 50  # steps between two looks at whether the loss is still a number
SHOW_EVERY = 0.25  # seconds between two calls of the display
VALIDATION_BATCH = 512


def train_step(state: State, rate: float) -> Tensor:
    """One batch forward and back, and the optimiser's step at `rate` when `accumulate` batches are in.

    Returns the batch's loss without the penalties, float32 (), on the device.
    """
    recipe, model = state.recipe, state.model
    index = state.order.next_batch()
    images, labels = state.gather(index)  # uint8 (B, C, H, W), int64 (B,)
    images, labels = state.augment(
        images, labels, index, state.order.epoch, state.generator, len(state.train.classes)
    )
    inputs = normalise(images.to(state.device), state.preprocessing.mean, state.preprocessing.std)
    labels = labels.to(state.device)

    logits = state.logits(inputs)
    loss = state.criterion(logits.float(), labels)
    weight_penalty = penalty(state.decayed, recipe.l1, recipe.l2)
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

    state.seen += len(index)
    state.loss_sum += loss.detach() * len(index)
    state.correct += accuracy_count(logits, labels)
    return loss.detach()


def rate_at(state: State, step: int) -> float:
    """The learning rate of the step after `step` others, by the recipe's schedule."""
    done = (step + 0.5) / state.total_steps  # the middle of the step: the first one learns something, too
    return state.learning_rate * factor(state.recipe.schedule, done, state.recipe.warmup)


def train_epoch(state: State, display: Display) -> dict[str, float] | None:
    """Step after step to the end of the epoch at hand; its row of the history.

    None where it was cut short: by `stop_at`, or by the bell of max_minutes.
    """
    state.freezing.begin_epoch(state.model, done=len(state.history.rows))
    began = shown = time.perf_counter()
    epoch_done = late = False
    rate = rate_at(state, max(0, state.step - 1))
    while not epoch_done and not late and state.step < state.stop_at:
        rate = rate_at(state, state.step)
        train_step(state, rate)
        now = time.perf_counter()
        if now - shown > SHOW_EVERY:
            shown = now
            speed = state.seen / (state.seconds + now - began)
            display.step(state.step, float(state.loss_sum) / state.seen, speed)
        if state.step % CHECK_EVERY == 0:
            check_finite(state, rate)
        epoch_done = state.order.epoch_done or state.step == state.total_steps
        late = state.elapsed + now - began >= bell(state)
    if state.seen:
        check_finite(state, rate)
    state.tick(began)
    return end_epoch(state, rate) if epoch_done else None


def ending(state: State) -> str | None:
    """Why no epoch follows (`Trained.status`); None while one does.

    Asked before an epoch, not where one ends: a run that is resumed after its end must not train on.
    """
    patience = state.recipe.patience
    if state.step >= state.total_steps:
        return "finished"
    if state.elapsed >= bell(state):
        return "time"
    if patience is not None and epochs_without_better_loss(state.history) >= patience:
        return "patience"
    return "stopped" if state.step >= state.stop_at else None


def bell(state: State) -> float:
    """The seconds that training may take."""
    return math.inf if state.recipe.max_minutes is None else 60 * state.recipe.max_minutes


def epochs_without_better_loss(history: History) -> int:
    """How many epochs have passed since the one with the lowest validation loss.

    >>> epochs_without_better_loss(History([{"val_loss": 0.5}, {"val_loss": 0.3}, {"val_loss": 0.3}]))
    1
    """
    losses = [row["val_loss"] for row in history.rows]
    return len(losses) - 1 - losses.index(min(losses)) if losses else 0


def end_epoch(state: State, rate: float) -> dict[str, float]:
    """Measure the validation split, write the epoch's row, keep the weights if they are the best so far."""
    began = time.perf_counter()
    loss, accuracy, weights = validate(state)
    if not math.isfinite(loss):
        raise TrainingError(
            f"the validation loss of epoch {len(state.history.rows) + 1} is not a number "
            f"(learning rate {rate:.3g}). Try a smaller --learning-rate, --clip 1, or --precision fp32."
        )
    row: dict[str, float] = {
        "epoch": len(state.history.rows) + 1,
        "train_loss": float(state.loss_sum) / state.seen,
        "train_accuracy": int(state.correct) / state.seen,
        "val_loss": loss,
        "val_accuracy": accuracy,
        "learning_rate": rate,
        "images_per_second": state.seen / state.seconds,
    }
    state.elapsed += time.perf_counter() - began
    row["seconds"] = state.seconds + time.perf_counter() - began
    row = {name: row[name] for name in History.COLUMNS}
    state.history.rows.append(row)
    score = {"loss": loss, "accuracy": -accuracy, "last": -row["epoch"]}[state.recipe.best]
    if score < state.best.score:
        state.best = Best(int(row["epoch"]), score, weights())
    state.start_epoch()
    return row


def validate(state: State) -> tuple[float, float, Callable[[], dict[str, Tensor]]]:
    """Loss and accuracy on the validation split, and what copies the weights they were measured with.

    With weight averaging these are the average's. The loss is plain cross-entropy, whatever the criterion of
    training is: without label smoothing, class weights, augmentation and penalties. So it means the same on
    the screen, in history.csv, in the curves, in metrics.json and in other people's tables. It is computed in
    the training precision, because it is done after every epoch; the figures of a run are measured again at
    the end, in float32.
    """
    model, average = state.model, state.average
    own = None
    if average is not None:
        own = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        model.load_state_dict(average.tensors)
    model.eval()
    with no_gradients(model):
        loss, accuracy = measure(state)
    model.train()
    if own is not None:
        model.load_state_dict(own)
    source = average.tensors if average is not None else model.state_dict()
    return loss, accuracy, lambda: {name: tensor.detach().clone() for name, tensor in source.items()}


def measure(state: State) -> tuple[float, float]:
    """Mean cross-entropy and accuracy of the model as it is, on the validation split."""
    images, labels, criterion = state.val.images, state.val.labels, CrossEntropy()
    loss, correct = torch.zeros((), device=state.device), torch.zeros((), device=state.device)
    for start in range(0, len(images), VALIDATION_BATCH):
        batch, truth = images[start : start + VALIDATION_BATCH], labels[start : start + VALIDATION_BATCH]
        inputs = normalise(batch.to(state.device), state.preprocessing.mean, state.preprocessing.std)
        logits = two_class_logits(state.logits(inputs).float())
        loss += criterion(logits, truth) * len(truth)
        correct += (logits.argmax(1) == truth).sum()
    return float(loss) / len(images), float(correct) / len(images)


def check_finite(state: State, rate: float) -> None:
    """Raises TrainingError when the sum of the losses is no number any more."""
    if not math.isfinite(float(state.loss_sum)):
        raise TrainingError(
            f"the loss is no longer a number (noticed at step {state.step}, learning rate {rate:.3g}). "
            "Try a smaller --learning-rate, a longer --warmup, --clip 1, or --precision fp32."
        )
