"""Problems for every convolution algorithm, and their true answers.

The numbers of a case are whole multiples of 2**-60: Python's integers hold their sums of products exactly.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from hypothesis import strategies as st
from torch import Tensor

from fieldmark import conv
from fieldmark.conv.problem import EXACT_TYPES, Algorithm, Problem
from fieldmark.families import resolve

BITS = 60
EVERY_ALGORITHM = [*conv.ALGORITHMS, "auto"]
TORCH_CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


@dataclass(frozen=True)
class Case:
    """A problem with its x (N, C_in, *size), w (C_out, C_in/groups, *kernel) and bias (C_out) or None."""

    problem: Problem
    x: Tensor
    w: Tensor
    bias: Tensor | None = None


def case_of(problem: Problem, seed: int = 0, spread: int = 0, bias: bool = False) -> Case:
    """`problem` with random numbers; spread: how many powers of two they differ by in size, up and down."""
    generator = torch.Generator().manual_seed(seed)
    x = numbers((problem.batch, problem.in_channels, *problem.size), problem.dtype, generator, spread)
    w_shape = (problem.out_channels, problem.in_channels // problem.groups, *problem.kernel)
    w = numbers(w_shape, problem.dtype, generator, spread)
    b = numbers((problem.out_channels,), problem.dtype, generator, spread) if bias else None
    return Case(problem, x, w, b)


def numbers(
    shape: tuple[int, ...], dtype: torch.dtype, generator: torch.Generator, spread: int = 0
) -> Tensor:
    """Normally distributed numbers times powers of two, rounded to multiples of 2**-BITS."""
    if dtype.is_complex:
        part = torch.float32 if dtype == torch.complex64 else torch.float64
        return torch.complex(*(numbers(shape, part, generator, spread) for _ in range(2)))
    powers = torch.randint(-spread, spread + 1, shape, generator=generator).double()
    values = torch.randn(shape, dtype=torch.float64, generator=generator) * 2.0**powers
    return (values.to(dtype).double() * 2.0**BITS).round().div(2.0**BITS).to(dtype)


NAMED = {
    "3x3": Problem(1, 2, 2, (4, 5), (3, 3), padding=((1, 1), (1, 1))),
    "strided, dilated signal": Problem(2, 2, 2, (9,), (3,), (2,), ((2, 1),), (2,)),
    "groups, uneven sides": Problem(1, 4, 2, (4, 5), (2, 3), (1, 2), ((0, 1), (2, 0)), (2, 1), 2),
    "kernel larger than the input": Problem(1, 1, 2, (2, 3), (4, 5), padding=((2, 1), (2, 2))),
    "volume": Problem(1, 1, 2, (3, 3, 4), (2, 2, 3), (1, 1, 1), ((1, 0), (0, 0), (1, 1)), (1, 1, 1)),
    "every other is never seen": Problem(1, 1, 1, (6, 7), (1, 1), (2, 3)),
}


BEYOND = (
    Problem(1, 1, 1, (1,), (1,), (3,), ((0, 0),), (1,)),
    Problem(1, 1, 1, (15,), (6,), (1,), ((1, 2),), (2,)),
    Problem(2, 1, 1, (2, 3), (3, 3), padding=((9, 0), (0, 11))),
)
"""A stride beyond the picture, a kernel that reaches over most of it, a padding much larger than it."""

LARGER = {
    "3x3": Problem(2, 1, 1, (59, 38), (3, 3)),
    "long": Problem(2, 1, 1, (3001,), (127,), (1,), ((126, 126),), (1,)),
    "wide": Problem(1, 1, 1, (67, 101), (17, 9), padding=((8, 8), (4, 4))),
    "deep": Problem(1, 1, 1, (12, 17, 13), (3, 5, 7), (1,) * 3, ((1, 1), (2, 2), (3, 3)), (1,) * 3),
}
"""Of several blocks or tiles, without channels, so that SciPy can compute them."""


def taken(
    algorithm: str, dtype: torch.dtype = torch.float64, among: dict[str, Problem] = NAMED
) -> list[Case]:
    """The named problems that the algorithm takes; the 3x3 is among them for every one."""
    problems = [replace(problem, dtype=dtype) for problem in among.values()]
    fitting = [
        case_of(problem, seed) for seed, problem in enumerate(problems) if refusal(algorithm, problem) is None
    ]
    assert fitting
    return fitting


@st.composite
def cases(
    draw: st.DrawFn, dtypes: tuple[torch.dtype, ...] = EXACT_TYPES, most_axes: int = 3, most_batch: int = 2
) -> Case:
    """Anything goes; half of the cases are a plain 3x3, which the algorithms with conditions take too."""
    plain = draw(st.booleans())
    axes = 2 if plain else draw(st.integers(1, most_axes))
    many = st.integers(1, {1: 7, 2: 4, 3: 3}[axes])
    few = st.integers(1, 3)
    kernel = (3, 3) if plain else tuple(draw(many) for _ in range(axes))
    stride = (1, 1) if plain else tuple(draw(few) for _ in range(axes))
    dilation = (1, 1) if plain else tuple(draw(few) for _ in range(axes))
    # ^ reach up to 7 with padding up to 4 on a side: kernels larger than the input occur
    padding = tuple((draw(st.integers(0, 4)), draw(st.integers(0, 4))) for _ in range(axes))
    reach = [d * (m - 1) + 1 for m, d in zip(kernel, dilation, strict=True)]
    extra = st.integers(0, {1: 20, 2: 6, 3: 2}[axes])
    size = tuple(max(1, r - a - b) + draw(extra) for r, (a, b) in zip(reach, padding, strict=True))
    groups = draw(few)
    problem = Problem(
        batch=draw(st.integers(0, most_batch)),
        in_channels=groups * draw(st.integers(1, 2)),
        out_channels=groups * draw(st.integers(1, 2)),
        size=size,
        kernel=kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        dtype=draw(st.sampled_from(dtypes)),
    )
    return case_of(problem, draw(st.integers(0, 2**20)), draw(st.sampled_from((0, 8))), draw(st.booleans()))


def call(case: Case, algorithm: str, x: Any = None, w: Any = None, **changes: Any) -> Any:
    """The case through the public door; x, w, changes: other arguments than the case's own."""
    problem = case.problem
    settings = {
        "stride": problem.stride,
        "padding": problem.padding,
        "dilation": problem.dilation,
        "groups": problem.groups,
        "bias": case.bias,
        **changes,
    }
    function = getattr(conv, f"correlate{problem.axes}d")
    return function(case.x if x is None else x, case.w if w is None else w, algorithm=algorithm, **settings)


