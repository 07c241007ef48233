"""One product per tap of the kernel: the picture, shifted to it, times its weights, all added up."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import torch
from torch import Tensor

from fieldmark.conv.algorithms.im2col import is_own_column, result_unit
from fieldmark.conv.algorithms.native import by_torch
from fieldmark.conv.arrays import empty
from fieldmark.conv.boundaries import extend
from fieldmark.conv.prices import fresh
from fieldmark.conv.problem import Algorithm, Problem, exact_types

BLOCK = 2**19
"""Numbers of the result that are worked on at a time where a call fits no cache."""


def correlate(x: Tensor, w: Tensor, problem: Problem) -> Tensor:
    """y = sum over the taps k of w[:, :, k] times x shifted by k.

    x (N, C_in, *size), w (C_out, C_in/groups, *kernel) -> (N, C_out, *output), of the same dtype.
    Differentiable. A shift is a view, so nothing is copied but what a matrix product over several channels
    needs.

    >>> picture, kernel = torch.arange(9.0).reshape(1, 1, 3, 3), torch.arange(4.0).reshape(1, 1, 2, 2)
    >>> correlate(picture, kernel, Problem(1, 1, 1, (3, 3), (2, 2))).tolist()
    [[[[19.0, 25.0], [37.0, 43.0]]]]
    """
    if problem.in_channels == problem.out_channels == 1:
        y: Tensor = _OneChannel.apply(x, w, problem)  # type: ignore[no-untyped-call]
        return y
    return _channels(x, w, problem)


def _channels(x: Tensor, w: Tensor, problem: Problem) -> Tensor:
    """A matrix product (C_out/G, C_in/G) x (C_in/G, outputs) per tap."""
    groups = problem.groups
    weights = w.reshape(groups, problem.out_channels // groups, problem.in_channels // groups, -1)
    x = extend(x, problem.padding, "zeros")
    y: Tensor | None = None
    for tap, shift in enumerate(shifts(problem)):
        seen = x[(..., *shift)].reshape(problem.batch, groups, problem.in_channels // groups, -1)
        term = torch.matmul(weights[..., tap], seen)  # (N, G, C_out/G, outputs)
        y = term if y is None else y.add_(term)
    assert y is not None
    return y.reshape(problem.batch, problem.out_channels, *problem.output)


def shifts(problem: Problem) -> Iterator[Any]:
    """For every tap, in the kernel's order, the part of the padded input that it meets."""
    for tap in product(*map(range, problem.kernel)):
        yield tuple(
            slice(k * d, k * d + (n - 1) * s + 1, s)
            for k, d, n, s in zip(tap, problem.dilation, problem.output, problem.stride, strict=True)
        )


class _OneChannel(torch.autograd.Function):
    """y += w[k] * shifted x, in blocks of rows, and the same read backwards."""

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Problem], output: Tensor) -> None:
        x, w, ctx.problem = inputs
        ctx.save_for_backward(x, w)

    @staticmethod
    def forward(x: Tensor, w: Tensor, problem: Problem) -> Tensor:
        y = empty((problem.batch, 1, *problem.output), x)
        taps = list(product(*map(range, problem.kernel)))
        weights = w.flatten().tolist()
        for pictures, rows in _blocks(problem):
            part = y[pictures, :, rows]
            begun = False
            for weight, tap in sorted(
                zip(weights, taps, strict=True), key=lambda each: _unmet(each[1], problem)
            ):
                to, seen = meeting(tap, problem, rows)
                source = x[(pictures, slice(None), *seen)]
                if begun or source.numel() < part.numel():
                    if not begun:
                        part.zero_()
                    y[(pictures, slice(None), *to)].add_(source, alpha=weight)
                else:  # the first tap that every output meets saves a pass of zeros
                    torch.mul(source, weight, out=part)
                begun = True
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        (x, w), problem = ctx.saved_tensors, ctx.problem
        if torch.is_grad_enabled():  # a second derivative will be asked for, and nothing may happen in place
            return *by_torch(gradient, x, w, problem), None
        to_x, to_w = torch.zeros_like(x), []
        taps = product(*map(range, problem.kernel))
        for weight, tap in zip(w.conj().flatten().tolist(), taps, strict=True):
            to, seen = meeting(tap, problem, slice(0, problem.output[0]))
            slope = gradient[(..., *to)]
            to_x[(..., *seen)].add_(slope, alpha=weight)
            to_w.append((slope * x[(..., *seen)].conj()).sum())
        return to_x, torch.stack(to_w).reshape(w.shape), None


