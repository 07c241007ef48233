"""The network of a run: made by name or given, tried on a few pictures, laid out in memory."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from fieldmark.errors import TrainingError, UserError
from fieldmark.evaluation.prediction import two_class_logits
from fieldmark.models import create
from fieldmark.models.building import Maker, call, own_network
from fieldmark.models.hidden import hidden, sentence
from fieldmark.models.misfits import side_that_works, unchanged_random_state, where_it_fails
from fieldmark.models.own import Ends, out_of_memory, rows, settle_lazy, titled, told
from fieldmark.recipe import Recipe
from fieldmark.training.display import Display
from fieldmark.training.precision import autocast, cpu_has_avx512

SAME = ("View", "Reshape", "Squeeze", "Unsqueeze", "Clone", "ToCopy", "Alias", "Clamp")
"""Steps of autograd that leave probabilities what they are; parts of their names."""

PROBABLE = ("Sigmoid", "Softmax")
"""Steps of autograd that make probabilities."""


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


@dataclass(frozen=True)
class Trial:
    """What the network is tried with: `batch_size` pictures at most, as training will give them.

    dtype: bfloat16 where training computes under autocast. channels_last: the memory format of the pictures.
    """

    num_classes: int
    channels: int
    image_size: tuple[int, int]
    device: torch.device
    batch_size: int = 2
    dtype: torch.dtype = torch.float32
    channels_last: bool = False

    def images(self) -> Tensor:
        """Noise, float32 (N, C, H, W), the same each time; N is 2, or 1 where batches are of one picture."""
        shape = (min(2, self.batch_size), *self.image_size, self.channels)
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(self.device)
        images = noise.permute(0, 3, 1, 2)  # strides as State.gather gives them
        return images if self.channels_last else rows(images)


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


def try_out(model: nn.Module, trial: Trial) -> str | None:
    """One pass in evaluation mode, then one step of training as far as the gradients.

    Returns the name of what the network ends in where that makes probabilities (`models.own.ENDS`). Lazy
    layers have their shapes afterwards; weights, statistics, gradients, modes and the random state are as
    they were.

    Raises TrainingError when the network raises, whatever that is, with the place in the user's code, and
    where they are known the layer, the shape that reached it and a picture size that works; when it gives
    anything but a logit per picture and class (or, for two classes, one per picture); when nothing in it
    learns; and when it holds what a classifier folder cannot.

    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(12, 5))
    >>> try_out(net, Trial(5, 3, (2, 2), torch.device("cpu")))
    """
    name = titled(model)
    try:
        settle_lazy(model, (trial.channels, *trial.image_size))
    except UserError as error:
        raise TrainingError(f"{error}{whereabouts(model, trial.images().shape)}") from error
    refuse_what_cannot_be_kept(model, name)
    refuse_what_cannot_learn(model, name)
    found = []
    with unchanged(model, trial.device):
        images = trial.images()
        for training in (False, True):
            model.train(training)
            outputs, logits, end = called(model, images, trial)
            check_shape(outputs, images, trial.num_classes, name, training)
            check_end(outputs, end, name)
            found.append(end)
        step_back(logits, name, images)
    return found[1] or found[0]


def called(model: nn.Module, images: Tensor, trial: Trial) -> tuple[Any, Any, str | None]:
    """What the network gives, the logits in it, and what it ends in; without gradients in evaluation mode."""
    context = autocast(trial.device, trial.dtype if model.training else torch.float32)
    try:
        with torch.set_grad_enabled(model.training), context, Ends() as ends:
            outputs = model(images)
            return outputs, ends.logits(outputs), ends.end_of(outputs)
    except Exception as error:  # the user's code may raise anything at all
        if out_of_memory(error):
            raise
        raise TrainingError(
            f"{titled(model)} fails on pictures {tuple(images.shape)}{' in training' * model.training}: "
            f"{told(error)}{whereabouts(model, tuple(images.shape))}{too_few(images, error)}"
        ) from error


def too_few(images: Tensor, error: Exception) -> str:
    """Advice for batch norm, which cannot measure a spread in one value."""
    if len(images) > 1 or "more than 1 value per channel" not in str(error):
        return ""
    return " Batch norm needs batches of 2 pictures or more: --batch-size 2."


def check_shape(outputs: Any, images: Tensor, num_classes: int, name: str, training: bool) -> None:
    count = len(images)
    wanted = {(count, num_classes)} | ({(count, 1)} if num_classes == 2 else set())
    if isinstance(outputs, Tensor):
        got: object = tuple(outputs.shape)
        if got in wanted and outputs.is_floating_point():
            return
        got = got if outputs.is_floating_point() else f"{got} {str(outputs.dtype).removeprefix('torch.')}"
    else:
        got = f"a {type(outputs).__name__}"
    raise TrainingError(
        f"{name} makes {got} of pictures {tuple(images.shape)}{' in training' * training}; "
        f"{(count, num_classes)} is wanted, a logit per picture and class."
    )


def check_end(outputs: Tensor, end: str | None, name: str) -> None:
    """Raises TrainingError for probabilities of which the logits are not known, or over the wrong axis."""
    sums_to_one = outputs.shape[1] > 1 and probabilities(outputs)
    if end == "softmax" and not sums_to_one:
        raise TrainingError(
            f"{name} ends in a softmax that is not over the classes: give it dim=1, or leave it out."
        )
    if end is None and (sums_to_one or made_of_probabilities(outputs)):
        raise TrainingError(
            f"{name} gives probabilities, and training needs the values they are made of "
            "(logits): let it end in nn.Softmax(1) or nn.Sigmoid() with nothing behind, or leave that out."
        )


def probabilities(outputs: Tensor) -> bool:
    """Whether all of `outputs` (N, K) lies from 0 to 1 and every row sums to 1.

    >>> probabilities(torch.tensor([[0.25, 0.75]])), probabilities(torch.tensor([[0.5, 0.75]]))
    (True, False)
    """
    values = outputs.detach().float()
    inside = bool(((values >= 0) & (values <= 1)).all())
    slack = 1e-4 if outputs.dtype == torch.float32 else 1e-2
    return inside and bool(((values.sum(1) - 1).abs() < slack).all())


def made_of_probabilities(outputs: Tensor) -> bool:
    """Whether autograd's last step, reshaping apart, was a sigmoid or softmax (but for log-softmax)."""
    step = outputs.grad_fn
    while step is not None:
        name = step.name()
        if "LogSoftmax" in name:
            return False
        if any(part in name for part in PROBABLE):
            return True
        if not any(part in name for part in SAME):
            return False
        step = step.next_functions[0][0] if step.next_functions else None
    return False


