"""From shapes and settings to a plan, made once per kind of call: what to reshape, which algorithm runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from fieldmark.conv.algorithms import ALGORITHMS
from fieldmark.conv.algorithms.tiling import tiled
from fieldmark.conv.arrays import tensor_of
from fieldmark.conv.boundaries import BOUNDARIES, extend
from fieldmark.conv.geometry import Padding, Pair, pads, per_axis, refuse_colours_last, spell, whole
from fieldmark.conv.prices import prices_for
from fieldmark.conv.problem import Algorithm, Problem
from fieldmark.errors import UserError
from fieldmark.families import resolve, unknown


@dataclass(frozen=True, slots=True)
class Plan:
    """A call with its shapes settled; calling it computes."""

    problem: Problem
    algorithm: Algorithm
    input_shape: tuple[int, ...]
    kernel_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    flip: tuple[int, ...]
    border: tuple[Pair, ...]
    boundary: str

    def __call__(self, x: Tensor, w: Tensor, bias: Any = None) -> Tensor:
        """x and w as they came; bias None, a number, or C_out numbers."""
        x, w = _shaped(x, self.input_shape), _shaped(w, self.kernel_shape)
        if self.border:
            x = extend(x, self.border, self.boundary)
        if self.flip:
            w = w.flip(self.flip)
        y = self.algorithm.correlate(x, w, self.problem) if x.numel() else self._of_nothing(x, w)
        if bias is not None:
            y = y + self._bias(bias, y)
        return _shaped(y, self.output_shape)

    def _of_nothing(self, x: Tensor, w: Tensor) -> Tensor:
        """The sums over an empty batch or an empty picture, which no algorithm has to think of: zeros."""
        shape = self.problem.batch, self.problem.out_channels, *self.problem.output
        return x.new_zeros(shape) + (x.sum() + w[:0].sum())  # with gradients, of zeros too

    def _bias(self, bias: Any, y: Tensor) -> Tensor:
        values = tensor_of(bias, "bias")
        channels = self.problem.out_channels
        if values.shape not in ((channels,), *([()] if channels == 1 else [])):
            raise UserError(
                f"bias of shape {spell(values.shape)} for a kernel {spell(self.kernel_shape)}: one number "
                f"per output channel is needed, {channels} in all."
            )
        if values.is_complex() and not y.is_complex():
            raise UserError("bias is complex, but x and the kernel are real; make one of them complex first.")
        return values.to(y.device, y.dtype).reshape(-1, *[1] * self.problem.axes)


def _shaped(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    return tensor if tensor.shape == shape else tensor.reshape(shape)  # a view costs a node in the graph


def plan(
    x: Tensor,
    w: Tensor,
    axes: int,
    flip: bool,
    stride: int | Sequence[int],
    padding: Padding,
    dilation: int | Sequence[int],
    groups: int,
    boundary: str,
    algorithm: str,
) -> Plan:
    """The plan for a call, looked up where the same kind of call was made before.

    Raises UserError for shapes and settings that do not fit together.

    >>> x, w = torch.ones(5, 5), torch.ones(3, 3)
    >>> plan(x, w, 2, False, 1, "same", 1, 1, "zeros", "torch").output_shape
    (5, 5)
    """
    if algorithm == "auto" and torch._C._are_functorch_transforms_active():
        algorithm = "torch"  # the one that torch.func.grad, vmap, jvp and their compositions all go through
    gradient = torch.is_grad_enabled() and (x.requires_grad or w.requires_grad)
    kind = (x.shape, w.shape, x.dtype, x.device.type, gradient, torch.get_num_threads(), axes, flip)
    names = (boundary, algorithm)
    try:  # 1.0 would be looked up as 1, a list or an array could not be
        numbers = whole(stride), whole(padding), whole(dilation), whole(groups)
    except TypeError:
        return _plan.__wrapped__(*kind, stride, padding, dilation, groups, *names)
    if not (isinstance(boundary, str) and isinstance(algorithm, str)):
        return _plan.__wrapped__(*kind, *numbers, *names)
    return _plan(*kind, *numbers, *names)


def forget_plans() -> None:
    """Let every kind of call be priced, cut and planned anew: the costs have changed."""
    prices_for.cache_clear()
    tiled.cache_clear()
    _plan.cache_clear()


@lru_cache(maxsize=4096)
def _plan(
    x_shape: torch.Size,
    w_shape: torch.Size,
    dtype: torch.dtype,
    device: str,
    gradient: bool,
    threads: int,
    axes: int,
    flip: bool,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
    boundary: str,
    algorithm: str,
) -> Plan:
    problem, border, shapes = _settle(
        x_shape, w_shape, dtype, device, axes, stride, padding, dilation, groups, boundary
    )
    input_shape, kernel_shape, leading = shapes
    return Plan(
        problem=problem,
        algorithm=_algorithm(algorithm, problem, gradient),
        input_shape=input_shape,
        kernel_shape=kernel_shape,
        output_shape=(*leading, *problem.output),
        flip=tuple(range(2, axes + 2)) if flip else (),
        border=border,
        boundary=boundary,
    )


def problem_of(
    x_shape: torch.Size,
    w_shape: torch.Size,
    dtype: torch.dtype,
    device: str,
    axes: int,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
    boundary: str,
) -> Problem:
    """The problem that such a call poses to an algorithm. Raises UserError as the call would.

    >>> shapes = torch.Size([5, 5]), torch.Size([3, 3])
    >>> problem_of(*shapes, torch.float32, "cpu", 2, 1, "same", 1, 1, "zeros").output
    (5, 5)
    """
    return _settle(x_shape, w_shape, dtype, device, axes, stride, padding, dilation, groups, boundary)[0]


def _settle(
    x_shape: torch.Size,
    w_shape: torch.Size,
    dtype: torch.dtype,
    device: str,
    axes: int,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
    boundary: str,
) -> tuple[Problem, tuple[Pair, ...], tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]]:
    """The problem, what is laid around x beforehand, and the shapes of `_channels_form`."""
    if boundary not in BOUNDARIES:
        raise UserError(unknown(boundary, BOUNDARIES, "boundary"))
    shapes = _channels_form(x_shape, w_shape, axes, groups)
    input_shape, kernel_shape, _ = shapes
    size, kernel = input_shape[2:], kernel_shape[2:]
    dilations = per_axis(dilation, axes, "dilation", 1)
    around = pads(padding, kernel, dilations)
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
        stride=per_axis(stride, axes, "stride", 1),
        padding=around,
        dilation=dilations,
        groups=groups,
        dtype=dtype,
        device=device,
    )
    return problem, border, shapes


def _channels_form(
    x: torch.Size, w: torch.Size, axes: int, groups: int
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
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


def _algorithm(name: str, problem: Problem, gradient: bool) -> Algorithm:
    if name == "auto":
        from fieldmark.conv.auto.choice import automatic

        return automatic(problem, gradient)
    if not isinstance(name, str) or name not in ALGORITHMS:
        raise UserError(unknown(name, [*ALGORITHMS, "auto"], "convolution algorithm"))
    algorithm: Algorithm = resolve(ALGORITHMS, name, "convolution algorithm")
    reason = algorithm.unsupported(problem)
    if reason is not None:
        raise UserError(f"algorithm='{name}' does not support this case: {reason}. Take another, or 'auto'.")
    return algorithm


def _axes(axes: int) -> str:
    return ("width", "height, width", "depth, height, width")[axes - 1]
