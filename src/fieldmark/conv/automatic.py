"""`auto` with gradients: the result and both gradients, each by what is fastest for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from fieldmark.conv import ALGORITHMS
from fieldmark.conv.costs import seconds
from fieldmark.conv.gradients import by_torch, transposed
from fieldmark.conv.problem import Algorithm, Problem
from fieldmark.conv.spectral import kernel_gradient
from fieldmark.conv.tile_costs import tiled, work
from fieldmark.conv.tiling import Tiling, whole
from fieldmark.families import resolve

CUTS: dict[str, Callable[[Problem], Tiling]] = {"fft": whole, "overlap_save": tiled}
_NATIVE = ("torch", "channels_last")


@dataclass(frozen=True)
class Parts:
    """The algorithms that compute y, dL/dx and dL/dw."""

    forward: str
    input: str
    kernel: str

    @property
    def names(self) -> tuple[str, str, str]:
        """All three."""
        return self.forward, self.input, self.kernel


def with_gradient(parts: Parts) -> Algorithm:
    """An algorithm that goes forward by one, and back by two others.

    >>> with_gradient(Parts("torch", "fft", "overlap_save")).name
    'torch'
    """
    forward = algorithm(parts.forward)

    def correlate(x: Tensor, w: Tensor, problem: Problem) -> Tensor:
        y: Tensor = _Mixed.apply(x, w, problem, parts)  # type: ignore[no-untyped-call]
        return y

    return Algorithm(forward.name, forward.summary, correlate, forward.unsupported, forward.work)


def kernel_gradients(problem: Problem) -> dict[str, float]:
    """Predicted seconds of dL/dw by the Fourier ways.

    >>> sorted(kernel_gradients(Problem(1, 1, 1, (64, 64), (31, 31))))
    ['fft', 'overlap_save']
    """
    return {name: seconds(work(problem, cut(problem), at_once=False), problem) for name, cut in CUTS.items()}


class _Mixed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, problem: Problem, parts: Parts) -> Tensor:
        ctx.save_for_backward(x, w)
        ctx.problem, ctx.parts = problem, parts
        return algorithm(parts.forward).correlate(x, w, problem)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        (x, w), problem, parts = ctx.saved_tensors, ctx.problem, ctx.parts
        wanted = ctx.needs_input_grad[:2]
        if torch.is_grad_enabled():  # a second derivative will be asked for
            return *by_torch(gradient, x, w, problem, wanted), None, None
        if parts.input == parts.kernel and parts.input in _NATIVE:
            return *by_torch(gradient, x, w, problem, wanted, parts.input == "channels_last"), None, None
        to_x = _input_gradient(gradient, x, w, problem, parts.input) if wanted[0] else None
        to_w = _kernel_gradient(gradient, x, w, problem, parts.kernel) if wanted[1] else None
        return to_x, to_w, None, None


def _input_gradient(gradient: Tensor, x: Tensor, w: Tensor, problem: Problem, name: str) -> Tensor:
    if name in _NATIVE:
        to_x, _ = by_torch(gradient, x, w, problem, (True, False), name == "channels_last")
        assert to_x is not None
        return to_x
    spread, turned, back = transposed(gradient, w, problem)
    return algorithm(name).correlate(spread, turned, back)


def _kernel_gradient(gradient: Tensor, x: Tensor, w: Tensor, problem: Problem, name: str) -> Tensor:
    if name in _NATIVE:
        _, to_w = by_torch(gradient, x, w, problem, (False, True), name == "channels_last")
        assert to_w is not None
        return to_w
    return kernel_gradient(x, gradient, problem, CUTS[name](problem))


def algorithm(name: str) -> Algorithm:
    """A member of ALGORITHMS."""
    found: Algorithm = resolve(ALGORITHMS, name, "convolution algorithm")
    return found
