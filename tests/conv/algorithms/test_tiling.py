"""Cuts into tiles cover every output once, whatever the sizes, and portions cover every tile once."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.fft import next_fast_len

from fieldmark.conv.algorithms import tiling
from fieldmark.conv.algorithms.tiling import (
    Tiling,
    candidates,
    chunks,
    fast_length,
    in_one_go,
    portions,
    uses_matrices,
    whole,
)
from fieldmark.conv.problem import Problem

quick = settings(deadline=None, max_examples=200)


@quick
@example(2**40 + 1)
@given(st.integers(0, 10**7))
def test_a_fast_length_is_the_shortest_even_one_that_scipy_finds_fast(least):
    assert fast_length(least) == 2 * next_fast_len(
        max(1, -(-least // 2)), real=True
    )  # real: no factor above 5


def signal(size: int, kernel: int, stride: int = 1, padding: tuple[int, int] = (0, 0)) -> Problem:
    return Problem(1, 1, 1, (size,), (kernel,), (stride,), (padding,), (1,))


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    axes = draw(st.integers(1, 3))
    most = {1: 5000, 2: 300, 3: 60}[axes]
    per_axis = lambda least, largest: tuple(draw(st.integers(least, largest)) for _ in range(axes))  # noqa: E731
    kernel, dilation = per_axis(1, 40), per_axis(1, 3)
    room = per_axis(0, most)
    groups = draw(st.integers(1, 4))
    return Problem(
        batch=draw(st.integers(1, 5)),
        in_channels=groups * draw(st.integers(1, 3)),
        out_channels=groups * draw(st.integers(1, 3)),
        size=tuple(d * (m - 1) + 1 + n for m, d, n in zip(kernel, dilation, room, strict=True)),
        kernel=kernel,
        stride=per_axis(1, 5),
        padding=tuple(zip(per_axis(0, 50), per_axis(0, 50), strict=True)),
        dilation=dilation,
        groups=groups,
    )


def check(cut: Tiling, problem: Problem) -> None:
    """No output is left out, no tile has none, and what wraps around a tile's transform is not wanted."""
    for tiles, step, length, outputs, reach, stride in zip(
        cut.tiles, cut.step, cut.length, problem.unstrided, problem.reach, problem.stride, strict=True
    ):
        assert tiles >= 1
        assert (tiles - 1) * step < outputs <= tiles * step
        assert tiles == 1 or step % stride == 0  # every tile begins with an output that is taken
        last = min(step, outputs) - 1  # a tile's last output, which sees `reach` numbers
        assert length >= last + reach
        assert length == fast_length(length)


@quick
@given(problems())
def test_every_candidate_covers_all_outputs(problem):
    found = list(candidates(problem))
    assert len(found) == len(set(found)) <= 33**problem.axes
    assert any(cut.tiles == (1,) * problem.axes for cut in found)
    for cut in found:
        check(cut, problem)


def test_the_list_of_candidates_ends_for_every_small_size_reach_and_stride():
    for size, kernel, stride in itertools.product(
        (*range(1, 20), 511, 512, 513), (1, 2, 3, 7, 19), (1, 2, 3, 40)
    ):
        if kernel <= size:
            for cut in candidates(signal(size, kernel, stride)):
                check(cut, signal(size, kernel, stride))


@pytest.mark.parametrize("size", [10**6, 10**9, 2**40 + 1])
@pytest.mark.parametrize("stride", [1, 1000, 10**6])
def test_huge_pictures_have_few_candidates_and_tiles_that_fit_the_cache(size, stride):
    found = list(candidates(signal(size, 3, stride)))
    assert 1 <= len(found) <= 33
    for cut in found:
        check(cut, signal(size, 3, stride))
        assert cut.tiles == (1,) or cut.length[0] <= max(tiling.LONGEST, 4 * 3)


@quick
@given(problems())
def test_whole_is_one_tile_on_whose_circle_only_zeros_are_met_twice(problem):
    cut = whole(problem)
    assert cut.tiles == (1,) * problem.axes
    assert cut.step == problem.unstrided
    for length, n, pads, reach in zip(cut.length, problem.size, problem.padding, problem.reach, strict=True):
        assert length >= max(n + max(pads), reach)


@quick
@given(problems(), st.data())
def test_portions_hold_every_group_picture_and_row_of_tiles_once_and_are_small(problem, data):
    cut = data.draw(st.sampled_from(list(candidates(problem))))
    size = data.draw(st.sampled_from((1, 1000, 10**5, 2**19)))
    width, height = problem.in_channels // problem.groups, problem.out_channels // problem.groups
    points = math.prod(cut.length)
    met: Counter[tuple[int, int, int]] = Counter()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiling, "CHUNK", size)
        for groups, pieces in chunks(problem, cut):
            for pictures, rows in pieces:
                portion = list(
                    itertools.product(
                        range(problem.groups)[groups],
                        range(problem.batch)[pictures],
                        range(cut.tiles[0])[rows],
                    )
                )
                assert (
                    0 <= rows.start < rows.stop <= cut.tiles[0]
                )  # `rows` is used as numbers, not as a slice
                numbers = len(portion) * (width + height) * points * math.prod(cut.tiles[1:])
                kernels = len(range(problem.groups)[groups]) * width * height * points
                assert len(portion) == 1 or numbers <= max(size, kernels)
                met.update(portion)
        assert portions(problem, cut) == sum(len(pieces) for _, pieces in chunks(problem, cut))
    assert set(met) == set(
        itertools.product(range(problem.groups), range(problem.batch), range(cut.tiles[0]))
    )
    assert set(met.values()) == {1}


def test_all_at_once_is_for_small_ones_of_one_tile_and_a_kernel_per_channel():
    small = Problem(2, 3, 3, (8, 8), (3, 3), groups=3)
    assert in_one_go(small, whole(small))
    assert not in_one_go(small, Tiling((2, 1), (3, 6), (6, 8)))
    for other in (
        Problem(1, 1, 2, (8, 8), (3, 3)),
        Problem(1, 2, 1, (8, 8), (3, 3)),
        Problem(1, 2, 2, (8, 8), (3, 3)),
    ):
        assert not in_one_go(other, whole(other))
    for large in (Problem(1, 1, 1, (512, 512), (3, 3)), Problem(10**6, 1, 1, (8, 8), (3, 3))):
        assert not in_one_go(large, whole(large))


@pytest.mark.parametrize(
    ("channels", "groups", "expected"),
    [((4, 4), 1, False), ((1, 1000), 1, False), ((2, 9), 1, True), ((17, 1), 1, True), ((64, 64), 16, False)],
)
def test_channels_are_summed_by_matrix_products_where_many_meet(channels, groups, expected):
    assert uses_matrices(Problem(1, *channels, (8, 8), (3, 3), groups=groups)) is expected
