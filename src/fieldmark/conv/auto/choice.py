"""Which algorithm `auto` takes, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from fieldmark.conv.algorithms import ALGORITHMS, algorithm
from fieldmark.conv.algorithms.native import CHANNELS_LAST, TORCH, native_work
from fieldmark.conv.arrays import take, tensor_of
from fieldmark.conv.auto.parts import Parts, contained, kernel_gradients, with_gradient
from fieldmark.conv.geometry import Padding, settled, spell
from fieldmark.conv.prices import element_type, priced, seconds
from fieldmark.conv.problem import Algorithm, Asked, Problem, exact_types, pose, transposed_problem
from fieldmark.errors import UserError

MARGIN = 1.15
"""PyTorch's own convolution is left only for one that is predicted to be so many times faster."""

APART = 7e-5
"""Seconds that it takes to compute the result and both gradients apart, in a function of our own."""

BACKWARD_MARGIN = 1.3
"""The same for gradients, whose memory traffic is harder to predict."""

DOUBLE_ONLY = ("winograd", "winograd4")
"""In float32 these lose digits for no time gained (`winograd.py`)."""

NEVER = ("reference",)


@dataclass(frozen=True)
class Choice:
    """What `auto` takes for a call.

    Attributes:
        algorithm: The name in conv.ALGORITHMS.
        seconds: The predicted time of every algorithm that supports the call.
        reason: Why, in words.
        bound: How far the result may be from the truth.
        input: With gradients, what computes that of x.
        kernel: With gradients, what computes that of the kernel.
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

    Args:
        x: What correlate1d, 2d or 3d would be given, or its shape as a tuple of whole numbers.
        kernel: The same.
        axes: 1, 2 or 3: which of them.
        stride: As in `correlate2d`, like the next four.
        padding: How much is laid around x.
        dilation: How far apart the taps of the kernel lie.
        groups: In how many groups the channels go.
        boundary: What stands in the padding.
        dtype: That of the numbers where it is not theirs; float32 for shapes alone.
        gradient: Whether a backward pass will follow.

    Returns:
        The algorithm, the predicted times, and the reason in words.

    Raises:
        UserError: As the call would.

    >>> print(choose((64, 64), (3, 3), dtype=torch.bfloat16))
    torch: no other computes in bfloat16
    >>> choose((1024, 1024), (101, 101)).algorithm in ("fft", "overlap_save")
    True
    """
    if axes not in (1, 2, 3):
        raise UserError(f"axes={axes!r}: 1, 2 or 3 is needed, as in correlate1d, correlate2d, correlate3d.")
    signal, weights = _stand_ins(x, kernel)
    computed = signal.dtype if dtype is None else _computed(dtype)
    numbers = stride, padding, dilation, settled(groups, "groups")
    asked = Asked(signal.shape, weights.shape, computed, signal.device.type, axes, *numbers, boundary)
    problem, _, _ = pose(asked)
    times = predictions(problem)
    if not times:
        reason = _reason_without_times(problem)
        return Choice("torch", {}, reason, error_bound("torch"), *(("torch", "torch") if gradient else ()))
    parts = parts_for(problem) if gradient else None
    best = fastest(times) if parts is None else parts.forward
    reason = _reason(problem, times, best)
    gradients = () if parts is None else (parts.input, parts.kernel)
    return Choice(best, times, reason, error_bound(best), *gradients)


def automatic(problem: Problem, gradient: bool) -> Algorithm:
    """The algorithm for `problem`; gradient: whether a backward pass may follow.

    >>> automatic(Problem(1, 64, 64, (64, 64), (1, 1), dtype=torch.bfloat16), gradient=False).name
    'torch'
    """
    if gradient:
        parts = parts_for(problem)
        return TORCH if set(parts.names) == {"torch"} else with_gradient(parts)
    return contained(fastest(predictions(problem)))


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


def fastest(times: dict[str, float], default: str = "torch", margin: float = MARGIN) -> str:
    """The name of the shortest time, if it beats PyTorch's by `margin`; PyTorch without times.

    >>> fastest({"torch": 1.0, "fft": 0.5}), fastest({"torch": 1.0, "fft": 0.99}), fastest({})
    ('fft', 'torch', 'torch')
    """
    best = min(times, key=times.__getitem__, default=default)
    return best if times.get(best, 0.0) * margin < times.get(default, 0.0) else default


