"""`fm.inspect`: what a network is made of, found by running it once without values."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from fieldmark.errors import UserError
from fieldmark.inspection.findings import PICTURE, Inspection, Layer, TrainingMemory
from fieldmark.inspection.notes import notes
from fieldmark.inspection.recorder import Frame, Operation
from fieldmark.inspection.sight import WHOLE, Axis, Sight
from fieldmark.inspection.trace import Trace, trace, weightless
from fieldmark.models import TIMM, create
from fieldmark.models.hidden import hidden, sentence
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

    The network is run once in training mode, on shapes alone, so that nothing is computed (but for networks
    that look at values: see `trace.trace`). FLOPs are those of torch's counter: two for each multiplication
    and addition of convolutions and matrix products, none for the rest.

    Args:
        model: An architecture's name, or any nn.Module, float (N, C, H, W) to anything, whose weights and
            modes stay as they are.
        image_size: Pixels, one side or (height, width).
        in_channels: Of the pictures.
        num_classes: Of an architecture by name.
        batch_size: Pictures in the training step whose memory is told.
        **options: Of an architecture by name.

    Returns:
        The layers and the totals; printed, a short table.

    Raises:
        UserError: A name or options that make no network; pictures that do not pass it, with the layer, the
            shape that reaches it, and a size that works.

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
    """`inspect` for a module that goes by a name of its own.

    Args:
        model: Any nn.Module, float (N, C, H, W) to anything.
        name: What the inspection and errors call it.
        input_shape: Of one picture, (C, H, W).
        batch_size: Pictures in the training step whose memory is told.

    Returns:
        The layers and the totals.

    Raises:
        UserError: Pictures of this shape do not pass the network.

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


@dataclass(eq=False)
class LayerOperations:
    """The operations of one layer. frame: the call they belong to, or for one by itself what called it."""

    frame: Frame
    alone: bool
    operations: list[Operation] = field(default_factory=list)
    kept: int = 0


def layers(trace: Trace, model: nn.Module, input_shape: tuple[int, int, int]) -> tuple[Layer, ...]:
    """The layers in their order. A parameter is counted at its first use; figures are per picture."""
    groups, place = useful(*grouped(trace), trace.results)
    sizes = {name: (p.numel(), p.numel() * p.element_size()) for name, p in model.named_parameters()}
    counted: set[str] = set()
    names: Counter[str] = Counter()
    made: list[Layer] = []
    for group in groups:
        sources = {place[s] if s != PICTURE else PICTURE for o in group.operations for s in o.sources}
        new = {name for o in group.operations for name in o.parameters} - counted
        counted |= new
        last = group.operations[-1]
        output = last.output if group.alone else group.frame.output or last.output
        name, kind = titles(group)
        names[name] += 1
        field_, stride = seen(last.sight, output, input_shape)
        made.append(
            Layer(
                name=name if names[name] == 1 else f"{name}#{names[name]}",
                type=kind,
                inputs=tuple(sorted(sources - {len(made)})),
                output_shape=shape_per_picture(output, trace.batch),
                parameters=sum(sizes[name][0] for name in new),
                parameter_bytes=sum(sizes[name][1] for name in new),
                flops=sum(o.flops for o in group.operations) // trace.batch,
                activation_bytes=group.kept // trace.batch,
                receptive_field=field_,
                stride=stride,
                biases=sum(sizes[name][0] for name in new if name.rpartition(".")[2] == "bias"),
            )
        )
    return tuple(made)


def grouped(trace: Trace) -> tuple[list[LayerOperations], list[int]]:
    """The groups, and of each operation the number of its group."""
    groups: list[LayerOperations] = []
    numbers: dict[int, int] = {}
    place = []
    for operation in trace.operations:
        owner = operation.frame.owner()
        key = id(owner if owner is not None else operation)
        if key not in numbers:
            numbers[key] = len(groups)
            groups.append(LayerOperations(owner or operation.frame, owner is None))
        groups[numbers[key]].operations.append(operation)
        place.append(numbers[key])
    for frame, done, size in trace.kept:
        number = numbers.get(id(frame.owner()))
        if number is None and groups:  # kept by what no frame is closed around: the operation before it
            number = place[max(done - 1, 0)]
        if number is not None:
            groups[number].kept += size
    return groups, place


def useful(
    groups: list[LayerOperations], place: list[int], results: frozenset[int]
) -> tuple[list[LayerOperations], list[int]]:
    """Without groups that neither compute much nor lead anywhere, such as a slice made to copy its shape.

    All of them where the results are not known.
    """
    kept = [any(o.flops or o.parameters for o in group.operations) for group in groups]
    for index in results:
        if index != PICTURE:
            kept[place[index]] = True
    if not results:
        return groups, place
    for number in range(len(groups) - 1, -1, -1):  # sources come before what is made of them
        if kept[number]:
            for source in {s for o in groups[number].operations for s in o.sources} - {PICTURE}:
                kept[place[source]] = True
    number_of = [sum(kept[:number]) for number in range(len(groups))]
    return [group for group, keep in zip(groups, kept, strict=True) if keep], [number_of[n] for n in place]


def titles(group: LayerOperations) -> tuple[str, str]:
    """The name and the type of a layer.

    >>> call = Frame(Frame(Frame(None, "", "Net"), "block", "Block"), "__iadd__")
    >>> addition = Operation(call, "add_", frozenset(), frozenset(), 0, None, None)
    >>> titles(LayerOperations(call, False, [addition]))
    ('block:add', 'add')
    """
    frame = group.frame
    if not group.alone and frame.kind is not None:
        return frame.name or frame.kind, frame.kind
    kind = frame.name
    if group.alone or not kind or kind.startswith("__"):  # operators and attributes, by what they do
        kind = group.operations[-1].name
    kind = kind.strip("_")
    module = frame.module().name
    return f"{module}:{kind}" if module else kind, kind


def shape_per_picture(shape: torch.Size | None, batch: int) -> tuple[int, ...]:
    """A shape without its batch, which may be folded into the first dimension.

    >>> shape_per_picture(torch.Size([64, 3, 8, 8]), 64), shape_per_picture(torch.Size([256, 5]), 64)
    ((3, 8, 8), (4, 5))
    """
    if not shape:
        return ()
    if shape[0] == batch:
        return tuple(shape[1:])
    if shape[0] % batch == 0:
        return (shape[0] // batch, *shape[1:])
    return tuple(shape)


def seen(
    sight: Sight | None, output: torch.Size | None, input_shape: tuple[int, int, int]
) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """The receptive field and the stride as a Layer has them."""
    if sight is None or output is None or any(axis.dim >= len(output) for axis in sight):
        return None, None
    rows, columns = sight
    field_ = None
    if rows.field != WHOLE or columns.field != WHOLE:
        field_ = (_pixels(rows, input_shape[1]), _pixels(columns, input_shape[2]))
    steps = (rows.stride, columns.stride)
    if not (rows.even and columns.even and all(step.denominator == 1 for step in steps)):
        return field_, None
    return field_, (int(steps[0]), int(steps[1]))


def _pixels(axis: Axis, side: int) -> int:
    return side if axis.field == WHOLE else math.ceil(axis.field)
