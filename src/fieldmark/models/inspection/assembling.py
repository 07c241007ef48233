"""From the operations of a forward pass to layers and the graph between them."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

import torch
from torch import nn

from fieldmark.models.inspection.frames import Frame
from fieldmark.models.inspection.layer import PICTURE, Layer
from fieldmark.models.inspection.recording import Operation
from fieldmark.models.inspection.sight import WHOLE, Axis, Sight
from fieldmark.models.inspection.tracing import Trace


@dataclass(eq=False)
class Group:
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
                output_shape=per_picture(output, trace.batch),
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


def grouped(trace: Trace) -> tuple[list[Group], list[int]]:
    """The groups, and of each operation the number of its group."""
    groups: list[Group] = []
    numbers: dict[int, int] = {}
    place = []
    for operation in trace.operations:
        owner = operation.frame.owner()
        key = id(owner if owner is not None else operation)
        if key not in numbers:
            numbers[key] = len(groups)
            groups.append(Group(owner or operation.frame, owner is None))
        groups[numbers[key]].operations.append(operation)
        place.append(numbers[key])
    for frame, done, size in trace.kept:
        number = numbers.get(id(frame.owner()))
        if number is None and groups:  # kept by what no frame is closed around: the operation before it
            number = place[max(done - 1, 0)]
        if number is not None:
            groups[number].kept += size
    return groups, place


def useful(groups: list[Group], place: list[int], results: frozenset[int]) -> tuple[list[Group], list[int]]:
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


def titles(group: Group) -> tuple[str, str]:
    """The name and the type of a layer.

    >>> call = Frame(Frame(Frame(None, "", "Net"), "block", "Block"), "__iadd__")
    >>> titles(Group(call, False, [Operation(call, "add_", frozenset(), frozenset(), 0, None, None)]))
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


def per_picture(shape: torch.Size | None, batch: int) -> tuple[int, ...]:
    """A shape without its batch, which may be folded into the first dimension.

    >>> per_picture(torch.Size([64, 3, 8, 8]), 64), per_picture(torch.Size([256, 5]), 64)
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
