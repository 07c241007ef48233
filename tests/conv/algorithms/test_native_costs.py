"""The work of PyTorch's own convolution: which of oneDNN's ways it gets, and how much that is."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
import torch
from conv.problems import cases
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.conv.algorithms.native import WIDEST, WIDEST_BLOCK, WIDEST_DEPTHWISE, native_work
from fieldmark.conv.problem import Problem

MOVED = {"moved_bytes", "last_bytes"}
PARTS = ("forward", "input", "kernel")


def square(c_in: int, c_out: int, k: int, size: int = 64, groups: int = 1, **changes: object) -> Problem:
    padding = ((k // 2, k // 2),) * 2
    return replace(Problem(2, c_in, c_out, (size, size), (k, k), padding=padding, groups=groups), **changes)


def arithmetic(problem: Problem, part: str, channels_last: bool = False) -> str:
    """The one unit of arithmetic."""
    (unit,) = (unit for unit in native_work(problem, part, channels_last) if unit.endswith("multiply"))
    return unit


@settings(deadline=None, max_examples=100)
@given(cases(), st.sampled_from(PARTS), st.booleans())
def test_amounts_are_finite_and_grow_with_the_batch(case, part, channels_last):
    if not case.problem.batch:
        return
    one = native_work(replace(case.problem, batch=1), part, channels_last)
    three = native_work(replace(case.problem, batch=3), part, channels_last)
    assert all(isinstance(amount, float) and 0 <= amount < math.inf for amount in one.values())
    if set(one) != set(three):  # a single picture may go a way of its own
        assert "plain_columns" in one or "naive_multiply" in one
        return
    for unit, amount in one.items():
        if not unit.startswith(("fresh", "large")) and unit not in ("torch_calls", "wakes", *MOVED):
            assert three[unit] == pytest.approx(3 * amount)
    assert one["torch_calls"] == three["torch_calls"] == 1
    assert one.get("wakes") == three.get("wakes")
    (moved,) = MOVED & set(one)
    assert one[moved] < three[moved] < 3 * one[moved]  # the kernel is read once


def test_a_single_small_picture_needs_no_onednn():
    small = replace(square(8, 8, 3, size=32), batch=1)  # 8,192 numbers
    assert "plain_columns" in native_work(small, "forward")
    for other in (
        replace(small, batch=2),
        replace(small, size=(51, 51)),  # 20,808 numbers, of which 20,480 may be
        square(8, 8, 4, size=32),
        square(8, 8, 3, size=32, groups=8),
    ):
        assert "plain_columns" not in native_work(other, "forward")


def test_maps_are_rewritten_in_blocks_where_the_generated_code_wants_them():
    """Read from oneDNN's log: reorderings before and after the convolution."""
    few = native_work(square(4, 8, 3), "forward")  # y only
    assert few["wakes"] == 2
    assert few["tail_bytes"] == 2 * 64 * 64 * 16 * 4
    assert native_work(square(16, 8, 3), "forward")["wakes"] == 3
    assert native_work(square(4, 8, 1), "forward")["wakes"] == 3
    assert native_work(square(4, 4, 3, groups=4), "forward")["wakes"] == 3
    whole = native_work(square(16, 32, 3), "forward")
    assert whole["tail_bytes"] == 0
    assert whole["blocked_bytes"] == 2 * 64 * 64 * (16 + 32) * 4


def test_output_channels_come_in_blocks_of_16():
    counts = {c: native_work(square(3, c, 3), "forward")["direct_multiply"] for c in (1, 2, 16, 17, 32, 33)}
    assert counts[1] == counts[2] == counts[16] == square(3, 16, 3).multiplications
    assert counts[17] == counts[32] == 2 * counts[16]
    assert counts[33] == 3 * counts[16]
    both = native_work(square(3, 1, 3), "input")["input_multiply"]  # whose outputs are the input channels
    assert both == square(16, 16, 3).multiplications


@pytest.mark.parametrize("part", PARTS)
def test_no_way_has_less_arithmetic_than_the_definition(part):
    for c_in, c_out, groups in ((1, 1, 1), (3, 5, 1), (32, 32, 32), (8, 4, 2)):
        for k, dtype in itertools.product((1, 3, 13, 14, 31, 63), (torch.float32, torch.float64)):
            problem = square(c_in, c_out, k, groups=groups, dtype=dtype)
            for channels_last in (False, True):
                found = native_work(problem, part, channels_last)
                assert found[arithmetic(problem, part, channels_last)] >= problem.multiplications


@pytest.mark.parametrize("part", PARTS)
def test_kernels_that_are_wider_than_the_generated_code_go_another_way(part):
    widest = WIDEST[part]
    assert arithmetic(square(2, 8, widest), part) == {"forward": "direct_multiply"}.get(
        part, f"{part}_multiply"
    )
    assert arithmetic(square(2, 8, widest + 1), part) == "columns_multiply"
    assert f"{part}_columns" in native_work(square(2, 8, widest + 1), part)


def test_one_channel_under_a_kernel_too_wide_is_computed_naively():
    assert arithmetic(square(1, 8, WIDEST["forward"] + 1), "forward") == "naive_multiply"
    alone = replace(square(2, 2, WIDEST_DEPTHWISE + 1, groups=2), batch=1)
    assert arithmetic(alone, "forward") == "naive_multiply"
    assert arithmetic(replace(alone, batch=2), "forward") == "columns_multiply"


def test_in_the_forward_pass_width_times_channels_is_what_fits():
    fits = WIDEST_BLOCK // 16
    assert arithmetic(square(16, 8, fits), "forward") == "direct_multiply"
    assert arithmetic(square(64, 8, fits), "forward") == "direct_multiply"  # a block of 16 at a time
    assert arithmetic(square(16, 8, fits + 1), "forward") == "columns_multiply"
    assert arithmetic(square(1, 8, fits + 1), "forward") == "direct_multiply"


def test_columns_that_are_granted_no_memory_are_computed_naively():
    assert arithmetic(square(64, 64, 63, size=256), "forward") == "naive_multiply"


@pytest.mark.parametrize("part", PARTS)
def test_a_kernel_per_channel_has_code_of_its_own(part):
    depthwise = square(32, 32, 3, groups=32)
    assert "depthwise" in arithmetic(depthwise, part)
    assert "depthwise" not in arithmetic(square(32, 64, 3, groups=32), part)
    assert "depthwise" not in arithmetic(square(1, 1, 3), part)


@pytest.mark.parametrize("part", PARTS)
def test_one_channel_is_first_and_last_at_once(part):
    problem = square(1, 4, 5)
    assert native_work(problem, part, channels_last=True) == native_work(problem, part)


@pytest.mark.parametrize("part", PARTS)
def test_what_onednn_does_not_compute_is_unfolded(part):
    for problem in (square(8, 8, 3, dtype=torch.float64), square(8, 8, 3, device="cuda")):
        for channels_last in (False, True):
            assert arithmetic(problem, part, channels_last) == "columns_multiply"
            found = native_work(problem, part, channels_last)
            assert found["columns"] == 2 * 64 * 64 * 8 * 9
            assert found["columns_multiply"] == problem.multiplications
