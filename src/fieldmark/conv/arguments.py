"""Stride, dilation and padding as people write them, made into one tuple per axis."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from fieldmark.errors import UserError

Pair: TypeAlias = tuple[int, int]
Padding: TypeAlias = int | Sequence[int] | Sequence[Pair] | Literal["full", "same", "valid"]
"""One number, one per axis, a pair (before, after) per axis, or a name."""

PADDINGS = ("full", "same", "valid")


def whole(value: Any) -> Any:
    """A whole number as an int, lists, arrays and tensors of them as tuples, a name as it is.

    Raises TypeError for anything else.

    >>> whole([1, (2, 3)]), whole(range(2)), whole("same")
    ((1, (2, 3)), (0, 1), 'same')
    """
    if type(value) is int or isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return tuple(map(whole, value))
    try:
        return operator.index(value)
    except TypeError:
        return tuple(map(whole, value))


def settled(value: Any, name: str) -> Any:
    """`whole(value)`. Raises UserError, with `name`, where that is not possible.

    >>> settled([2, 1], "stride")
    (2, 1)
    """
    try:
        return whole(value)
    except TypeError:
        raise UserError(f"{name}={value!r}: whole numbers are needed.") from None


def per_axis(value: int | Sequence[int], axes: int, name: str, least: int) -> tuple[int, ...]:
    """`value` once per axis: a number counts for all axes.

    Raises UserError for anything but whole numbers of at least `least`, and for a wrong count of them.

    >>> per_axis(2, 3, "stride", 1)
    (2, 2, 2)
    """
    numbers = settled(value, name)
    if isinstance(numbers, int):
        numbers = (numbers,) * axes
    if not all(isinstance(number, int) for number in numbers) or min(numbers, default=least) < least:
        raise UserError(f"{name}={value!r}: whole numbers of at least {least} are needed.")
    if len(numbers) != axes:
        raise UserError(
            f"{name}={value!r}: {len(numbers)} numbers for {axes} axes; give one number or {axes}."
        )
    return tuple(numbers)


def pads(padding: Padding, kernel: Sequence[int], dilation: Sequence[int]) -> tuple[Pair, ...]:
    """`padding` as (before, after) per axis.

    full: d(m-1) on both sides; valid: none; same: floor(d(m-1)/2) before and the rest after, so that stride 1
    keeps the size (torch's rule, ONNX's SAME_UPPER). With one axis a bare pair of numbers is (before, after).
    Raises UserError for another name, negative numbers or a wrong count.

    >>> pads("same", (3, 4), (1, 1))
    ((1, 1), (1, 2))
    >>> pads((2, 1), (3,), (1,))
    ((2, 1),)
    """
    axes = len(kernel)
    if isinstance(padding, str):
        return _named(padding, kernel, dilation)
    entries = settled(padding, "padding")
    if isinstance(entries, int):
        entries = (entries,) * axes
    if axes == 1 and len(entries) == 2 and all(isinstance(entry, int) for entry in entries):
        entries = (entries,)
    if len(entries) != axes:
        raise UserError(
            f"padding={padding!r}: {len(entries)} entries for {axes} axes; give one number, {axes} numbers, "
            f"{axes} pairs (before, after), or one of {', '.join(PADDINGS)}."
        )
    pairs = tuple((entry, entry) if isinstance(entry, int) else entry for entry in entries)
    if not all(_is_pair(pair) for pair in pairs):
        raise UserError(
            f"padding={padding!r}: numbers of at least 0, or pairs of them (before, after), are needed."
        )
    return pairs


def _is_pair(pair: Any) -> bool:
    return len(pair) == 2 and all(isinstance(number, int) and number >= 0 for number in pair)


def _named(padding: str, kernel: Sequence[int], dilation: Sequence[int]) -> tuple[Pair, ...]:
    reach = [d * (m - 1) for d, m in zip(dilation, kernel, strict=True)]
    if padding == "full":
        return tuple((r, r) for r in reach)
    if padding == "same":
        return tuple((r // 2, r - r // 2) for r in reach)
    if padding == "valid":
        return tuple((0, 0) for _ in reach)
    raise UserError(f"padding='{padding}' is not known; a number, pairs, or one of {', '.join(PADDINGS)}.")
