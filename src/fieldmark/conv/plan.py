"""A call with its shapes settled, made once per kind of call: what to reshape, which algorithm runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from fieldmark.conv.algorithms import ALGORITHMS, algorithm
from fieldmark.conv.arrays import tensor_of
from fieldmark.conv.auto.choice import automatic
from fieldmark.conv.boundaries import extend
from fieldmark.conv.geometry import Padding, Pair, spell, whole
from fieldmark.conv.prices import edition
from fieldmark.conv.problem import Algorithm, Asked, Problem, pose
from fieldmark.errors import UserError
from fieldmark.families import unknown


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
    known = isinstance(boundary, str) and isinstance(algorithm, str)
    numbers: tuple[Any, Any, Any, Any] = stride, padding, dilation, groups
    try:  # 1.0 would be looked up as 1, a list or an array could not be
        numbers = whole(stride), whole(padding), whole(dilation), whole(groups)
    except TypeError:
        known = False
    asked = Asked(x.shape, w.shape, x.dtype, x.device.type, axes, *numbers, boundary)
    make = _plan if known else _plan.__wrapped__
    return make(asked, flip, algorithm, gradient, torch.get_num_threads(), edition())


@lru_cache(maxsize=4096)
def _plan(asked: Asked, flip: bool, algorithm: str, gradient: bool, threads: int, prices: int) -> Plan:
    """threads, prices: what the choice of `auto` depends on besides."""
    problem, border, (input_shape, kernel_shape, leading) = pose(asked)
    return Plan(
        problem=problem,
        algorithm=_algorithm(algorithm, problem, gradient),
        input_shape=input_shape,
        kernel_shape=kernel_shape,
        output_shape=(*leading, *problem.output),
        flip=tuple(range(2, asked.axes + 2)) if flip else (),
        border=border,
        boundary=asked.boundary,
    )


def _algorithm(name: str, problem: Problem, gradient: bool) -> Algorithm:
    if name == "auto":
        return automatic(problem, gradient)
    if not isinstance(name, str) or name not in ALGORITHMS:
        raise UserError(unknown(name, [*ALGORITHMS, "auto"], "convolution algorithm"))
    found = algorithm(name)
    reason = found.unsupported(problem)
    if reason is not None:
        raise UserError(f"algorithm='{name}' does not support this case: {reason}. Take another, or 'auto'.")
    return found
