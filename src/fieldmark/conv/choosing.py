"""Which algorithm `auto` takes, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from fieldmark.conv import ALGORITHMS
from fieldmark.conv.arguments import Padding
from fieldmark.conv.arrays import take
from fieldmark.conv.automatic import Parts, kernel_gradients, with_gradient
from fieldmark.conv.costs import priced, seconds
from fieldmark.conv.geometry import spell
from fieldmark.conv.gradients import transposed_problem
from fieldmark.conv.native import CHANNELS_LAST, TORCH
from fieldmark.conv.native_costs import work as native_work
from fieldmark.conv.problem import Algorithm, Problem
from fieldmark.families import resolve

MARGIN = 1.08
"""PyTorch's own convolution is left only for one that is predicted to be so many times faster."""

DOUBLE_ONLY = ("winograd", "winograd4")
"""In float32 these lose digits for no time gained (`winograd.py`)."""

NEVER = ("reference",)


@dataclass(frozen=True)
class Choice:
    """What `auto` takes for a call. seconds: the predicted time of every algorithm that supports it.

    input, kernel: with gradients, what computes those of x and of the kernel. bound: how far the result may
    be from the truth.
    """

    algorithm: str
    seconds: dict[str, float]
    reason: str
    bound: str
    input: str | None = None
    kernel: str | None = None

    def __str__(self) -> str:
        """A line to read."""
        return f"{self.algorithm}: {self.reason}"


def choose(
    x: ArrayLike | Tensor | tuple[int, ...],
    kernel: ArrayLike | Tensor | tuple[int, ...],
    *,
    axes: int = 2,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    boundary: str = "zeros",
    dtype: torch.dtype | None = None,
    gradient: bool = False,
) -> Choice:
    """Which algorithm `auto` takes for such a call, and why.

    x, kernel: what correlate1d, 2d or 3d (axes) would be given, or their shapes as tuples of whole numbers,
    with `dtype` (float32 unless told). gradient: whether a backward pass will follow. Raises UserError as the
    call would.

    >>> print(choose((64, 64, 64), (64, 64, 1, 1)))
    torch: ...
    >>> choose((1024, 1024), (101, 101)).algorithm in ("fft", "overlap_save")
    True
    """
    from fieldmark.conv.planning import problem_of

    signal, weights = (_stand_in(each, dtype) for each in (x, kernel))
    if signal.device.type != "meta" or weights.device.type != "meta":
        signal, weights, _ = (
            take(signal, weights) if signal.device == weights.device else (signal, weights, 0)
        )
    problem = problem_of(
        signal.shape,
        weights.shape,
        signal.dtype,
        "cpu" if signal.is_meta else signal.device.type,
        axes,
        stride,
        padding,
        dilation,
        groups,
        boundary,
    )
    times = predictions(problem)
    if not times:
        name = str(problem.dtype).removeprefix("torch.")
        device = problem.device
        reason = f"no costs are known for {name} on {device}; conv.fit_costs('{device}') measures them"
        return Choice("torch", {}, reason, error_bound("torch"), *(("torch", "torch") if gradient else ()))
    best = fastest(times)
    reason = _reason(problem, times, best)
    if not gradient:
        return Choice(best, times, reason, error_bound(best))
    parts = parts_for(problem)
    return Choice(best, times, reason, error_bound(best), parts.input, parts.kernel)


def automatic(problem: Problem, gradient: bool) -> Algorithm:
    """The algorithm for `problem`; gradient: whether a backward pass may follow.

    >>> automatic(Problem(1, 64, 64, (64, 64), (1, 1)), gradient=False).name
    'torch'
    """
    if gradient:
        parts = parts_for(problem)
        return TORCH if set(parts.names) == {"torch"} else with_gradient(parts)
    return algorithm(fastest(predictions(problem)))


def algorithm(name: str) -> Algorithm:
    """A member of ALGORITHMS."""
    found: Algorithm = resolve(ALGORITHMS, name, "convolution algorithm")
    return found


def predictions(problem: Problem) -> dict[str, float]:
    """Seconds by the cost model for every algorithm that `auto` may take; {} where no costs are known."""
    if not priced(problem) or not problem.batch or not all(problem.size):
        return {}
    times = {}
    for name in ALGORITHMS:
        if name in NEVER or (name in DOUBLE_ONLY and problem.dtype not in (torch.float64, torch.complex128)):
            continue
        candidate = algorithm(name)
        if candidate.unsupported(problem) is None:
            times[name] = seconds(candidate.work(problem), problem)
    return times


def fastest(times: dict[str, float], default: str = "torch") -> str:
    """The name of the shortest time, if it beats PyTorch's by MARGIN; PyTorch without times.

    >>> fastest({"torch": 1.0, "fft": 0.5}), fastest({"torch": 1.0, "fft": 0.99}), fastest({})
    ('fft', 'torch', 'torch')
    """
    best = min(times, key=times.__getitem__, default=default)
    return best if times.get(best, 0.0) * MARGIN < times.get(default, 0.0) else default


def parts_for(problem: Problem) -> Parts:
    """What computes the result and each of the gradients."""
    if not priced(problem) or not problem.batch or not all(problem.size):
        return Parts("torch", "torch", "torch")
    back, _ = transposed_problem(problem)
    own = predictions(back) if all(n >= r for n, r in zip(back.padded, back.reach, strict=True)) else {}
    to_x = {f"{name}": time for name, time in own.items() if name not in ("torch", "channels_last")}
    to_w = kernel_gradients(problem)
    for name in ("torch", "channels_last"):
        if name == "channels_last" and CHANNELS_LAST.unsupported(problem) is not None:
            continue
        last = name == "channels_last"
        to_x[name] = seconds(native_work(problem, "input", last), problem)
        to_w[name] = seconds(native_work(problem, "kernel", last), problem)
    return Parts(fastest(predictions(problem)), fastest(to_x), fastest(to_w))


def error_bound(name: str) -> str:
    """How far an algorithm's result may be from the truth, as a formula.

    >>> error_bound("torch")
    'gamma_n * (|x| correlated with |kernel|), element by element, n products per output'
    """
    if name in ("fft", "overlap_add", "overlap_save"):
        return "8 * eps * log2(n) * ||x||_2 * ||kernel||_2, n points in a transform"
    if name.startswith("winograd"):
        return "winograd.error_bound: gamma_K times the transforms of |x| and |kernel|"
    return "gamma_n * (|x| correlated with |kernel|), element by element, n products per output"


def _reason(problem: Problem, times: dict[str, float], best: str) -> str:
    order = sorted(times, key=times.__getitem__)
    spelled = ", ".join(f"{name} {_spell_time(times[name])}" for name in order[:4])
    kept = " (the gain of the first is within the model's error)" if best != order[0] else ""
    return f"predicted for {spell(problem.size)} with {spell(problem.kernel)}: {spelled}{kept}"


def _spell_time(time: float) -> str:
    if time < 1e-3:
        return f"{time * 1e6:.0f} us"
    return f"{time * 1e3:.3g} ms" if time < 1 else f"{time:.3g} s"


def _stand_in(given: Any, dtype: torch.dtype | None) -> Tensor:
    """A tensor of the shape and dtype that are meant, without memory where only a shape was given."""
    if isinstance(given, torch.Size) or (
        isinstance(given, tuple) and given and all(isinstance(entry, int) for entry in given)
    ):
        return torch.empty(given, dtype=dtype or torch.float32, device="meta")
    if not isinstance(given, Tensor):
        given, _, _ = take(given, given)
    return given if dtype is None else given.to(dtype)
