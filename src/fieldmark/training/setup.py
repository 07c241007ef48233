"""What a run needs before its first step: the network, the data on the device, the optimiser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from fieldmark.data.batches import TrainingOrder
from fieldmark.data.normalising import statistics
from fieldmark.errors import TrainingError
from fieldmark.inspection.footprint import refuse_vast
from fieldmark.memory import keep_freed_memory
from fieldmark.models import create
from fieldmark.models.building import Maker, call, own_network
from fieldmark.models.hidden import hidden, sentence
from fieldmark.models.own import has_lazy, out_of_memory, titled
from fieldmark.recipe import Recipe
from fieldmark.training.augmentation import build
from fieldmark.training.averaging import Average
from fieldmark.training.display import Display
from fieldmark.training.freezing import Freezing
from fieldmark.training.losses import CrossEntropy, balanced_weights
from fieldmark.training.optimisers import decayed_parameters, optimiser
from fieldmark.training.precision import cpu_has_avx512, resolve
from fieldmark.training.rate_finder import find_learning_rate
from fieldmark.training.setting import Setting
from fieldmark.training.state import State
from fieldmark.training.trial import Trial, check_copy, try_out
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
    start_weights(model)
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
        dtype=dtype,
        num_classes=num_classes,
        batch_size=batch_size,
        total_steps=total_steps,
        learning_rate=recipe.learning_rate if recipe.learning_rate != "find" else 0.0,
        channels_last=channels_last,
    )
    if recipe.learning_rate == "find":
        check_copy(model)
        found = find_learning_rate(setting, model)
        display.note(f"learning rate {found:.3g} (found)")
        setting = replace(setting, learning_rate=found)
    return setting, first_state(setting, model)


def try_own(model: nn.Module, trial: Trial, channels_last: bool, display: Display) -> bool:
    """Try a network of the user's own, and say what is to be known of it.

    Returns whether it gets its pictures channels_last: if that is asked for and it takes them, which one that
    flattens with `view` does not. Raises TrainingError for a network that cannot be trained.
    """
    unseen = hidden(model)
    if unseen:
        display.note(f"{titled(model)}: {sentence(unseen)}")
    end = try_out(model, trial)
    if end is not None:
        display.note(
            f"{titled(model)} ends in a {end}: it is trained and answers by the values before it (logits), "
            "from which fieldmark makes probabilities itself."
        )
    if not channels_last:
        return False
    try:
        to_format(model, torch.channels_last)
        try_out(model, replace(trial, channels_last=True))
    except (TrainingError, RuntimeError) as error:
        if out_of_memory(error):
            raise
        to_format(model, torch.contiguous_format)
        display.note(
            f"{titled(model)} gets its pictures row by row (NCHW), as it fails on channels_last ones. Most "
            "often that is x.view(...); x.flatten(1) or x.reshape(...) there would let it train faster."
        )
        return False
    return True


def to_format(model: nn.Module, memory_format: torch.memory_format) -> None:
    model.to(memory_format=memory_format)  # type: ignore[call-overload]  # torch's stubs lack it


def breaks_channels_last(model: nn.Module, onednn_has_avx512: bool | None = None) -> bool:
    """Whether oneDNN would break off training this network with pictures channels_last on this processor.

    Without AVX-512, the weight gradient of a 1x1 convolution with a stride and 2 to 7 input channels writes
    beyond its memory (oneDNN 3.12, the release within PyTorch 2.13; row by row it is right).

    >>> breaks_channels_last(nn.Conv2d(4, 8, 1, stride=2), onednn_has_avx512=False)
    True
    """
    if onednn_has_avx512 is None:
        onednn_has_avx512 = cpu_has_avx512()
    return not onednn_has_avx512 and any(
        isinstance(layer, nn.Conv2d)
        and max(layer.kernel_size) == 1
        and max(layer.stride) > 1
        and 2 <= layer.in_channels // layer.groups <= 7
        for layer in model.modules()
    )


def as_float32(model: nn.Module, display: Display) -> None:
    """Weights and buffers in float32, in which training and the classifier folder keep them."""
    tensors = [*model.parameters(), *model.buffers()]
    other = {tensor.dtype for tensor in tensors if tensor.is_floating_point()} - {torch.float32}
    if other:
        names = " and ".join(sorted(str(dtype).removeprefix("torch.") for dtype in other))
        display.note(f"{titled(model)} has weights in {names}; they are trained and kept in float32.")
        model.float()


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
    return create(recipe.model, num_classes, in_channels, image_size, **recipe.network_options())


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
