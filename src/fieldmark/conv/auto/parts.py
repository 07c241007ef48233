"""What `auto` runs: each part by what is fastest for it, with bad values kept in their place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from fieldmark.conv.algorithms import algorithm
from fieldmark.conv.algorithms.native import TORCH, by_torch
from fieldmark.conv.algorithms.spectral import kernel_gradient
from fieldmark.conv.algorithms.tiling import Tiling, tile_work, tiled, whole
from fieldmark.conv.prices import seconds
from fieldmark.conv.problem import Algorithm, Problem, transposed

CUTS: dict[str, Callable[[Problem], Tiling]] = {"fft": whole, "overlap_save": tiled}
_NATIVE = ("torch", "channels_last")
_MIXING = ("fft", "overlap_add", "overlap_save", "winograd", "winograd4")
"""These mix neighbours, so that one NaN or infinity spreads over a whole transform."""


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
    forward = contained(parts.forward)

    def correlate(x: Tensor, w: Tensor, problem: Problem) -> Tensor:
        y: Tensor = _Mixed.apply(x, w, problem, parts)  # type: ignore[no-untyped-call]
        return y

    return Algorithm(forward.name, forward.summary, correlate, forward.unsupported, forward.work)


def contained(name: str) -> Algorithm:
    """A member of ALGORITHMS whose bad values stay where the definition has them.

    What mixes neighbours makes nothing but NaN of a transform in which one number is NaN or infinite, or in
    which the sums overflow. Then the sums are taken anew, by PyTorch's convolution. To find out costs one
    pass over the result, about 1 % of the time of a transform.

    >>> x = torch.ones(1, 1, 5)
    >>> x[..., 4] = torch.nan
    >>> problem = Problem(1, 1, 1, (5,), (2,), (1,), ((0, 0),), (1,))
    >>> contained("fft").correlate(x, torch.ones(1, 1, 2), problem)
    tensor([[[2., 2., 2., nan]]])
    """
    found = algorithm(name)
    if name not in _MIXING:
        return found

    def correlate(x: Tensor, w: Tensor, problem: Problem) -> Tensor:
        y = found.correlate(x, w, problem)
        return y if finite(y) else TORCH.correlate(x, w, problem)

    return replace(found, correlate=correlate)


def finite(y: Tensor) -> bool:
    """Whether y holds neither NaN nor an infinity. A sum shows it at a tenth of the price of isfinite.

    >>> finite(torch.tensor([3e38, 3e38])), finite(torch.tensor([1.0, torch.inf]))
    (True, False)
    """
    y = y.detach()
    return bool(y.sum().isfinite()) or bool(y.isfinite().all())  # finite numbers may have no finite sum


def kernel_gradients(problem: Problem) -> dict[str, float]:
    """Predicted seconds of dL/dw by the Fourier ways.

    >>> sorted(kernel_gradients(Problem(1, 1, 1, (64, 64), (31, 31))))
    ['fft', 'overlap_save']
    """
    return {
        name: seconds(tile_work(problem, cut(problem), at_once=False), problem) for name, cut in CUTS.items()
    }


class _Mixed(torch.autograd.Function):
    @staticmethod
    def forward(x: Tensor, w: Tensor, problem: Problem, parts: Parts) -> Tensor:
        return contained(parts.forward).correlate(x, w, problem)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Problem, Parts], output: Tensor) -> None:
        x, w, ctx.problem, ctx.parts = inputs
        ctx.save_for_backward(x, w)

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
    return contained(name).correlate(spread, turned, back)


def _kernel_gradient(gradient: Tensor, x: Tensor, w: Tensor, problem: Problem, name: str) -> Tensor:
    if name in _NATIVE:
        _, to_w = by_torch(gradient, x, w, problem, (False, True), name == "channels_last")
        assert to_w is not None
        return to_w
    to_w = kernel_gradient(x, gradient, problem, CUTS[name](problem))
    return to_w if finite(to_w) else _kernel_gradient(gradient, x, w, problem, "torch")
