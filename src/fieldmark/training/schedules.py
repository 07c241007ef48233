"""Learning-rate schedules: pure functions of how much of the run is done."""

from __future__ import annotations

import math
from collections.abc import Callable

from fieldmark.errors import UserError
from fieldmark.families import unknown


def constant(done: float) -> float:
    """1 throughout."""
    return 1.0


def linear(done: float) -> float:
    """Falls from 1 to 0 in a straight line.

    >>> linear(0.25)
    0.75
    """
    return 1.0 - done


def cosine(done: float) -> float:
    """Falls from 1 to 0 along half a cosine (Loshchilov & Hutter 2017, arXiv 1608.03983).

    >>> cosine(0.5)
    0.5
    """
    return 0.5 + 0.5 * math.cos(math.pi * done)


SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": constant,
    "linear": linear,
    "cosine": cosine,
    "one-cycle": linear,
}


def factor(schedule: str, done: float, warmup: float = 0.0) -> float:
    """What the peak learning rate is multiplied by when `done` (0 to 1) of the run is done.

    Over the first `warmup` of the run the factor climbs to 1 in a straight line, from 0; the schedule takes
    the rest. "one-cycle" is a triangle: up to the peak, down to 0 (Smith 2018, arXiv 1803.09820, whose
    warm-up is a quarter to a half of the run; here 0.25 where `warmup` is 0).

    >>> factor("one-cycle", 0.1, warmup=0.2), factor("one-cycle", 0.6, warmup=0.2)
    (0.5, 0.5)
    >>> factor("cosine", 0.0)
    1.0
    """
    if schedule not in SCHEDULES:
        raise UserError(unknown(schedule, SCHEDULES, "schedule"))
    if schedule == "one-cycle" and warmup == 0:
        warmup = 0.25
    if done < warmup:
        return done / warmup
    return SCHEDULES[schedule]((done - warmup) / (1.0 - warmup))