def meeting(tap: Sequence[int], problem: Problem, rows: slice) -> tuple[Any, Any]:
    """Which outputs meet the picture at `tap`, and which of its numbers they meet: slices per axis.

    rows: the outputs along the first axis that are wanted. Outputs that meet the padding there are left out,
    as it adds nothing.

    >>> problem = Problem(1, 1, 1, (5,), (3,), (1,), ((1, 1),), (1,))
    >>> meeting((0,), problem, slice(0, 5))
    ((slice(1, 5, None),), (slice(0, 4, 1),))
    """
    to, seen = [], []
    for axis, (k, n, s, d, (before, _), out) in enumerate(
        zip(tap, problem.size, problem.stride, problem.dilation, problem.padding, problem.output, strict=True)
    ):
        first, last = (rows.start, rows.stop) if axis == 0 else (0, out)
        offset = k * d - before  # output i meets number i*s + offset
        low = max(first, -(offset // s))
        high = max(low, min(last, (n - 1 - offset) // s + 1))
        to.append(slice(low, high))
        begin = low * s + offset
        seen.append(slice(begin, begin + (high - low - 1) * s + 1, s) if high > low else slice(0, 0))
    return tuple(to), tuple(seen)


def _unmet(tap: Sequence[int], problem: Problem) -> int:
    """How many outputs meet the padding at `tap`: the taps near the middle come first."""
    to, _ = meeting(tap, problem, slice(0, problem.output[0]))
    return math.prod(problem.output) - math.prod(each.stop - each.start for each in to)


def _blocks(problem: Problem) -> Iterator[tuple[slice, slice]]:
    """(pictures, rows) of about BLOCK outputs each."""
    rows, row = problem.output[0], math.prod(problem.output[1:])
    if problem.batch * rows * row <= 2 * BLOCK:
        yield slice(0, problem.batch), slice(0, rows)
        return
    pictures = max(1, BLOCK // (rows * row))
    height = rows if pictures > 1 else max(1, BLOCK // row)
    for n in range(0, problem.batch, pictures):
        for top in range(0, rows, height):
            yield slice(n, n + pictures), slice(top, min(top + height, rows))


def work(problem: Problem) -> dict[str, float]:
    """A pass over the result per tap; a copy of the input and a product per tap where there are channels."""
    taps = math.prod(problem.kernel)
    outputs = problem.batch * math.prod(problem.output)
    size = problem.dtype.itemsize
    large = fresh(outputs * problem.out_channels * size)
    if problem.in_channels == problem.out_channels == 1:
        calls = 4.0 + 2.0 * taps * sum(1 for _ in _blocks(problem))
        return {"shift_calls": calls, "shifted_bytes": float(taps * outputs * size), "large_bytes": large}
    read, written = (float(taps * outputs * n * size) for n in (problem.in_channels, problem.out_channels))
    return {
        "calls": 4.0 + 4.0 * taps,
        "column_bytes": 0.0 if is_own_column(problem) else read + written,
        "product_bytes": read,
        result_unit(problem.in_channels // problem.groups, problem.out_channels // problem.groups): written,
        "matrix_multiply": float(problem.multiplications),
        "group_matrices": float(taps * problem.batch * problem.groups),
        "fresh_bytes": large
        + (taps > 1)
        * taps
        * fresh(outputs * problem.in_channels * size, outputs * problem.out_channels * size),
    }


SHIFTED = Algorithm("shifted", "one product per tap of the kernel", correlate, exact_types, work)
