"""Convolution through transforms: the same in every cut, number of portions and kind of product."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch
from conv.bounds import fourier_bound, sum_bound
from conv.problems import Case, by_torch, call, case_of, cases, wide
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.conv.algorithms import spectral, tiling
from fieldmark.conv.algorithms.spectral import (
    correlate_at_once,
    correlate_tiles,
    inverse,
    kernel_gradient,
    padded_spectrum,
)
from fieldmark.conv.algorithms.tiling import Tiling, candidates, in_one_go, whole
from fieldmark.conv.problem import Problem, transposed

quick = settings(deadline=None, max_examples=60)
PRECISE = (torch.float64, torch.complex128)
SEVERAL = {
    "plane": Problem(3, 4, 6, (9, 13), (3, 4), (1, 2), ((2, 1), (0, 7)), (2, 1), 2),
    "strided far apart": Problem(2, 2, 2, (17, 8), (2, 3), (5, 4), ((0, 3), (1, 1)), (3, 1)),
    "signal": Problem(2, 6, 6, (61,), (4,), (3,), ((9, 2),), (2,), 3),
    "volume": Problem(2, 2, 2, (4, 5, 6), (2, 3, 2), (1, 1, 2), ((1, 0), (1, 1), (4, 4)), (1, 1, 2)),
}


@contextmanager
def forced(chunk: int = 2**19, few: int = 16, at_once: int = 0) -> Iterator[None]:
    """Portions of about `chunk` numbers, matrix products above `few` pairs of channels, nothing at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiling, "CHUNK", chunk)
        patch.setattr(spectral, "CHUNK", chunk)
        patch.setattr(tiling, "FEW", few)
        patch.setattr(tiling, "AT_ONCE", at_once)
        in_one_go.cache_clear()
        yield
    in_one_go.cache_clear()


def cuts(problem: Problem) -> list[Tiling]:
    return [whole(problem), *candidates(problem)]


def assert_true(y: torch.Tensor, case: Case) -> None:
    true = by_torch(case)
    assert y.shape == true.shape
    assert y.dtype == case.problem.dtype
    allowed = torch.from_numpy(2 * fourier_bound(case) + sum_bound(case))
    assert ((y - true).abs() <= allowed).all()


def torchs(case: Case, slope: torch.Tensor) -> tuple[torch.Tensor, ...]:
    leaves = [wide(values).detach().requires_grad_() for values in (case.x, case.w)]
    return torch.autograd.grad(by_torch(case, *leaves), leaves, slope)


def slope_of(case: Case) -> torch.Tensor:
    shape = case.problem.batch, case.problem.out_channels, *case.problem.output
    return torch.randn(shape, dtype=case.problem.dtype, generator=torch.Generator().manual_seed(5))


@quick
@given(cases(PRECISE), st.data())
def test_every_cut_gives_torchs_result_in_portions_of_any_size(case, data):
    case = replace(case, bias=None)
    if not case.problem.batch:
        return
    cut = data.draw(st.sampled_from(cuts(case.problem)))
    with forced(data.draw(st.sampled_from((1, 300, 2**19))), data.draw(st.sampled_from((0, 16)))):
        assert_true(correlate_tiles(case.x, case.w, case.problem, cut), case)


@quick
@given(cases(PRECISE), st.data())
def test_every_cut_gives_torchs_gradients_in_portions_of_any_size(case, data):
    problem, slope = case.problem, slope_of(case)
    case = replace(case, bias=None)
    if not problem.batch:
        return
    of_x, of_w = torchs(case, slope)
    spread, turned, back = transposed(slope, case.w, problem)
    there = data.draw(st.sampled_from(cuts(problem)))
    here = data.draw(st.sampled_from(cuts(back)))
    with forced(data.draw(st.sampled_from((1, 300, 2**19))), data.draw(st.sampled_from((0, 16)))):
        to_w = kernel_gradient(case.x, slope, problem, there)
        to_x = correlate_tiles(spread, turned, back, here)
    size = float(slope.norm()) * 1e-14
    assert (to_w.shape, to_w.dtype) == (case.w.shape, problem.dtype)
    assert (to_x.shape, to_x.dtype) == (case.x.shape, problem.dtype)
    torch.testing.assert_close(to_w, of_w, rtol=0, atol=10 * size * (1 + float(case.x.norm())))
    torch.testing.assert_close(to_x, of_x, rtol=0, atol=10 * size * (1 + float(case.w.norm())))


