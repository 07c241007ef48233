"""What a run needs before its first step: the network, the data on the device, the optimiser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from fieldmark.data.batches import TrainingOrder
from fieldmark.data.normalising import statistics
from fieldmark.errors import TrainingError
from fieldmark.memory import keep_freed_memory
from fieldmark.models import create
from fieldmark.models.building import Maker, call, own_network
from fieldmark.models.footprint import refuse_vast
from fieldmark.recipe import Recipe
from fieldmark.training.augmentation import build
from fieldmark.training.averaging import Average
from fieldmark.training.display import Display
from fieldmark.training.freezing import Freezing
from fieldmark.training.losses import CrossEntropy, balanced_weights
from fieldmark.training.optimisers import decayed_parameters, optimiser
from fieldmark.training.precision import resolve
from fieldmark.training.rate_finder import find_learning_rate
from fieldmark.training.setting import Setting
from fieldmark.training.state import State
from fieldmark.training.trial import try_out
from fieldmark.vocabulary import Dataset, Preprocessing


def set_up(
    dataset: Dataset,
    recipe: Recipe,
    given: nn.Module | Maker | None,
    device: torch.device,
    display: Display,
    start_weights: Callable[[nn.Module], None],
) -> tuple[Setting, State]:
    """The fixed setting of a run and the state of its first step.

    given: the user's own network, or what makes it; None for one of ours, which the recipe names. Torch's
    generator must be seeded already.
    """
    keep_freed_memory()
    num_classes, labels = len(dataset.classes), dataset.train.labels
    if isinstance(given, nn.Module):
        model = given.to(device)
    else:
        model = make_model(recipe, given, num_classes, dataset.channels, dataset.image_size).to(device)
        # Its classifier could not be loaded.
        refuse_vast(model, recipe.model, dataset.channels, dataset.image_size)
    if given is not None:  # first of all, since lazy layers have no weights before
        try_out(model, num_classes, dataset.channels, dataset.image_size, device)
    start_weights(model)
    if recipe.channels_last:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    batch_size = min(recipe.batch_size, len(dataset.train))
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
    setting = Setting(
        recipe=recipe,
        images=on_device(dataset.train.images, device),
        labels=labels.to(device),
        augment=build(recipe.augment, dataset.image_size),
        criterion=CrossEntropy(recipe.label_smoothing, None if weights is None else weights.to(device)),
        decayed=decayed_parameters(model, recipe.decay),
        freezing=Freezing(model, recipe.freeze),
        preprocessing=Preprocessing(dataset.image_size, dataset.channels, mean, std, dataset.resize),
        device=device,
        dtype=torch.bfloat16 if resolve(recipe.precision, device) == "bf16" else torch.float32,
        num_classes=num_classes,
        batch_size=batch_size,
        total_steps=total_steps,
        learning_rate=recipe.learning_rate if recipe.learning_rate != "find" else 0.0,
    )
    if recipe.learning_rate == "find":
        found = find_learning_rate(setting, model)
        display.note(f"learning rate {found:.3g} (found)")
        setting = replace(setting, learning_rate=found)
    return setting, first_state(setting, model)


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


def make_model(
    recipe: Recipe, maker: Maker | None, num_classes: int, in_channels: int, image_size: tuple[int, int]
) -> nn.Module:
    """The network a recipe names, with weights from torch's generator; `maker` makes one of the user's own.

    Raises UserError for module:function without `maker`: a name in a recipe imports nothing.
    """
    made_by = own_network(recipe.model, maker)
    if made_by is not None:
        sizes = {"num_classes": num_classes, "in_channels": in_channels, "image_size": image_size}
        return call(made_by, **sizes, **recipe.options)
    return create(recipe.model, num_classes, in_channels, image_size, init=recipe.init, **recipe.options)


def first_state(setting: Setting, model: nn.Module) -> State:
    """The state before the first step."""
    recipe = setting.recipe
    generator = torch.Generator().manual_seed(recipe.seed)
    return State(
        model=model,
        optimizer=optimiser(model, recipe, setting.learning_rate),
        generator=generator,
        order=TrainingOrder(len(setting.images), setting.batch_size, generator),
        average=Average(model, recipe.averaging) if recipe.averaging else None,
        loss_sum=torch.zeros((), device=setting.device),
        correct=torch.zeros((), dtype=torch.int64, device=setting.device),
    )


def on_device(images: Tensor, device: torch.device) -> Tensor:
    """uint8 images on the device if they take at most half of its free memory, else where they are.

    Memory-mapped pictures are read into memory here, since training visits each of them every epoch.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        if images.numel() > free // 2:
            return images
    return images.to(device).clone(memory_format=torch.channels_last)
