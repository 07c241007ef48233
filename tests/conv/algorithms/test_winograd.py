"""Winograd's convolution against torch.nn.functional, exact fractions, its error bound and its adjoint."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from fieldmark import conv
from fieldmark.conv.algorithms import winograd
from fieldmark.conv.algorithms.winograd import WINOGRAD, WINOGRAD4, error_bound
from fieldmark.conv.problem import EXACT_TYPES, Problem
from fieldmark.errors import UserError

TILES = {2: WINOGRAD, 4: WINOGRAD4}
PLAIN = Problem(2, 3, 4, (7, 6), (3, 3), padding=((1, 1), (1, 1)), dtype=torch.float64)
CHUNKS = st.sampled_from((0, 3000, 6 << 20))  # bytes: a row of tiles at a time, a few rows or pictures, all
every_tile = pytest.mark.parametrize("tile", TILES)


@st.composite
def problems(draw: st.DrawFn, dtypes: tuple[torch.dtype, ...] = EXACT_TYPES) -> Problem:
    axes, groups = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    padding = tuple((draw(st.integers(0, 4)), draw(st.integers(0, 4))) for _ in range(axes))
    least = (max(3 - before - after, 1) for before, after in padding)
    return Problem(
        batch=draw(st.integers(0, 3)),
        in_channels=groups * draw(st.integers(1, 3)),
        out_channels=groups * draw(st.integers(1, 3)),
        size=tuple(n + draw(st.integers(0, {1: 20, 2: 9, 3: 3}[axes])) for n in least),
        kernel=(3,) * axes,
        stride=(1,) * axes,
        padding=padding,
        dilation=(1,) * axes,
        groups=groups,
        dtype=draw(st.sampled_from(dtypes)),
    )


def numbers(problem: Problem, seed: int = 0, spread: int = 0) -> tuple[Tensor, Tensor]:
    """x and w; spread: how many powers of two they differ by in size, up and down."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        powers = torch.randint(-spread, spread + 1, shape, generator=generator)
        return torch.randn(shape, dtype=problem.dtype, generator=generator) * 2.0**powers

    x = draw(problem.batch, problem.in_channels, *problem.size)
    return x, draw(problem.out_channels, problem.in_channels // problem.groups, *problem.kernel)


def by_torch(x: Tensor, w: Tensor, problem: Problem) -> Tensor:
    padded = F.pad(x, [pad for pair in reversed(problem.padding) for pad in pair])
    return (F.conv1d, F.conv2d, F.conv3d)[problem.axes - 1](padded, w, groups=problem.groups)


def wide(values: Tensor) -> Tensor:
    return values.to(torch.complex128 if values.is_complex() else torch.float64)


class Calls(TorchDispatchMode):
    """Counts what PyTorch is asked to compute; views compute nothing."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        self.count += not function.is_view
        return function(*args, **(kwargs or {}))


@every_tile
@settings(deadline=None, max_examples=40)
@given(problem=problems(), seed=st.integers(0, 2**20), spread=st.sampled_from((0, 9)), chunk=CHUNKS)
@example(Problem(2, 1, 1, (1,), (3,), (1,), ((1, 1),), (1,)), 0, 0, 0)
def test_it_is_the_correlation_within_its_bound(
    tile: int, problem: Problem, seed: int, spread: int, chunk: int
) -> None:
    x, w = numbers(problem, seed, spread)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(winograd._CHUNK_BYTES, "cpu", chunk)  # several chunks, cut in both ways
        y = TILES[tile].correlate(x, w, problem)
        bound = error_bound(x, w, problem, tile)
    expected = by_torch(wide(x), wide(w), problem)
    # The oracle rounds too: 27 * C_in/groups products at most, complex ones in three real products each.
    oracle = 200 * torch.finfo(torch.float64).eps * by_torch(x.abs().double(), w.abs().double(), problem)
    assert y.dtype == problem.dtype
    assert y.shape == expected.shape == bound.shape
    assert ((wide(y) - expected).abs() <= bound + oracle).all()


@every_tile
@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**20), spread=st.sampled_from((0, 9)), both=st.booleans())
def test_float64_is_within_its_bound_of_the_exact_result(
    tile: int, seed: int, spread: int, both: bool
) -> None:
    axes, size = (2, (4, 5)) if both else (1, (9,))
    problem = Problem(
        1, 2, 1, size, (3,) * axes, (1,) * axes, ((1, 0),) * axes, (1,) * axes, dtype=torch.float64
    )
    x, w = numbers(problem, seed, spread)
    y, bound = TILES[tile].correlate(x, w, problem), error_bound(x, w, problem, tile)
    padded = F.pad(x, (1, 0) * axes)
    for place in product(*map(range, problem.output)):
        window = padded[(0, slice(None), *(slice(i, i + 3) for i in place))]
        pairs = zip(window.flatten().tolist(), w.flatten().tolist(), strict=True)
        exact = sum(Fraction(a) * Fraction(b) for a, b in pairs)
        assert abs(Fraction(float(y[(0, 0, *place)])) - exact) <= Fraction(float(bound[(0, 0, *place)]))


@every_tile
@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_the_bound_is_not_absurdly_loose(tile: int, dtype: torch.dtype, axes: int) -> None:
    problem = replace(PLAIN, size=(10,) * axes, kernel=(3,) * axes, stride=(1,) * axes, dtype=dtype)
    problem = replace(problem, in_channels=16, padding=((1, 1),) * axes, dilation=(1,) * axes)
    x, w = numbers(problem)
    error = (wide(TILES[tile].correlate(x, w, problem)) - by_torch(wide(x), wide(w), problem)).abs()
    bound = error_bound(x, w, problem, tile)
    assert (error <= bound).all()
    # A worst case is reached on no axis of random numbers, let alone on all.
    assert bound.max() <= {1: 500, 2: 4000, 3: 20000}[axes] * error.max()


@every_tile
def test_the_bound_counts_roundings(tile: int) -> None:
    signal = Problem(1, 8, 1, (6,), (3,), (1,), ((0, 0),), (1,), dtype=torch.float64)
    x, w = torch.zeros(1, 8, 6).double(), torch.zeros(1, 8, 3).double()
    x[0, 0, 1], w[0, 0, 0] = 3, 5
    # By hand: output 1 of the first tile is sum over k of |A^T[1, k]| |G[k, 0]| |B^T[k, 1]| * 15.
    amplified = {2: 1 / 2 + 1 / 2, 4: 4 / 6 + 4 / 6 + 2 * 2 / 24 + 2 * 2 / 24}[tile]
    roundings = {2: 8 + 5 + 2 + 3 + 2, 4: 8 + 5 + 4 + 5 + 2}[tile]
    expected = roundings * torch.finfo(torch.float64).eps / 2 * 15 * amplified
    assert error_bound(x, w, signal, tile)[0, 0, 1].item() == pytest.approx(expected, rel=1e-12, abs=0)


@every_tile
@settings(deadline=None, max_examples=20)
@given(
    problem=problems((torch.float64, torch.complex128)),
    seed=st.integers(0, 2**20),
    chunk=CHUNKS,
)
def test_gradients_are_those_of_torch(tile: int, problem: Problem, seed: int, chunk: int) -> None:
    x, w = (values.requires_grad_() for values in numbers(problem, seed))
    expected = by_torch(x, w, problem)
    slope = torch.randn(expected.shape, dtype=x.dtype, generator=torch.Generator().manual_seed(seed))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(winograd._CHUNK_BYTES, "cpu", chunk)
        found = torch.autograd.grad(TILES[tile].correlate(x, w, problem), (x, w), slope)
    for gradient, correct in zip(found, torch.autograd.grad(expected, (x, w), slope), strict=True):
        torch.testing.assert_close(gradient, correct, rtol=1e-9, atol=1e-9)


@every_tile
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize("axes", [1, 2])
def test_gradcheck_once_and_twice(tile: int, dtype: torch.dtype, axes: int) -> None:
    problem = Problem(
        1, 2, 2, (4, 2)[:axes], (3,) * axes, (1,) * axes, ((3, 0), (1, 1))[:axes], (1,) * axes, 2
    )
    problem = replace(problem, dtype=dtype)
    x, w = (values.requires_grad_() for values in numbers(problem))

    def run(x: Tensor, w: Tensor) -> Tensor:
        return TILES[tile].correlate(x, w, problem)

    assert torch.autograd.gradcheck(run, (x, w), fast_mode=axes > 1)
    assert torch.autograd.gradgradcheck(run, (x, w), fast_mode=axes > 1)


@every_tile
@settings(deadline=None, max_examples=20)
@given(problem=problems((torch.float64,)), seed=st.integers(0, 2**20))
def test_its_gradients_are_its_adjoints(tile: int, problem: Problem, seed: int) -> None:
    x, w = (values.requires_grad_() for values in numbers(problem, seed))
    y = TILES[tile].correlate(x, w, problem)
    slope = torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(seed))
    to_x, to_w = torch.autograd.grad(y, (x, w), slope)
    size = (by_torch(x.abs(), w.abs(), problem) * slope.abs()).sum()
    for other in ((x * to_x).sum(), (w * to_w).sum()):
        assert abs((y * slope).sum() - other) <= 1e-12 * size


@pytest.mark.parametrize("wanted", [0, 1])
def test_only_the_gradient_asked_for_is_computed(wanted: int) -> None:
    pair = numbers(PLAIN)
    pair[wanted].requires_grad_()
    with Calls() as calls:
        y = WINOGRAD.correlate(*pair, PLAIN)
        forward = calls.count
        y.sum().backward()
    assert pair[wanted].grad is not None
    assert pair[1 - wanted].grad is None
    assert calls.count < 2.5 * forward


def test_an_input_of_nothing_but_padding_has_an_empty_gradient() -> None:
    problem = Problem(2, 1, 1, (0,), (3,), (1,), ((2, 3),), (1,))
    x, w = torch.empty(2, 1, 0, requires_grad=True), torch.ones(1, 1, 3, requires_grad=True)
    y = WINOGRAD4.correlate(x, w, problem)
    y.sum().backward()
    assert torch.equal(y, torch.zeros(2, 1, 3))
    assert x.grad is not None
    assert x.grad.shape == (2, 1, 0)
    assert torch.equal(w.grad, torch.zeros(1, 1, 3))


@every_tile
def test_the_memory_format_of_the_input_is_kept(tile: int) -> None:
    x, w = numbers(PLAIN)
    plain = TILES[tile].correlate(x, w, PLAIN)
    last = TILES[tile].correlate(x.contiguous(memory_format=torch.channels_last), w, PLAIN)
    assert plain.is_contiguous()
    assert last.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(plain, last)


@every_tile
def test_autocast_leaves_the_type_as_it_is(tile: int) -> None:
    problem = replace(PLAIN, dtype=torch.float32)
    x, w = (values.requires_grad_() for values in numbers(problem))
    expected = torch.autograd.grad(TILES[tile].correlate(x, w, problem).sum(), (x, w))
    with torch.autocast("cpu", torch.bfloat16):
        found = torch.autograd.grad(TILES[tile].correlate(x, w, problem).sum(), (x, w))
    for gradient, correct in zip(found, expected, strict=True):
        assert torch.equal(gradient, correct)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kernel": (5, 5)}, "3 taps on every axis, this one is 5x5"),
        ({"kernel": (3, 1)}, "3 taps on every axis, this one is 3x1"),
        ({"stride": (1, 2)}, "the stride is 1x2"),
        ({"dilation": (2, 2)}, "the dilation is 2x2"),
        ({"dtype": torch.bfloat16}, "not bfloat16"),
    ],
)
@every_tile
def test_what_it_does_not_support_is_named(tile: int, change: dict[str, object], reason: str) -> None:
    problem = replace(PLAIN, **change)  # type: ignore[arg-type]
    assert TILES[tile].unsupported(PLAIN) is None
    assert reason in str(TILES[tile].unsupported(problem))
    with pytest.raises(UserError, match=reason):
        error_bound(torch.zeros(1), torch.zeros(1), problem, tile)


def test_asked_for_by_name_it_raises_where_it_cannot() -> None:
    with pytest.raises(UserError, match=r"algorithm='winograd4'.*3 taps on every axis, this one is 5x5"):
        conv.correlate2d(torch.ones(8, 8), torch.ones(5, 5), algorithm="winograd4")


def test_a_bound_of_another_tile_is_refused() -> None:
    with pytest.raises(UserError, match="tile is 2 or 4, not 6"):
        error_bound(*numbers(PLAIN), PLAIN, 6)


@every_tile
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_the_savings_are_those_of_the_paper(tile: int, axes: int) -> None:
    problem = Problem(
        2, 6, 9, (18,) * axes, (3,) * axes, (1,) * axes, ((0, 0),) * axes, (1,) * axes, 3, torch.float64
    )
    saved = (3 * tile / (tile + 2)) ** axes  # 2.25 and 4 in two dimensions
    assert problem.multiplications / TILES[tile].work(problem)["winograd_multiply"] == pytest.approx(saved)


@every_tile
@pytest.mark.parametrize("chunk", [0, 6 << 20])
def test_work_knows_about_how_often_it_calls(tile: int, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(winograd._CHUNK_BYTES, "cpu", chunk)
    problem = replace(PLAIN, batch=3, size=(20, 20))
    x, w = numbers(problem)
    with Calls() as calls:
        TILES[tile].correlate(x, w, problem)
    work = TILES[tile].work(problem)
    assert work["calls"] == pytest.approx(calls.count, rel=0.35)
    assert work["gemms"] % (tile + 2) ** 2 == 0
    assert work["winograd_bytes"] > 8 * (x.numel() + math.prod(problem.output))
