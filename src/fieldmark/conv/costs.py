"""What a unit of each algorithm's work costs, so that the fastest can be told before anything is computed."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import torch

from fieldmark.conv.prices import PRICES
from fieldmark.conv.problem import Problem

Work: TypeAlias = Mapping[str, float]
Prices: TypeAlias = dict[str, float]
"""Nanoseconds per unit of work."""

KEPT = 2**26
"""Bytes up to which memory that was freed is found again by the next to ask."""

_REAL = {torch.complex64: "float32", torch.complex128: "float64"}
_COMPLEX_FACTORS = {
    "butterflies": 2.0,
    "multiply": 3.0,  # PyTorch and Winograd split a complex convolution into three real ones
}


def seconds(work: Work, problem: Problem) -> float:
    """The time that `work` takes, by the prices for the problem's device and dtype.

    >>> seconds({"calls": 1000.0}, Problem(1, 1, 1, (9, 9), (3, 3))) > 0
    True
    """
    prices = prices_for(problem.device, element_type(problem.dtype), torch.get_num_threads())
    if not problem.dtype.is_complex:
        return 1e-9 * sum(prices.get(unit, 0.0) * amount for unit, amount in work.items())
    return 1e-9 * sum(prices.get(unit, 0.0) * amount * complex_factor(unit) for unit, amount in work.items())


def fresh(*pieces: float) -> float:
    """The bytes of those pieces of memory that come from the system page by page each time: the large ones.

    >>> fresh(1e6, 1e9)
    1000000000.0
    """
    return float(sum(piece for piece in pieces if piece >= KEPT))


def complex_factor(unit: str) -> float:
    """How many times the arithmetic a complex number makes of a unit of work; bytes are counted as they are.

    >>> complex_factor("inverse_butterflies"), complex_factor("column_bytes")
    (2.0, 1.0)
    """
    return max((factor for name, factor in _COMPLEX_FACTORS.items() if unit.endswith(name)), default=1.0)


def element_type(dtype: torch.dtype) -> str:
    """Which list of prices counts for numbers of `dtype`.

    >>> element_type(torch.complex128), element_type(torch.bfloat16)
    ('float64', 'bfloat16')
    """
    return _REAL.get(dtype, str(dtype).removeprefix("torch."))


@lru_cache(maxsize=32)
def prices_for(device: str, element: str, threads: int) -> Prices:
    """The prices fitted on this machine where there are any, else those that come with the package.

    {} where there are neither.
    """
    fitted = load_fitted(threads).get(device, {}).get(element, {})
    return {**PRICES.get(device, {}).get(element, {}), **fitted}


def priced(problem: Problem) -> bool:
    """Whether there are prices for the problem's device and dtype.

    >>> priced(Problem(1, 1, 1, (9, 9), (3, 3), dtype=torch.bfloat16))
    False
    """
    return bool(prices_for(problem.device, element_type(problem.dtype), torch.get_num_threads()))


def load_fitted(threads: int) -> dict[str, dict[str, Prices]]:
    """device -> dtype -> unit -> nanoseconds, as `fit_costs` wrote them for so many threads.

    {} without a file that can be read.
    """
    try:
        found = json.loads(fitted_file(threads).read_text(encoding="utf-8"))
        return {
            str(device): {
                str(element): {str(unit): _price(price) for unit, price in prices.items()}
                for element, prices in elements.items()
            }
            for device, elements in found["prices"].items()
        }
    except (OSError, ValueError, KeyError, AttributeError, TypeError, OverflowError):
        return {}  # not fitted, or by a version that wrote something else: the package's own prices hold


def _price(number: float) -> float:
    if not 0 <= float(number) < math.inf:
        raise ValueError(f"{number} is not a price")
    return float(number)


def fitted_file(threads: int) -> Path:
    """Where `fit_costs` keeps its prices: a file per number of threads and PyTorch, under $FIELDMARK_DATA."""
    root = Path(os.environ.get("FIELDMARK_DATA") or "~/.cache/fieldmark").expanduser()
    return root / f"conv-costs-torch{torch.__version__.partition('+')[0]}-{threads}threads.json"
