"""Nanoseconds per unit of work on a machine with two cores (AVX-512), as `conv.fit_costs` measured them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import torch

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


_edition = 0


def edition() -> int:
    """How often the prices have changed: what was decided by them is kept under this number."""
    return _edition


def forget_prices() -> None:
    """Look the prices up anew, and let every kind of call be priced, cut and planned anew."""
    global _edition
    _edition += 1
    prices_for.cache_clear()


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


PRICES: dict[str, dict[str, dict[str, float]]] = {
    "cpu": {
        "float32": {
            "blocked_bytes": 0.0,
            "butterflies": 0.001423,
            "calls": 4533.0,
            "column_bytes": 0.02852,
            "columns": 0.25,
            "columns_multiply": 0.009983,
            "depthwise_multiply": 0.006123,
            "direct_multiply": 0.003891,
            "fold_bytes": 0.1402,
            "forward_columns": 0.06518,
            "fresh_bytes": 0.1893,
            "gemms": 864.2,
            "group_matrices": 136.0,
            "input_columns": 0.1172,
            "input_depthwise_multiply": 0.009707,
            "input_multiply": 0.004254,
            "inverse_butterflies": 0.00119,
            "kernel_bytes": 0.1742,
            "kernel_columns": 0.3681,
            "kernel_depthwise_multiply": 0.006737,
            "kernel_multiply": 0.005325,
            "kernel_naive_multiply": 0.1218,
            "large_bytes": 0.1063,
            "last_bytes": 0.02919,
            "last_depthwise_apart_multiply": 0.01088,
            "last_depthwise_multiply": 0.004344,
            "last_depthwise_wide_multiply": 0.007485,
            "last_direct_multiply": 0.004223,
            "last_input_depthwise_multiply": 0.009936,
            "last_input_multiply": 0.001266,
            "last_kernel_multiply": 0.004728,
            "loop": 5000.0,
            "matrices": 0.2664,
            "matrix_bytes": 0.1605,
            "matrix_multiply": 0.01341,
            "matrix_products": 0.06161,
            "moved_bytes": 0.0509,
            "naive_multiply": 1.0,
            "plain_columns": 0.2166,
            "product_bytes": 0.02329,
            "products": 0.8059,
            "relayout_apart_bytes": 0.1846,
            "relayout_bytes": 0.1306,
            "result_bytes": 0.01776,
            "shift_calls": 6310.0,
            "shifted_bytes": 0.02191,
            "small_butterflies": 0.0944,
            "small_calls": 6872.0,
            "spectrum_bytes": 0.2522,
            "tail_bytes": 0.02936,
            "thin_bytes": 0.05322,
            "tiny_butterflies": 0.2909,
            "tiny_calls": 7413.0,
            "torch_calls": 24190.0,
            "wakes": 18710.0,
            "winograd_bytes": 0.02437,
            "winograd_multiply": 0.01327,
        },
        "float64": {
            "blocked_bytes": 0.05,
            "butterflies": 0.06157,
            "calls": 2337.0,
            "column_bytes": 0.03646,
            "columns": 0.3284,
            "columns_multiply": 0.02833,
            "fold_bytes": 0.209,
            "fresh_bytes": 0.08126,
            "fresh_columns": 0.09618,
            "gemms": 1681.0,
            "group_matrices": 108.7,
            "inverse_butterflies": 0.1084,
            "kernel_bytes": 0.1347,
            "large_bytes": 0.08699,
            "loop": 5000.0,
            "matrices": 0.001,
            "matrix_bytes": 0.1211,
            "matrix_multiply": 0.02234,
            "matrix_products": 0.1104,
            "moved_bytes": 6.991e-05,
            "product_bytes": 0.0,
            "products": 1.026,
            "relayout_bytes": 0.1,
            "result_bytes": 0.03919,
            "shift_calls": 3931.0,
            "shifted_bytes": 0.01455,
            "small_butterflies": 0.1109,
            "small_calls": 4516.0,
            "spectrum_bytes": 0.06564,
            "thin_bytes": 0.0122,
            "tiny_butterflies": 0.2027,
            "tiny_calls": 3152.0,
            "torch_calls": 3911.0,
            "winograd_bytes": 0.01849,
            "winograd_multiply": 0.02223,
        },
    }
}
