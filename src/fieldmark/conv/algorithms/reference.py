"""The definition: one window at a time, multiplied with the kernel and summed.

The rest is tested against it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fieldmark.conv.problem import Algorithm, Problem, exact_types
from fieldmark.errors import UserError

Array = NDArray[Any]


def correlate(x: Tensor, w: Tensor, problem: Problem) -> Tensor:
    """The cross-correlation that `problem` describes, by loops.

    x (N, C_in, *size), w (C_out, C_in/groups, *kernel) -> (N, C_out, *output), of the same dtype.
    Differentiable.

    >>> picture, kernel = torch.arange(9.0).reshape(1, 1, 3, 3), torch.arange(4.0).reshape(1, 1, 2, 2)
    >>> correlate(picture, kernel, Problem(1, 1, 1, (3, 3), (2, 2))).tolist()
    [[[[19.0, 25.0], [37.0, 43.0]]]]
    """
    y: Tensor = _Reference.apply(x, w, problem)  # type: ignore[no-untyped-call]
    return y


def forward(x: Array, w: Array, problem: Problem) -> Array:
    """Every output is the sum of a window of the padded input times the kernel."""
    padded = np.pad(x, [(0, 0), (0, 0), *problem.padding])
    y = np.zeros((problem.batch, problem.out_channels, *problem.output), x.dtype)
    for n, channel, position in every_output(problem):
        window = padded[(n, *window_of(channel, position, problem))]
        y[(n, channel, *position)] = (window * w[channel]).sum()
    return y


def backward(x: Array, w: Array, gradient: Array, problem: Problem) -> tuple[Array, Array]:
    """The loop of `forward` again: each output hands its gradient back to its window and to the kernel.

    y = sum(window * w), so dL/dwindow = dL/dy * w and dL/dw = dL/dy * window, added up over all outputs
    (conjugated for complex numbers, as PyTorch defines their gradients).
    """
    padded = np.pad(x, [(0, 0), (0, 0), *problem.padding])
    to_padded, to_w = np.zeros_like(padded), np.zeros_like(w)
    for n, channel, position in every_output(problem):
        window = (n, *window_of(channel, position, problem))
        slope = gradient[(n, channel, *position)]
        to_padded[window] += slope * w[channel].conj()
        to_w[channel] += slope * padded[window].conj()
    inside = [slice(before, before + n) for n, (before, _) in zip(problem.size, problem.padding, strict=True)]
    return to_padded[(slice(None), slice(None), *inside)], to_w


def every_output(problem: Problem) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """(picture, output channel, position) of every number that is to be computed."""
    for n, channel in product(range(problem.batch), range(problem.out_channels)):
        for position in product(*map(range, problem.output)):
            yield n, channel, position


def window_of(channel: int, position: tuple[int, ...], problem: Problem) -> Any:
    """What an output looks at: the channels of its group, and a (dilated) window that starts at i*stride."""
    width = problem.in_channels // problem.groups
    group = channel // (problem.out_channels // problem.groups)
    spatial = [
        slice(i * s, i * s + r, d)
        for i, s, r, d in zip(position, problem.stride, problem.reach, problem.dilation, strict=True)
    ]
    return slice(group * width, (group + 1) * width), *spatial


class _Reference(torch.autograd.Function):
    """Lets PyTorch's autograd use the two loops."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, problem: Problem) -> Tensor:
        ctx.save_for_backward(x, w)
        ctx.problem = problem
        return torch.from_numpy(forward(_array(x), _array(w), problem)).to(x.device)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        # Not once_differentiable: it lets a second derivative through as zero where `gradient` has no graph.
        if torch.is_grad_enabled():
            raise UserError(
                "algorithm='reference' gives first derivatives only, and create_graph=True asks for second "
                "ones; take another algorithm."
            )
        x, w = ctx.saved_tensors
        to_x, to_w = backward(_array(x), _array(w), _array(gradient), ctx.problem)
        return (
            torch.from_numpy(np.ascontiguousarray(to_x)).to(x.device),
            torch.from_numpy(to_w).to(w.device),
            None,
        )


def _array(tensor: Tensor) -> Array:
    return tensor.detach().resolve_conj().resolve_neg().cpu().numpy()


def work(problem: Problem) -> dict[str, float]:
    """A loop in Python per output."""
    return {"loop": problem.batch * problem.out_channels * float(np.prod(problem.output))}


REFERENCE = Algorithm("reference", "the definition, by loops", correlate, exact_types, work)
