"""`fm.inspect`: what a network is made of, found by running it once without values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from fieldmark.errors import UserError
from fieldmark.models import TIMM, create
from fieldmark.models.hidden import hidden, sentence
from fieldmark.models.inspection.assembling import layers
from fieldmark.models.inspection.layer import Inspection, TrainingMemory
from fieldmark.models.inspection.notes import notes
from fieldmark.models.inspection.tracing import Trace, trace
from fieldmark.models.inspection.weightless import weightless
from fieldmark.models.misfits import unchanged_random_state
from fieldmark.models.own import copy_of_lazy, has_lazy, settle_lazy
from fieldmark.world import torch_as_it_comes

ENDING = ("sigmoid", "softmax", "logsigmoid", "expit")
"""Layers and functions that make probabilities, or their logarithms; the logits are taken instead."""


@torch_as_it_comes()
def inspect(
    model: str | nn.Module,
    image_size: int | tuple[int, int],
    *,
    in_channels: int = 3,
    num_classes: int = 10,
    batch_size: int = 64,
    **options: Any,
) -> Inspection:
    """The layers of a network, with shapes, parameters, FLOPs, memory and receptive fields.

    model: an architecture's name, with its `options`, or any nn.Module, float (N, C, H, W) to anything, whose
    weights and modes stay as they are. image_size: pixels, one side or (height, width). batch_size: of the
    training step whose memory is told. The network is run once in training mode, on shapes alone, so that
    nothing is computed (but for networks that look at values: see `tracing.trace`).

    FLOPs are those of torch's counter: two for each multiplication and addition of convolutions and matrix
    products, none for the rest.

    Raises UserError for a name or options that make no network, and for pictures that do not pass it, naming
    the layer, the shape that reaches it, and a size that works.

    >>> found = inspect("baseline", 32, num_classes=2)
    >>> found.parameters, found.flops, found.layers[0].receptive_field
    (18090, 1507456, (3, 3))
    """
    size = (image_size, image_size) if isinstance(image_size, int) else image_size
    for value, what in (
        (min(size), "pixels along a side"),
        (in_channels, "channels"),
        (batch_size, "pictures"),
    ):
        if value < 1:
            raise UserError(f"{value} {what}: at least 1.")
    if not isinstance(model, str):
        if options:
            raise UserError(
                f"{next(iter(options))}=...: options are for architectures by name, not for modules."
            )
        return inspect_module(model, type(model).__name__, (in_channels, *size), batch_size)
    # timm works some of its settings out with tensors, which need values.
    with unchanged_random_state(torch.device("cpu")) if model.startswith(TIMM) else weightless():
        network = create(model, num_classes, in_channels, size, **options)
    return inspect_module(network, model, (in_channels, *size), batch_size)


@torch_as_it_comes()
def inspect_module(
    model: nn.Module, name: str, input_shape: tuple[int, int, int], batch_size: int = 64
) -> Inspection:
    """`inspect` for a module that goes by `name`; input_shape: (C, H, W).

    >>> inspect_module(nn.Flatten(), "flat", (3, 4, 4)).layers[0].output_shape
    (48,)
    """
    if has_lazy(model):  # whose own weights stay as they are: without shapes
        model = copy_of_lazy(model)
        settle_lazy(model, input_shape)
    found = trace(model, name, input_shape, max(batch_size, 2))
    made = layers(found, model, input_shape)
    parameters = list(model.parameters())
    inspection = Inspection(
        model=name,
        input_shape=input_shape,
        layers=made,
        parameters=sum(p.numel() for p in parameters),
        trainable=sum(p.numel() for p in parameters if p.requires_grad),
        parameter_bytes=sum(p.numel() * p.element_size() for p in parameters),
        flops=sum(layer.flops for layer in made),
        memory=memory(model, found, batch_size),
        blocks={
            name: type(m).__name__ for name, m in model.named_modules() if any(True for _ in m.children())
        },
    )
    return replace(inspection, notes=(*peculiarities(model, inspection), *notes(inspection)))


def peculiarities(model: nn.Module, inspection: Inspection) -> Iterator[str]:
    """What is to be known of a network of the user's own: layers torch does not see, a softmax at its end.

    >>> list(inspect(nn.Sequential(nn.Flatten(), nn.Softmax(1)), 2).notes)[0][:31]
    '1 makes probabilities (Softmax)'
    """
    unseen = hidden(model)
    if unseen:
        yield sentence(unseen)
    last = inspection.layers[-1] if inspection.layers else None
    if last is not None and last.type.casefold() in ENDING:
        kind = f" ({last.type})" if last.type != last.name else ""
        yield (
            f"{last.name} makes probabilities{kind}; fieldmark trains and answers by the values "
            "before it (logits), and makes probabilities itself."
        )


def memory(model: nn.Module, found: Trace, batch_size: int) -> TrainingMemory:
    """What a training step of `batch_size` pictures needs, as TrainingMemory has it."""
    weights = sum(t.numel() * t.element_size() for t in [*model.parameters(), *model.buffers()])
    gradients = sum(p.numel() * p.element_size() for p in model.parameters() if p.requires_grad)
    kept = sum(size for _, _, size in found.kept)
    return TrainingMemory(
        batch_size=batch_size,
        weights=weights,
        gradients=gradients,
        optimiser=2 * gradients,
        activations=kept * batch_size // found.batch,
    )