def parts_for(problem: Problem) -> Parts:
    """What computes the result and each of the gradients."""
    if not priced(problem) or not problem.batch or not all(problem.size):
        return Parts("torch", "torch", "torch")
    back, _ = transposed_problem(problem)
    own = predictions(back) if all(n >= r for n, r in zip(back.padded, back.reach, strict=True)) else {}
    to_x = {name: time for name, time in own.items() if name not in ("torch", "channels_last")}
    to_w = kernel_gradients(problem)
    for name in ("torch", "channels_last"):
        if name == "channels_last" and CHANNELS_LAST.unsupported(problem) is not None:
            continue
        last = name == "channels_last"
        to_x[name] = seconds(native_work(problem, "input", last), problem)
        to_w[name] = seconds(native_work(problem, "kernel", last), problem)
    forward = predictions(problem)
    found = Parts(
        fastest(forward),
        fastest(to_x, margin=BACKWARD_MARGIN),
        fastest(to_w, margin=BACKWARD_MARGIN),
    )
    native = forward["torch"] + to_x["torch"] + to_w["torch"]
    apart = forward[found.forward] + to_x[found.input] + to_w[found.kernel] + APART
    return found if apart * MARGIN < native else Parts("torch", "torch", "torch")


def error_bound(name: str) -> str:
    """How far an algorithm's result may be from the truth, as a formula.

    >>> error_bound("torch")
    'gamma_n * (|x| correlated with |kernel|), element by element, n products per output'
    """
    if name in ("fft", "overlap_add", "overlap_save"):
        met = ", for each tile that meets in an output" if name == "overlap_add" else ""
        return f"8 * eps * max(1, log2(n)) * ||x||_2 * ||kernel||_2, n points in a transform{met}"
    if name.startswith("winograd"):
        return "winograd.error_bound: gamma_K times the transforms of |x| and |kernel|"
    return "gamma_n * (|x| correlated with |kernel|), element by element, n products per output"


def _reason_without_times(problem: Problem) -> str:
    if exact_types(problem) is not None:
        return f"no other computes in {str(problem.dtype).removeprefix('torch.')}"
    if priced(problem):
        return "there is nothing to compute"
    device = problem.device
    unknown = f"no costs are known for {element_type(problem.dtype)} on {device}"
    return f"{unknown}; conv.fit_costs('{device}') measures them" if device in ("cpu", "cuda") else unknown


def _reason(problem: Problem, times: dict[str, float], best: str) -> str:
    order = sorted(times, key=times.__getitem__)
    spelled = ", ".join(f"{name} {_spell_time(times[name])}" for name in order[:4])
    kept = " (the gain of the first is within the model's error)" if best != order[0] else ""
    return f"predicted for {spell(problem.size)} with {spell(problem.kernel)}: {spelled}{kept}"


def _spell_time(time: float) -> str:
    if time < 1e-3:
        return f"{time * 1e6:.0f} us"
    return f"{time * 1e3:.3g} ms" if time < 1 else f"{time:.3g} s"


def _stand_ins(x: Any, kernel: Any) -> tuple[Tensor, Tensor]:
    """Tensors as the call would compute with; a shape takes no memory, and its dtype from the other."""
    if _is_shape(x):
        like = torch.empty((), dtype=torch.float32) if _is_shape(kernel) else tensor_of(kernel, "the kernel")
        x = _of_shape(x, like)
    if _is_shape(kernel):
        kernel = _of_shape(kernel, tensor_of(x, "x"))
    signal, weights, _ = take(x, kernel)
    return signal, weights


def _is_shape(given: Any) -> bool:
    return isinstance(given, tuple) and bool(given) and all(isinstance(entry, Integral) for entry in given)


def _of_shape(shape: tuple[int, ...], like: Tensor) -> Tensor:
    if min(shape) < 0:
        raise UserError(f"{shape} is no shape: sizes are at least 0.")
    return like.new_empty(()).expand([int(n) for n in shape])


def _computed(dtype: torch.dtype) -> torch.dtype:
    if not isinstance(dtype, torch.dtype):
        raise UserError(f"dtype={dtype!r}: one of PyTorch's is needed, such as torch.float64.")
    return dtype if dtype.is_floating_point or dtype.is_complex else torch.float64