def step_back(logits: Tensor, name: str, images: Tensor) -> None:
    """Loss and gradients. Raises TrainingError where there is no way back to any weight."""
    if not logits.requires_grad:
        raise TrainingError(
            f"nothing in {name} learns: no gradient leads from what it gives back to its weights "
            "(detach, torch.no_grad, numpy or whole numbers on the way?)."
        )
    labels = torch.zeros(len(logits), dtype=torch.int64, device=logits.device)
    try:
        torch.autograd.backward(functional.cross_entropy(two_class_logits(logits.float()), labels))
    except Exception as error:  # the user's code may have steps of its own here, too
        if out_of_memory(error):
            raise
        raise TrainingError(
            f"{name} fails on pictures {tuple(images.shape)} on the way back, where gradients "
            f"are computed: {told(error)}"
        ) from error


def refuse_what_cannot_be_kept(model: nn.Module, name: str) -> None:
    """Raises TrainingError for state that is no tensor, or no number: weights.safetensors cannot hold it."""
    try:
        state = model.state_dict()
    except Exception as error:  # the user's get_extra_state may raise anything at all
        raise TrainingError(f"the weights of {name} cannot be listed: {told(error)}") from error
    for key, value in state.items():
        if not isinstance(value, Tensor):
            raise TrainingError(
                f"{name} keeps a {type(value).__name__} in {key} (get_extra_state), and a "
                "classifier folder holds tensors only. Keep it as a buffer (register_buffer), or among the "
                "options it is made with."
            )
        if not value.isfinite().all():
            raise TrainingError(
                f"{key} of {name} holds numbers that are not finite, which no classifier folder "
                "takes. If that is meant, register_buffer(..., persistent=False)."
            )


def refuse_what_cannot_learn(model: nn.Module, name: str) -> None:
    """Raises TrainingError for a network without weights, with all frozen, or made to predict only."""
    parameters = list(model.parameters())
    if not parameters:
        raise TrainingError(f"nothing in {name} learns: it has no parameters.")
    if not any(parameter.requires_grad for parameter in parameters):
        raise TrainingError(
            f"nothing in {name} learns: all its {len(parameters)} parameters are frozen "
            "(requires_grad is False)."
        )
    odd = next((parameter.dtype for parameter in parameters if parameter.is_complex()), None)
    if odd is not None:
        raise TrainingError(
            f"{name} has weights in {str(odd).removeprefix('torch.')}, which the optimisers do not move. "
            "Keep real and imaginary parts as weights of their own."
        )
    if any(parameter.is_inference() for parameter in parameters):
        raise TrainingError(
            f"{name} was made inside torch.inference_mode(), and such weights cannot learn. Make it outside."
        )


def check_copy(model: nn.Module) -> None:
    """Raises TrainingError for a network that cannot be copied, as finding the rate needs a copy to spoil."""
    try:
        copy.deepcopy(model)
    except Exception as error:  # what a network of the user's own holds may not be made for it
        raise TrainingError(
            f"learning_rate=find tries rates on a copy, and {titled(model)} cannot be copied: {told(error)} "
            "Give a number: --learning-rate 0.001."
        ) from error


@contextmanager
def unchanged(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Whatever happens inside, weights, buffers, gradients, modes and torch's random state come back."""
    modes = [(module, module.training) for module in model.modules()]
    gradients = [(parameter, parameter.grad) for parameter in model.parameters()]
    places = [
        (table, key, tensor, tensor.detach().clone())
        for module in model.modules()
        for table in (module._parameters, module._buffers)
        for key, tensor in table.items()
        if tensor is not None
    ]
    for parameter, _ in gradients:
        parameter.grad = None
    try:
        with unchanged_random_state(device), torch.enable_grad():
            yield
    finally:
        with torch.no_grad():
            for table, key, tensor, value in places:
                tensor.copy_(value)
                table[key] = tensor  # type: ignore[assignment]  # a parameter again where it was one
        for parameter, gradient in gradients:
            parameter.grad = gradient
        for module, training in modes:
            module.training = training


def whereabouts(model: nn.Module, images_shape: tuple[int, ...]) -> str:
    """Sentences on which layer fails with which shape, and what size would do; none where they are not known.

    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(48, 5))
    >>> whereabouts(net, (2, 3, 8, 8))
    ' Layer 1 gets 192. The network takes 4x4 pictures: --image-size 4.'
    """
    misfit = where_it_fails(model, images_shape)
    if misfit is None:
        return ""
    where = f" Layer {misfit}." if misfit.layer else ""
    side = side_that_works(model, images_shape)
    return where + (f" The network takes {side}x{side} pictures: --image-size {side}." if side else "")