def refusal(algorithm: str, problem: Problem) -> str | None:
    """Why the algorithm does not take the problem, or None; `auto` takes them all."""
    if algorithm == "auto":
        return None
    member: Algorithm = resolve(conv.ALGORITHMS, algorithm, "convolution algorithm")
    return member.unsupported(problem)


def wide(values: Tensor) -> Tensor:
    """In float64, or complex128."""
    return values.to(torch.complex128 if values.is_complex() else torch.float64)


def by_torch(case: Case, x: Tensor | None = None, w: Tensor | None = None) -> Tensor:
    """The outside oracle: torch.nn.functional in float64 or complex128."""
    problem = case.problem
    x, w = wide(case.x if x is None else x), wide(case.w if w is None else w)
    padded = F.pad(x, [pad for pair in reversed(problem.padding) for pad in pair])
    bias = None if case.bias is None else wide(case.bias)
    function = TORCH_CONV[problem.axes]
    return function(padded, w, bias, problem.stride, 0, problem.dilation, problem.groups)


def exact(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """The definition in whole numbers: real and imaginary part of the true result, times 2**(2*BITS)."""
    (x, xi), (w, wi) = _whole(case.x), _whole(case.w)
    real = _slide(x, w, case.problem)
    imaginary = np.zeros(real.shape, object)
    if case.problem.dtype.is_complex:
        real = real - _slide(xi, wi, case.problem)
        imaginary = _slide(x, wi, case.problem) + _slide(xi, w, case.problem)
    if case.bias is not None:
        b, bi = (part.reshape(-1, *[1] * case.problem.axes) << BITS for part in _whole(case.bias))
        real, imaginary = real + b, imaginary + bi
    return real, imaginary


def _slide(x: np.ndarray, w: np.ndarray, problem: Problem) -> np.ndarray:
    n, groups, channels = problem.batch, problem.groups, problem.in_channels
    padded = np.zeros((n, channels, *problem.padded), object)
    inside = [slice(a, a + size) for size, (a, _) in zip(problem.size, problem.padding, strict=True)]
    padded[(..., *inside)] = x
    output = [
        (size - r) // s + 1 for size, r, s in zip(problem.padded, problem.reach, problem.stride, strict=True)
    ]
    y = np.zeros((groups, problem.out_channels // groups, n, *output), object)
    for tap in itertools.product(*map(range, problem.kernel)):
        starts = [k * d for k, d in zip(tap, problem.dilation, strict=True)]
        seen = [
            slice(k, k + (o - 1) * s + 1, s) for k, o, s in zip(starts, output, problem.stride, strict=True)
        ]
        window = padded[(..., *seen)].reshape(n, groups, channels // groups, *output)
        taps = w[(..., *tap)].reshape(groups, problem.out_channels // groups, channels // groups)
        for group in range(groups):
            y[group] += np.tensordot(taps[group], window[:, group], axes=(1, 1))
    return np.moveaxis(y.reshape(problem.out_channels, n, *output), 1, 0)


def _whole(values: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Real and imaginary part times 2**BITS, as Python's integers."""
    return tuple(_scaled(part, BITS) for part in _parts(values))  # type: ignore[return-value]


def _parts(values: Tensor) -> tuple[np.ndarray, np.ndarray]:
    array = values.detach().resolve_conj().numpy().astype(np.complex128)
    return array.real, array.imag


def _scaled(part: np.ndarray, bits: int) -> np.ndarray:
    return np.vectorize(int, otypes=[object])(part * 2.0**bits)


def error(y: Tensor, case: Case) -> np.ndarray:
    """|y - true result|, element by element."""
    differences = [
        (_scaled(part, 2 * BITS) - truth).astype(np.float64) * 2.0 ** (-2 * BITS)
        for part, truth in zip(_parts(y), exact(case), strict=True)
    ]
    return np.hypot(*differences)
