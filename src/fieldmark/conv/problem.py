"""What an algorithm is asked to compute, what an algorithm is, and the problem that a call poses."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor

from fieldmark.conv.boundaries import BOUNDARIES
from fieldmark.conv.geometry import Pair, outputs, pads, per_axis, refuse_colours_last, spell
from fieldmark.errors import UserError
from fieldmark.families import unknown

EXACT_TYPES = (torch.float32, torch.float64, torch.complex64, torch.complex128)


@dataclass(frozen=True)
class Problem:
    """One cross-correlation in channels form: (N, C_in, *size) with (C_out, C_in/groups, *kernel).

    y[n, o, i] = sum over c, k of x[n, c, i*stride + k*dilation - before] * w[o, c, k], zeros outside of x.
    padding: (before, after) per axis. Raises UserError if the kernel does not fit.

    >>> Problem(1, 1, 1, (5, 5), (3, 3)).output
    (3, 3)
    """

    batch: int
    in_channels: int
    out_channels: int
    size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...] = (1, 1)
    padding: tuple[Pair, ...] = ((0, 0), (0, 0))
    dilation: tuple[int, ...] = (1, 1)
    groups: int = 1
    dtype: torch.dtype = torch.float32
    device: str = "cpu"

    @cached_property
    def output(self) -> tuple[int, ...]:
        """The spatial size of the result."""
        return outputs(self.size, self.kernel, self.stride, self.padding, self.dilation)

    @cached_property
    def reach(self) -> tuple[int, ...]:
        """How far the dilated kernel spans: d(m-1) + 1."""
        return tuple(d * (m - 1) + 1 for m, d in zip(self.kernel, self.dilation, strict=True))

    @cached_property
    def unstrided(self) -> tuple[int, ...]:
        """The spatial size of the result with stride 1, of which a stride takes every s-th."""
        return tuple(n - reach + 1 for n, reach in zip(self.padded, self.reach, strict=True))

    @property
    def axes(self) -> int:
        """The number of spatial axes."""
        return len(self.size)

    @cached_property
    def padded(self) -> tuple[int, ...]:
        """The spatial size of the input with its padding."""
        return tuple(n + a + b for n, (a, b) in zip(self.size, self.padding, strict=True))

    @cached_property
    def multiplications(self) -> int:
        """Multiply-adds by definition, the zeros of the padding included."""
        taps = math.prod(self.kernel) * self.in_channels // self.groups
        return self.batch * self.out_channels * math.prod(self.output) * taps


@dataclass(frozen=True)
class Algorithm:
    """A way to compute any Problem it supports: differentiable in both, and never another result in silence.

    correlate(x, w, problem): x (N, C_in, *size), w (C_out, C_in/groups, *kernel) -> (N, C_out, *output).
    unsupported(problem): why it cannot, or None. work(problem): what it costs, in the units that the cost
    model (`prices.py`) knows the price of.
    """

    name: str
    summary: str
    correlate: Callable[[Tensor, Tensor, Problem], Tensor]
    unsupported: Callable[[Problem], str | None]
    work: Callable[[Problem], dict[str, float]]


def exact_types(problem: Problem) -> str | None:
    """Why an algorithm of whole floating-point numbers cannot, or None.

    >>> exact_types(Problem(1, 1, 1, (5, 5), (3, 3), dtype=torch.bfloat16))
    'it computes in float32, float64, complex64 and complex128, not bfloat16'
    """
    if problem.dtype in EXACT_TYPES:
        return None
    return f"it computes in float32, float64, complex64 and complex128, not {str(problem.dtype)[6:]}"


def transposed(gradient: Tensor, w: Tensor, problem: Problem) -> tuple[Tensor, Tensor, Problem]:
    """The correlation that gives dL/dx from dL/dy: its input, its kernel and its problem.

    The gradient, spread out by the stride and padded by what the padding left, meets the kernel turned
    around, with the two channel axes swapped (conjugated for complex numbers): Dumoulin & Visin 2016,
    arXiv 1603.07285, section 4.

    >>> gradient, w = torch.ones(1, 1, 2), torch.tensor([[[1.0, 2.0]]])
    >>> _, turned, back = transposed(gradient, w, Problem(1, 1, 1, (3,), (2,), (1,), ((0, 0),), (1,)))
    >>> turned.tolist(), back.padding, back.output
    ([[[2.0, 1.0]]], ((1, 1),), (3,))
    """
    back, keep = transposed_problem(problem)
    inside: Any = (..., *keep)
    turned = torch.unflatten(w.conj().flip(tuple(range(2, w.ndim))), 0, (problem.groups, -1))
    turned = turned.transpose(1, 2).flatten(0, 1).resolve_conj()
    return unstride(gradient, problem)[inside], turned, back


def transposed_problem(problem: Problem) -> tuple[Problem, list[slice]]:
    """The problem of `transposed`, and the part of the unstrided gradient that reaches the input at all."""
    keep, padding, size = [], [], []
    for n, out, reach, (before, _) in zip(
        problem.size, problem.unstrided, problem.reach, problem.padding, strict=True
    ):
        left = reach - 1 - before
        right = n - out - left + reach - 1
        kept = slice(max(0, -left), out - max(0, -right))
        keep.append(kept)
        size.append(max(0, kept.stop - kept.start))
        padding.append((max(0, left), max(0, right)))
    back = replace(
        problem,
        in_channels=problem.out_channels,
        out_channels=problem.in_channels,
        size=tuple(size),
        stride=(1,) * problem.axes,
        padding=tuple(padding),
    )
    return back, keep


def unstride(gradient: Tensor, problem: Problem) -> Tensor:
    """The gradient of the strided result as that of the unstrided one: zeros where nothing was taken."""
    if all(s == 1 for s in problem.stride):
        return gradient
    spread = gradient.new_zeros(*gradient.shape[:2], *problem.unstrided)
    taken: Any = (..., *[slice(None, None, s) for s in problem.stride])
    spread[taken] = gradient
    return spread


class Asked(NamedTuple):
    """What a call asks for, as it was written: the shapes of x and of the kernel, and the settings."""

    x: torch.Size
    w: torch.Size
    dtype: torch.dtype
    device: str
    axes: int
    stride: Any
    padding: Any
    dilation: Any
    groups: Any
    boundary: str


Shape: TypeAlias = tuple[int, ...]


def pose(asked: Asked) -> tuple[Problem, tuple[Pair, ...], tuple[Shape, Shape, Shape]]:
    """The problem that a call poses to an algorithm, what is laid around x beforehand, and three shapes.

    The shapes are those of x and of the kernel in channels form, and the leading axes of the result. Raises
    UserError for shapes and settings that do not fit together.

    >>> shapes = torch.Size([5, 5]), torch.Size([3, 3])
    >>> problem, _, _ = pose(Asked(*shapes, torch.float32, "cpu", 2, 1, "same", 1, 1, "zeros"))
    >>> problem.output
    (5, 5)
    """
    axes, boundary = asked.axes, asked.boundary
    if boundary not in BOUNDARIES:
        raise UserError(unknown(boundary, BOUNDARIES, "boundary"))
    shapes = _channels_form(asked.x, asked.w, axes, asked.groups)
    input_shape, kernel_shape, _ = shapes
    size, kernel = input_shape[2:], kernel_shape[2:]
    dilations = per_axis(asked.dilation, axes, "dilation", 1)
    around = pads(asked.padding, kernel, dilations)
    border: tuple[Pair, ...] = ()
    if boundary != "zeros" and any(map(any, around)):
        border, around = around, ((0, 0),) * axes
        size = tuple(n + before + after for n, (before, after) in zip(size, border, strict=True))
    problem = Problem(
        batch=input_shape[0],
        in_channels=input_shape[1],
        out_channels=kernel_shape[0],
        size=size,
        kernel=kernel,
        stride=per_axis(asked.stride, axes, "stride", 1),
        padding=around,
        dilation=dilations,
        groups=asked.groups,
        dtype=asked.dtype,
        device=asked.device,
    )
    return problem, border, shapes


def _channels_form(x: torch.Size, w: torch.Size, axes: int, groups: int) -> tuple[Shape, Shape, Shape]:
    """The shapes (N, C_in, *size) and (C_out, C_in/groups, *kernel), and the leading axes of the result."""
    if 0 in w:
        raise UserError(f"a kernel of {spell(w)} has no taps; every axis must be at least 1.")
    if len(w) == axes:
        if groups != 1:
            raise UserError(
                f"groups={groups} needs a kernel (C_out, C_in/groups, ...), not one of {spell(w)}."
            )
        if len(x) < axes:
            raise UserError(
                f"x is {spell(x)} and the kernel {spell(w)}: a kernel of {axes} axes needs an x of at least "
                f"{axes}."
            )
        refuse_colours_last(x, axes)
        leading = tuple(x[: len(x) - axes])
        return (math.prod(leading), 1, *x[len(x) - axes :]), (1, 1, *w), leading
    if len(w) != axes + 2:
        raise UserError(
            f"x is {spell(x)} and the kernel {spell(w)}: the kernel has {len(w)} axes; {axes} "
            f"({_axes(axes)}) or {axes + 2} (C_out, C_in/groups, {_axes(axes)}) are needed."
        )
    if len(x) not in (axes + 1, axes + 2):
        raise UserError(
            f"x is {spell(x)} and the kernel {spell(w)}: a kernel (C_out, C_in/groups, {_axes(axes)}) needs "
            f"an x of (N, C_in, {_axes(axes)}) or (C_in, {_axes(axes)})."
        )
    batch, channels = (x[0], x[1]) if len(x) == axes + 2 else (1, x[0])
    if not isinstance(groups, int) or groups < 1 or w[0] % groups or w[1] * groups != channels:
        raise UserError(
            f"x is {spell(x)} with {channels} channels and the kernel {spell(w)} with groups={groups}: the "
            "kernel's second axis times groups must be the channels of x, and its first a multiple of groups."
        )
    return (batch, channels, *x[-axes:]), tuple(w), (batch, w[0]) if len(x) == axes + 2 else (w[0],)


def _axes(axes: int) -> str:
    return ("width", "height, width", "depth, height, width")[axes - 1]