@pytest.mark.parametrize("name", SEVERAL)
@pytest.mark.parametrize("dtype", PRECISE)
@pytest.mark.parametrize("few", [0, 16])
def test_many_portions_groups_and_a_last_tile_that_is_not_full(name, dtype, few):
    case = case_of(replace(SEVERAL[name], dtype=dtype))
    problem, slope = case.problem, slope_of(case)
    of_w = torchs(case, slope)[1]
    tried = 0
    for cut in cuts(problem)[:: 1 if problem.axes < 3 else 5]:
        with forced(200, few):
            groups = list(tiling.chunks(problem, cut))
            partial = any(t * s > n for t, s, n in zip(cut.tiles, cut.step, problem.unstrided, strict=True))
            tried += partial and sum(len(pieces) for _, pieces in groups) > problem.groups
            assert_true(correlate_tiles(case.x, case.w, problem, cut), case)
            to_w = kernel_gradient(case.x, slope, problem, cut)
            torch.testing.assert_close(to_w, of_w, rtol=0, atol=1e-12)
    assert tried


@pytest.mark.parametrize("dtype", PRECISE)
@pytest.mark.parametrize(("stride", "dilation"), [(1, 2), (3, 1)])
@pytest.mark.parametrize("padding", [((0, 0), (0, 0)), ((1, 2), (2, 0)), ((0, 11), (12, 13))])
@pytest.mark.parametrize("tiny", [0, 2**13])
def test_at_once_is_torchs_and_the_tiled_way(dtype, stride, dilation, padding, tiny, monkeypatch):
    monkeypatch.setattr(spectral, "TINY", tiny)
    problem = Problem(2, 3, 3, (6, 7), (3, 2), (stride, 2), padding, (dilation, 1), groups=3, dtype=dtype)
    case = case_of(problem)
    assert in_one_go(problem, whole(problem))
    for cut in cuts(problem):
        if cut.tiles == (1, 1):
            assert_true(correlate_at_once(case.x, case.w, problem, cut), case)
    chosen = correlate_tiles(case.x, case.w, problem, whole(problem))
    assert torch.equal(chosen, correlate_at_once(case.x, case.w, problem, whole(problem)))
    with forced():
        assert_true(correlate_tiles(case.x, case.w, problem, whole(problem)), case)


@pytest.mark.parametrize("name", SEVERAL)
def test_what_goes_in_stays_as_it_was(name):
    for few in (0, 16):
        case = case_of(replace(SEVERAL[name], dtype=torch.complex128))
        x, w, slope = case.x.clone(), case.w.clone(), slope_of(case)
        before = slope.clone()
        with forced(500, few):
            correlate_tiles(x, w, case.problem, cuts(case.problem)[-1])
            kernel_gradient(x, slope, case.problem, cuts(case.problem)[-1])
        assert torch.equal(x, case.x)
        assert torch.equal(w, case.w)
        assert torch.equal(slope, before)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize(("short", "length"), [((5,), (12,)), ((3, 4), (8, 6)), ((2, 3, 5), (4, 6, 10))])
def test_padded_and_partial_transforms_are_numpys(dtype, short, length):
    x = torch.randn(2, 3, *short, dtype=dtype, generator=torch.Generator().manual_seed(0))
    axes = tuple(range(2, x.ndim))
    there, back = (np.fft.fftn, np.fft.ifftn) if dtype.is_complex else (np.fft.rfftn, np.fft.irfftn)
    found = padded_spectrum(x, length)
    true = there(x.numpy(), s=length, axes=axes)
    np.testing.assert_allclose(found, true.reshape(2, 3, -1), rtol=0, atol=1e-13)
    wanted = [slice(1, None, 2), slice(0, 3), slice(2, 9, 3)][: len(length)]
    part = inverse(found, length, wanted, dtype.is_complex)
    np.testing.assert_allclose(part, back(true, s=length, axes=axes)[(..., *wanted)], rtol=0, atol=1e-14)


@pytest.mark.parametrize("padding", [((0, 600), (3, 3)), ((700, 0), (0, 40)), ((0, 0), (0, 900))])
@pytest.mark.parametrize("algorithm", ["fft", "overlap_save", "overlap_add"])
def test_tiles_that_hold_nothing_but_padding(algorithm, padding):
    problem = Problem(1, 1, 1, (10, 500), (3, 5), padding=padding, dtype=torch.float64)
    case = case_of(problem)
    leaves = case.x.clone().requires_grad_(), case.w.clone().requires_grad_()
    y = call(case, algorithm, *leaves)
    assert_true(y.detach(), case)
    slope = slope_of(case)
    found = torch.autograd.grad(y, leaves, slope)
    for ours, true in zip(found, torchs(case, slope), strict=True):
        torch.testing.assert_close(ours, true, rtol=0, atol=1e-9)
