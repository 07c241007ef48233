"""The kernels that `--kernel` and its options, or `--weights`, stand for."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from fieldmark.conv.kernels import KERNELS
from fieldmark.errors import UserError
from fieldmark.families import resolve

if TYPE_CHECKING:
    from torch import Tensor

LARGEST = {"size": 1001, "sigma": 50}
"""What would make a kernel larger than any picture needs, and slower to write down than to apply."""


def named(names: Sequence[str], options: Mapping[str, float | None]) -> list[tuple[str, Tensor]]:
    """Each kernel with its name, float64 (rows, columns); an option goes to every kernel that takes it.

    options: None for what was not given. Raises UserError for an unknown name, for an option that none of the
    kernels takes, and for values that they refuse.

    >>> [(name, tuple(kernel.shape)) for name, kernel in named(["gaussian", "sobel_x"], {"size": 5})]
    [('gaussian', (5, 5)), ('sobel_x', (3, 3))]
    """
    import torch

    makers = [resolve(KERNELS, name, "kernel") for name in names]
    given = {option: value for option, value in options.items() if value is not None}
    for option, value in given.items():
        if not any(option in taken_by(name) for name in names):
            takers = ", ".join(name for name in KERNELS if option in taken_by(name))
            raise UserError(f"--{option} {value}: {', '.join(names)} has none. It is for {takers}.")
        if value > LARGEST.get(option, value):
            raise UserError(f"--{option} {value}: at most {LARGEST[option]}.")
    chosen = [{option: given[option] for option in taken_by(name) if option in given} for name in names]
    made = [make(**settings) for make, settings in zip(makers, chosen, strict=True)]
    return [(name, torch.from_numpy(kernel)) for name, kernel in zip(names, made, strict=True)]


def taken_by(name: str) -> dict[str, float | None]:
    """The options of a kernel with their defaults, None for one that follows from the others.

    >>> taken_by("gaussian")
    {'sigma': 1.0, 'size': None}
    """
    parameters = inspect.signature(resolve(KERNELS, name, "kernel")).parameters
    return {option: parameter.default for option, parameter in parameters.items()}


def written(text: str) -> Tensor:
    """A kernel as somebody writes one: numbers or fractions, rows divided by semicolons.

    float64 (rows, columns). Raises UserError for anything else.

    >>> written("0 1/2; -1, 3e-1").tolist()
    [[0.0, 0.5], [-1.0, 0.3]]
    """
    import torch

    lines = [line.replace(",", " ").split() for line in text.split(";")]
    rows = [[_number(word, text) for word in line] for line in lines if line]
    if not rows or any(len(row) != len(rows[0]) for row in rows):
        told = f"rows of {', '.join(str(len(row)) for row in rows)} numbers" if rows else "no numbers"
        raise UserError(f"--weights '{text}': {told}; rows of one length are needed: '0 1; -1 0'.")
    return torch.tensor(rows, dtype=torch.float64)


def _number(word: str, text: str) -> float:
    try:
        return float(Fraction(word))
    except (ValueError, ZeroDivisionError, OverflowError):
        raise UserError(f"--weights '{text}': '{word}' is not a number.") from None
