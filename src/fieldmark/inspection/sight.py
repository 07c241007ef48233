"""What one element of a tensor sees of the picture, and how that changes from operation to operation.

Araujo, Norris & Sim 2019, Computing receptive fields of convolutional neural networks (Distill): along an
axis, a kernel of k taps, d apart, that moves s at a time makes of a field r and a stride j
    r + d (k - 1) j    and    j s.
Padding and the picture's edges are left aside: a field may be larger than the picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from torch import Tensor

WHOLE = math.inf
"""The field of what sees the picture from edge to edge, however large it is."""


@dataclass(frozen=True)
class Axis:
    """One axis of the picture, in a tensor.

    Attributes:
        dim: The tensor's dimension that runs along it.
        field: Pixels that one element sees.
        stride: Pixels from one element to the next.
        even: Whether that is the same everywhere.
    """

    dim: int
    field: Fraction | float
    stride: Fraction
    even: bool = True

    def windowed(self, taps: Fraction | int, step: Fraction | int) -> Axis:
        """The axis after an operation on windows.

        Args:
            taps: Elements from the first to the last of a window.
            step: Elements from one window to the next.

        Returns:
            The axis of what the operation gives.

        >>> Axis(2, Fraction(3), Fraction(2)).windowed(3, 2)
        Axis(dim=2, field=Fraction(7, 1), stride=Fraction(4, 1), even=True)
        """
        field = self.field if taps == 1 else self.field + (taps - 1) * self.stride
        return replace(self, field=field, stride=self.stride * step)

    def whole(self, *, steps: bool) -> Axis:
        """The axis of what sees all of it; `steps` says whether there still are elements side by side."""
        return replace(self, field=WHOLE, even=self.even and steps)


Sight = tuple[Axis, Axis]
"""Of the picture's rows and columns. None stands for a tensor that is no map, or whose elements mix all."""

PICTURE_SIGHT = (Axis(2, Fraction(1), Fraction(1)), Axis(3, Fraction(1), Fraction(1)))


@dataclass(frozen=True)
class Seen:
    """An operation on what comes from the picture.

    Attributes:
        arguments: By the names of its schema.
        inputs: Its tensors that depend on the picture, and their sights.
    """

    arguments: dict[str, Any]
    inputs: Sequence[tuple[Tensor, Sight | None]]

    @property
    def first(self) -> tuple[Tensor, Sight]:
        tensor, sight = self.inputs[0]
        assert sight is not None
        return tensor, sight


Rule = Callable[[Seen, Tensor], Sight | None]
"""The sight of an output. Called only where the first input has one."""


def elementwise(seen: Seen, output: Tensor) -> Sight | None:
    """Of tensors added, multiplied, put side by side ...: the largest field of all; a vector sees it all."""
    found: list[Sight] = []
    gated = [False, False]
    for tensor, sight in seen.inputs:
        if sight is None:
            gated = [True, True]
            continue
        shift = output.dim() - tensor.dim()
        if shift < 0:  # statistics that an operation gives besides
            return None
        found.append(tuple(replace(axis, dim=axis.dim + shift) for axis in sight))  # type: ignore[arg-type]
    if not found or len({(rows.dim, columns.dim) for rows, columns in found}) > 1:
        return None
    together = []
    for i in (0, 1):
        size = output.shape[found[0][i].dim]
        spread = [sight[i] for sight, extent in _extents(found, seen, i) if extent == 1 < size]
        full = [sight[i] for sight, extent in _extents(found, seen, i) if not extent == 1 < size]
        axes = full or spread
        together.append(
            replace(
                axes[0],
                field=WHOLE if gated[i] or spread else max(axis.field for axis in axes),
                stride=max(axis.stride for axis in axes),
                even=all(axis.even for axis in axes) and len({axis.stride for axis in axes}) == 1,
            )
        )
    return together[0], together[1]


def _extents(found: Sequence[Sight], seen: Seen, i: int) -> list[tuple[Sight, int]]:
    maps = [(tensor, sight) for tensor, sight in seen.inputs if sight is not None]
    return [(shifted, tensor.shape[own[i].dim]) for shifted, (tensor, own) in zip(found, maps, strict=True)]


def same_dims(seen: Seen, output: Tensor) -> Sight | None:
    """Elements moved to another shape in the same order: what an axis was is found by its place in memory."""
    tensor, sight = seen.first
    axes, taken = [], 0
    for axis in sight:
        before, size = math.prod(tensor.shape[: axis.dim]), tensor.shape[axis.dim]
        fitting = (
            dim
            for dim in range(taken, output.dim())
            if output.shape[dim] == size and math.prod(output.shape[:dim]) == before
        )
        dim = next(fitting, None)
        if dim is None:
            return None
        axes.append(replace(axis, dim=dim))
        taken = dim + 1
    return axes[0], axes[1]


def along_dims(seen: Seen, output: Tensor) -> Sight | None:
    """An operation along `dim`, which mixes all of it: the mean, a maximum, softmax, flipping, one index."""
    tensor, sight = seen.first
    given = seen.arguments.get("dim", seen.arguments.get("dims"))
    if given is None or given == []:
        return None
    dims = {dim % tensor.dim() for dim in ([given] if isinstance(given, int) else given)}
    axes = []
    for axis in sight:
        mixed = axis.dim in dims
        if output.dim() == tensor.dim() - len(dims):  # they are gone
            if mixed:
                return None
            axes.append(replace(axis, dim=axis.dim - sum(dim < axis.dim for dim in dims)))
        elif output.dim() == tensor.dim():
            if not mixed and output.shape[axis.dim] != tensor.shape[axis.dim]:
                return None
            steps = output.shape[axis.dim] == tensor.shape[axis.dim]
            axes.append(axis.whole(steps=steps) if mixed else axis)
        else:
            return None
    return axes[0], axes[1]
