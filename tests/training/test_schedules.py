import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.errors import UserError
from fieldmark.training.schedules import SCHEDULES, factor


@given(st.sampled_from(sorted(SCHEDULES)), st.floats(0, 1), st.floats(0, 0.9))
def test_every_schedule_stays_between_0_and_1(schedule: str, done: float, warmup: float) -> None:
    assert -1e-12 <= factor(schedule, done, warmup) <= 1 + 1e-12


@pytest.mark.parametrize("schedule", sorted(SCHEDULES))
def test_warmup_climbs_in_a_straight_line_to_the_peak(schedule: str) -> None:
    assert factor(schedule, 0.0, 0.2) == 0
    assert factor(schedule, 0.05, 0.2) == pytest.approx(0.25)
    assert factor(schedule, 0.2, 0.2) == 1


def test_the_ends() -> None:
    assert factor("constant", 1.0) == 1
    assert factor("linear", 1.0) == 0
    assert factor("cosine", 1.0) == pytest.approx(0)
    assert factor("one-cycle", 1.0) == 0
    assert factor("cosine", 1 / 3) == pytest.approx(0.75)
    assert factor("cosine", 0.25) == pytest.approx((1 + math.cos(math.pi / 4)) / 2)


def test_one_cycle_has_a_warmup_of_its_own() -> None:
    assert factor("one-cycle", 0.25) == 1
    assert factor("one-cycle", 0.125) == 0.5
    assert factor("one-cycle", 0.1, warmup=0.1) == 1


def test_an_unknown_schedule_is_named_with_the_closest() -> None:
    with pytest.raises(UserError, match=r"'cosin' is not a schedule\. Closest: cosine"):
        factor("cosin", 0.5)
