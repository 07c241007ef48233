"""Stride, dilation and padding as people write them, made into one tuple per axis."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Literal, TypeAlias

from fieldmark.errors import UserError

Pair: TypeAlias = tuple[int, int]
Padding: TypeAlias = int | Sequence[int] | Sequence[Pair] | Literal["full", "same", "valid"]
"""One number, one per axis, a pair (before, after) per axis, or a name."""

PADDINGS = ("full", "same", "valid")


def per_axis(value: int | Sequence[int], axes: int, name: str, least: int) -> tuple[int, ...]:
    """`value` once per axis: a number counts for all axes.

    Raises UserError for anything but whole numbers of at least `least`, and for a wrong count of them.

    >>> per_axis(2, 3, "stride", 1)
    (2, 2, 2)
    """
    try:
        numbers = (operator.index(value),) * axes  # type: ignore[arg-type]
    except TypeError:
        numbers = _numbers(value, name)
    if len(numbers) != axes:
        raise UserError(f"{name}={value!r}: {len(numbers)} numbers for {axes} axes; give one number or {axes}.")
    if min(numbers, default=least) < least:
        raise UserError(f"{name}={value!r}: whole numbers of at least {least} are needed.")
    return numbers


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
    try:
        return ((operator.index(padding),) * 2,) * axes if operator.index(padding) >= 0 else _refuse(padding)  # type: ignore[arg-type]
    except TypeError:
        entries = list(padding)  # type: ignore[arg-type]
    if axes == 1 and len(entries) == 2 and not any(isinstance(entry, Sequence) for entry in entries):
        entries = [entries]
    if len(entries) != axes:
        raise UserError(
            f"padding={padding!r}: {len(entries)} entries for {axes} axes; give one number, {axes} numbers, "
            f"{axes} pairs (before, after), or one of {', '.join(PADDINGS)}."
        )
    result = []
    for entry in entries:
        pair = _numbers(entry, "padding") if isinstance(entry, Sequence) else _numbers([entry, entry], "padding")
        if len(pair) != 2 or min(pair) < 0:
            _refuse(padding)
        result.append((pair[0], pair[1]))
    return tuple(result)


def _named(padding: str, kernel: Sequence[int], dilation: Sequence[int]) -> tuple[Pair, ...]:
    reach = [d * (m - 1) for d, m in zip(dilation, kernel, strict=True)]
    if padding == "full":
        return tuple((r, r) for r in reach)
    if padding == "same":
        return tuple((r // 2, r - r // 2) for r in reach)
    if padding == "valid":
        return tuple((0, 0) for _ in reach)
    raise UserError(f"padding='{padding}' is not known; a number, pairs, or one of {', '.join(PADDINGS)}.")


def _refuse(padding: object) -> tuple[Pair, ...]:
    raise UserError(f"padding={padding!r}: numbers of at least 0, or pairs of them (before, after), are needed.")


def _numbers(value: object, name: str) -> tuple[int, ...]:
    try:
        return tuple(operator.index(entry) for entry in value)  # type: ignore[attr-defined]
    except TypeError:
        raise UserError(f"{name}={value!r}: whole numbers are needed.") from None
