"""Ticks stand at round numbers, and there are few of them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.figures.charts import log_places, places


@settings(deadline=None, max_examples=200)
@given(st.floats(-1e3, 1e3), st.floats(1e-6, 1e6))
def test_ticks_are_few_round_and_inside(low: float, span: float) -> None:
    marks = places(low, low + span)
    assert 1 <= len(marks) <= 8
    assert all(low - 1e-6 * span <= place <= low + span * (1 + 1e-6) for place in marks)
    if len(marks) > 1:
        step = f"{marks[1] - marks[0]:.3e}"
        assert step[0] in "125"
        assert step[1:5] == ".000"


@settings(deadline=None, max_examples=200)
@given(st.floats(1e-8, 1e3), st.floats(1.3, 1e9))
def test_ticks_on_a_log_axis_are_few_and_inside(low: float, ratio: float) -> None:
    marks = log_places(low, low * ratio)
    assert len(marks) <= 7
    assert all(low <= place <= low * ratio for place in marks)
    if ratio > 10:
        assert len(marks) >= 1


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 1000), st.integers(0, 1000))
def test_epochs_are_counted_in_whole_numbers(first: int, more: int) -> None:
    marks = places(first, first + more, whole=True)
    assert all(place == int(place) for place in marks)
