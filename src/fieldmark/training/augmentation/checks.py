"""The values of an augmentation's settings, checked when it is made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fieldmark.errors import UserError
from fieldmark.training.augmentation import AUGMENTATIONS


def name_of(step: object) -> str:
    """The name of a step in AUGMENTATIONS; for a class of your own, the name of the class."""
    kind = type(step)
    names = {reference: name for name, reference in AUGMENTATIONS.items()}
    return names.get(f"{kind.__module__}:{kind.__qualname__}", kind.__name__)


def within(step: object, setting: str, low: float, high: float = math.inf, *, whole: bool = False) -> None:
    """Raises UserError unless the setting is a number from `low` to `high`; whole: an integer."""
    value = getattr(step, setting)
    if not _is_number(value, whole) or not low <= value <= high or value == math.inf:
        kind = "a whole number" if whole else "a number"
        limits = f"of at least {low:g}" if high == math.inf else f"from {low:g} to {high:g}"
        raise _misfit(step, setting, f"{kind} {limits}")


def above(step: object, setting: str, low: float) -> None:
    """Raises UserError unless the setting is a number above `low`, and finite."""
    value = getattr(step, setting)
    if not _is_number(value, whole=False) or not low < value < math.inf:
        raise _misfit(step, setting, f"a number above {low:g}")


def span(step: object, setting: str, high: float = math.inf) -> None:
    """Raises UserError unless the setting is a pair of numbers, 0 < first <= second <= high."""
    value = getattr(step, setting)
    pair = isinstance(value, tuple) and len(value) == 2 and all(_is_number(one, False) for one in value)
    if not pair or not 0 < value[0] <= value[1] <= high or value[1] == math.inf:
        top = "" if high == math.inf else f" <= {high:g}"
        raise _misfit(step, setting, f"two numbers, 0 < low <= high{top}")


def among(step: object, setting: str, choices: Sequence[str]) -> None:
    """Raises UserError unless the setting is one of `choices`."""
    if getattr(step, setting) not in choices:
        raise _misfit(step, setting, " or ".join(repr(choice) for choice in choices))


def size(step: object, setting: str) -> None:
    """Raises UserError unless the setting is None, one side in pixels, or (height, width)."""
    value = getattr(step, setting)
    if value is None:
        return
    sides = value if isinstance(value, tuple) else (value, value)
    if len(sides) != 2 or not all(_is_number(side, whole=True) and side >= 1 for side in sides):
        raise _misfit(step, setting, "pixels of one side, or height and width")


def _is_number(value: Any, whole: bool) -> bool:
    return isinstance(value, int if whole else int | float) and not isinstance(value, bool)


def _misfit(step: object, setting: str, allowed: str) -> UserError:
    value = getattr(step, setting)
    return UserError(f"{name_of(step)}: {setting}={value!r} does not fit; it takes {allowed}.")
