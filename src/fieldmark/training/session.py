"""A training run in the hands of whoever calls it: begun or resumed, epoch by epoch, finished."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from fieldmark.data.batches import TrainingOrder
from fieldmark.data.normalising import statistics
from fieldmark.errors import ClassifierError, TrainingError
from fieldmark.inspection.footprint import refuse_vast
from fieldmark.memory import keep_freed_memory
from fieldmark.models.building import Maker
from fieldmark.models.own import has_lazy
from fieldmark.recipe import Recipe
from fieldmark.training.augmentation import build
from fieldmark.training.averaging import Average
from fieldmark.training.display import Display, Silent
from fieldmark.training.freezing import Freezing
from fieldmark.training.loop import end_epoch, ending, rate_at, train_epoch, validate
from fieldmark.training.losses import CrossEntropy, balanced_weights
from fieldmark.training.optimisers import decayed_parameters, optimiser
from fieldmark.training.precision import resolve
from fieldmark.training.rate_finder import find_learning_rate
from fieldmark.training.state import Best, State
from fieldmark.training.trainable import (
    Trial,
    as_float32,
    breaks_channels_last,
    check_copy,
    make_model,
    to_format,
    try_out,
    try_own,
)
from fieldmark.vocabulary import Dataset, History, ImageSet, Preprocessing
from fieldmark.weights.first_weights import Origin
from fieldmark.world import torch_as_it_comes


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


class Session:
    """Training a network on `dataset.train`, choosing the epoch by `dataset.val`.

    The caller owns the loop; between two epochs it may save `state` (`training.checkpoint`), look, or leave.
    Same data, recipe, kind of CPU, torch version and number of threads: the same bits, when each run has a
    process of its own. A second run in the process may differ in the last bits where torch was used before
    fieldmark was imported, or where its matrix library picks kernels by where buffers lie and cannot be told
    not to. The process's own random state is never moved.

    >>> from fieldmark.data.load import load
    >>> recipe = Recipe(model="digits", epochs=1, batch_size=50)
    >>> session = Session.begin(load("sample", limit=500), recipe)
    >>> for row in session.epochs():
    ...     row["val_accuracy"] > 0.5
    True
    >>> session.finish().best_epoch
    1
    """

    def __init__(self, state: State, display: Display) -> None:
        """A session in this state; `begin` and `resume` make them."""
        self.state, self.display = state, display

    @classmethod
    @torch_as_it_comes()
    def begin(
        cls,
        dataset: Dataset,
        recipe: Recipe,
        *,
        model: nn.Module | Maker | None = None,
        origin: Origin | None = None,
        device: torch.device | str = "cpu",
        display: Display | None = None,
    ) -> Session:
        """Everything ready for the first step.

        Args:
            dataset: the pictures; its test split is not touched.
            recipe: the settings.
            model: a network of the caller's own, (N, C, H, W) to logits, or what makes it; None for the one
                of ours that the recipe names.
            origin: trained weights to start from; a recipe with `pretrained` needs them (`fieldmark.weights`
                finds them).
            device: where to compute.
            display: who watches; None for nobody.

        Raises:
            TrainingError: something does not fit the data, or the network cannot be trained.
        """
        display, device = display or Silent(), torch.device(device)
        if recipe.pretrained is not None and origin is None:
            raise TrainingError(
                f"pretrained={recipe.pretrained!r} is read by fm.train; here give its origin."
            )
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            return cls(first_state(dataset, recipe, model, origin, device, display), display)

    @classmethod
    @torch_as_it_comes()
    def resume(
        cls,
        checkpoint: Mapping[str, Any],
        dataset: Dataset,
        recipe: Recipe,
        *,
        model: nn.Module | Maker | None = None,
        device: torch.device | str = "cpu",
        display: Display | None = None,
    ) -> Session:
        """Go on exactly where a session was.

        Args:
            checkpoint: what its `state.to_document()` gave.
            dataset, recipe, model, device, display: as they were given to `begin`.

        Raises:
            ClassifierError: the checkpoint is that of another network or another run.
        """
        display, device = display or Silent(), torch.device(device)
        if recipe.learning_rate == "find":  # it was found when the run began
            recipe = recipe.replace(learning_rate=rate_of(checkpoint))
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            state = first_state(dataset, recipe, model, None, device, display)
            state.restore(checkpoint)
            return cls(state, display)

    def epochs(self) -> Iterator[dict[str, float]]:
        """Train, giving the row of the history (`vocabulary.History`) of each epoch that is done.

        Ends after the last epoch, when patience or max_minutes ran out, or when it is asked to (`stop`). An
        epoch that was cut short gives no row: `state` then stands within it, as a checkpoint should.

        Raises:
            TrainingError: the loss is no number any more; with the step, the rate, and what to try.
        """
        self.display.start(self.state.total_steps, self.state.recipe.epochs)
        with self.state.freezing:
            while self.status is None:
                with torch_as_it_comes(), self.state.own_randomness():
                    row = train_epoch(self.state, self.display)
                if row is not None:
                    self.display.epoch(row)
                    yield row

    def stop(self, at: int = 0) -> None:
        """Begin no further step once `at` steps are done; may be called from a signal handler."""
        self.state.stop_at = at

    @property
    def status(self) -> str | None:
        """Why training is over (`Trained.status`); None before that."""
        return ending(self.state)

    @torch_as_it_comes()
    def finish(self) -> Trained:
        """The network with the weights of the best epoch; what max_minutes cut short is measured as one.

        That epoch is in no checkpoint: a run that is given more time goes on as if there had been no limit.
        It is called once, and lets go of pictures and optimiser.
        """
        state = self.state
        status = self.status or "stopped"
        with state.own_randomness():
            if status == "time" and state.seen:
                self.display.epoch(end_epoch(state, rate_at(state, state.step - 1)))
            elif not state.history.rows:  # stopped within the first epoch
                state.best = Best(0, math.inf, validate(state)[2]())
        state.model.load_state_dict(state.best.weights)
        del self.state  # what follows needs the memory
        return Trained(
            model=state.model.to("cpu").eval(),
            history=state.history,
            best_epoch=state.best.epoch,
            preprocessing=state.preprocessing,
            precision="bf16" if state.dtype == torch.bfloat16 else "fp32",
            learning_rate=state.learning_rate,
            images_per_second=state.step * state.batch_size / max(state.training_seconds, 1e-9),
            status=status,
        )


def first_state(
    dataset: Dataset,
    recipe: Recipe,
    given: nn.Module | Maker | None,
    origin: Origin | None,
    device: torch.device,
    display: Display,
) -> State:
    """The state before the first step; torch's generators are set.

    given: the user's own network, or what makes it; None for one of ours, which the recipe names.
    """
    torch.manual_seed(recipe.seed)
    keep_freed_memory()
    num_classes, labels = len(dataset.classes), dataset.train.labels
    own = given is not None
    if isinstance(given, nn.Module):
        model = given
    else:
        model = make_model(recipe, given, num_classes, dataset.channels, dataset.image_size)
        if not has_lazy(model):  # its classifier could not be loaded
            refuse_vast(model, recipe.model, dataset.channels, dataset.image_size)
    batch_size = min(recipe.batch_size, len(dataset.train))
    dtype = torch.bfloat16 if resolve(recipe.precision, device) == "bf16" else torch.float32
    if own:
        as_float32(model, display)
        if recipe.init != "default":
            display.note(
                f"init={recipe.init} is for fieldmark's own networks; yours keeps the weights it has."
            )
    model, channels_last = model.to(device), recipe.channels_last
    trial = Trial(num_classes, dataset.channels, dataset.image_size, device, batch_size, dtype)
    if own:  # first of all, since lazy layers have no weights before
        channels_last = try_own(model, trial, recipe.channels_last, display)
    elif batch_size == 1:  # of one picture, batch norm may have no spread to measure
        try_out(model, trial)
    if origin is not None:
        origin.fill(model, origin.classes not in (None, dataset.classes))
    if channels_last and device.type == "cpu" and breaks_channels_last(model):
        to_format(model, torch.contiguous_format)
        channels_last = False
        display.note(
            "pictures row by row (NCHW): channels_last, oneDNN breaks off on a layer of this network."
        )
    if channels_last:
        to_format(model, torch.channels_last)
    if batch_size < recipe.batch_size:
        display.note(f"batch size {batch_size}: all there is (the recipe says {recipe.batch_size}).")
    total_steps = len(dataset.train) * recipe.epochs // batch_size
    if recipe.accumulate > total_steps:
        raise TrainingError(
            f"accumulate={recipe.accumulate} batches a step, but the whole run has {total_steps} batches. "
            "Take fewer, or more epochs."
        )
    weights = balanced_weights(labels, num_classes) if recipe.class_weights == "balanced" else None
    mean, std = normalisation(dataset, recipe)
    rate = recipe.learning_rate if recipe.learning_rate != "find" else 0.0
    generator = torch.Generator().manual_seed(recipe.seed)
    state = State(
        recipe=recipe,
        train=on_device(dataset.train, device),
        val=on_device(dataset.val, device),
        augment=build(recipe.augment, dataset.image_size),
        criterion=CrossEntropy(recipe.label_smoothing, None if weights is None else weights.to(device)),
        decayed=decayed_parameters(model, recipe.decay),
        freezing=Freezing(model, recipe.freeze),
        preprocessing=Preprocessing(dataset.image_size, dataset.channels, mean, std, dataset.resize),
        device=device,
        dtype=dtype,
        batch_size=batch_size,
        total_steps=total_steps,
        learning_rate=rate,
        channels_last=channels_last,
        model=model,
        optimizer=optimiser(model, recipe, rate),
        generator=generator,
        order=TrainingOrder(len(dataset.train), batch_size, generator),
        average=Average(model, recipe.averaging) if recipe.averaging else None,
        loss_sum=torch.zeros((), device=device),
        correct=torch.zeros((), dtype=torch.int64, device=device),
    )
    if recipe.learning_rate == "find":
        check_copy(model)
        state.learning_rate = find_learning_rate(state)
        state.optimizer = optimiser(model, recipe, state.learning_rate)
        display.note(f"learning rate {state.learning_rate:.3g} (found)")
    state.keep_randomness()
    return state


def rate_of(checkpoint: Mapping[str, Any]) -> float:
    """The peak rate in a checkpoint. Raises ClassifierError when there is none."""
    rate = checkpoint.get("learning_rate")
    if not isinstance(rate, float) or not 0 < rate < math.inf:
        raise ClassifierError("the checkpoint does not say which learning rate was found for this run.")
    return rate


def normalisation(dataset: Dataset, recipe: Recipe) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel: the recipe's, or else those of the training pixels.

    Raises TrainingError when the recipe's are for another number of channels than the pictures have.
    """
    if recipe.mean is None or recipe.std is None:
        return statistics(dataset.train.images)
    if len(recipe.mean) != dataset.channels:
        raise TrainingError(
            f"mean has {len(recipe.mean)} numbers, and the pictures have {dataset.channels} channel(s). "
            f"Load them with channels={len(recipe.mean)}, or leave mean and std out."
        )
    return recipe.mean, recipe.std


def on_device(pictures: ImageSet, device: torch.device) -> ImageSet:
    """Pictures on the device if they take at most half of its free memory, else where they are; labels on it.

    Memory-mapped pictures are read into memory here, since training visits each of them every epoch.
    """
    images, labels = pictures.images, pictures.labels.to(device)
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        if images.numel() > free // 2:
            return replace(pictures, labels=labels)
    return replace(pictures, images=images.to(device).clone(memory_format=torch.channels_last), labels=labels)
