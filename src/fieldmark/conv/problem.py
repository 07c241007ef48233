"""What an algorithm is asked to compute, and what an algorithm is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from fieldmark.conv.geometry import Pair, outputs

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
