"""Measuring what a unit of work costs on this machine."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fieldmark.conv.algorithms import ALGORITHMS, algorithm
from fieldmark.conv.algorithms.native import CHANNELS_LAST, by_torch, native_work
from fieldmark.conv.algorithms.spectral import kernel_gradient
from fieldmark.conv.algorithms.tiling import tile_work
from fieldmark.conv.auto.choice import NEVER
from fieldmark.conv.auto.parts import CUTS
from fieldmark.conv.prices import PRICES, Prices, Work, element_type, fitted_file, forget_prices, load_fitted
from fieldmark.conv.problem import Problem
from fieldmark.errors import UserError
from fieldmark.files import write_text

LONGEST = 0.08
"""Seconds: what is predicted to take longer is not measured."""


@dataclass(frozen=True)
class Measurement:
    """One thing that was timed: how much work it was, and how many seconds it took."""

    what: str
    problem: Problem
    work: Work
    seconds: float


def fit_costs(
    device: str = "cpu",
    *,
    budget: float = 50.0,
    out: Path | None = None,
    progress: Callable[[str], None] = print,
) -> Path:
    """Measure this machine for about `budget` seconds, and keep the prices for `auto` and `choose`.

    Every algorithm is timed on a fixed list of problems in float32 and float64, and the prices are the
    non-negative ones whose predictions are nearest, in the logarithm, to the times. Units that the list
    hardly touches stay near the prices that come with the package.

    Args:
        device: "cpu" or "cuda".
        budget: Seconds to measure for.
        out: The file; by default one under $FIELDMARK_DATA (~/.cache/fieldmark) for this PyTorch and number
            of threads, which replaces an earlier one.
        progress: Told a line per dtype.

    Returns:
        The path of the file.

    Raises:
        UserError: The device is another, or the file cannot be written.
        OSError: The folder of the file cannot be made.

    >>> path = fit_costs(budget=0.1, out=getfixture("tmp_path") / "costs.json", progress=lambda line: None)
    >>> sorted(json.loads(path.read_text())["prices"]["cpu"])
    ['float32', 'float64']
    """
    if device not in ("cpu", "cuda") or (device == "cuda" and not torch.cuda.is_available()):
        raise UserError(f"device={device!r}: cpu, or cuda where PyTorch finds one, is needed.")
    threads = torch.get_num_threads()
    path = out or fitted_file(threads)
    path.parent.mkdir(parents=True, exist_ok=True)
    found: dict[str, Prices] = {}
    for dtype in (torch.float32, torch.float64):
        element = element_type(dtype)
        measurements = list(measure(device, dtype, budget / 2))
        start = PRICES.get(device, PRICES["cpu"])[element]
        found[element] = fit(measurements, start)
        off = math.exp(
            float(np.median([abs(math.log(_ratio(each, found[element]))) for each in measurements]))
        )
        progress(f"{device} {element}: {len(measurements)} timings, predicted within {off:.2f}x (median)")
    text = {
        "prices": {**load_fitted(threads), device: found},
        "unit": "nanoseconds",
        "torch": torch.__version__,
    }
    write_text(path, json.dumps(text, indent=1))
    forget_prices()
    return path


def measure(device: str, dtype: torch.dtype, budget: float) -> Iterator[Measurement]:
    """Times of every algorithm on the problems of `design`.

    Until `budget` seconds are over, and at least one.
    """
    end = time.perf_counter() + budget
    for problem in design(device, dtype):
        for what, work, run in runs(problem):
            if predicted(work, problem) > LONGEST:
                continue
            yield Measurement(what, problem, work, clock(run, device))
            if time.perf_counter() > end:
                return


def design(device: str, dtype: torch.dtype) -> list[Problem]:
    """The problems that are timed, in an order in which every prefix is a fair sample."""
    one = [
        (1, 1, 1, size, k, 1) for k in (3, 31, 7, 1, 101, 15, 5) for size in (64, 512, 2048, 192) if k <= size
    ]
    several = [
        (n, c_in, c_out, size, k, groups)
        for n, c_in, c_out, size, k, groups in [
            (1, 64, 64, 32, 3, 1), (1, 8, 8, 128, 31, 1), (16, 64, 64, 32, 3, 1), (8, 16, 16, 64, 7, 1),
            (1, 64, 64, 64, 31, 64), (4, 3, 16, 128, 7, 1), (1, 1, 64, 128, 31, 1), (1, 128, 128, 32, 9, 1),
            (16, 128, 128, 16, 1, 1), (1, 64, 64, 64, 15, 1), (8, 32, 32, 64, 7, 32), (1, 4, 4, 256, 15, 1),
            (4, 8, 8, 128, 15, 1), (1, 256, 256, 16, 3, 1), (1, 64, 1, 128, 15, 1), (4, 4, 4, 128, 45, 1),
            (1, 16, 16, 128, 21, 1), (64, 16, 16, 32, 5, 1), (1, 32, 32, 64, 31, 1), (16, 8, 8, 64, 3, 1),
            (8, 128, 128, 32, 3, 1), (1, 2, 2, 256, 63, 1), (1, 256, 256, 32, 1, 1), (4, 64, 64, 128, 3, 64),
            (2, 32, 32, 256, 3, 1), (1, 128, 32, 256, 1, 1), (16, 2, 2, 256, 2, 2), (1, 64, 64, 64, 1, 1),
            (1, 32, 64, 128, 11, 1), (1, 64, 64, 128, 63, 64), (4, 1, 8, 256, 5, 1),
        ]
    ]  # fmt: skip
    mixed = [each for pair in zip(several, one, strict=False) for each in pair]
    return [
        Problem(n, c_in, c_out, (size, size), (k, k), padding=(((k - 1) // 2, k // 2),) * 2, groups=groups,
                dtype=dtype, device=device)
        for n, c_in, c_out, size, k, groups in mixed
    ]  # fmt: skip


def runs(problem: Problem) -> Iterator[tuple[str, Work, Callable[[], object]]]:
    """(what, work, a call that does it).

    For the forward pass of each algorithm, and for the gradients' own ways.
    """
    generator = torch.Generator().manual_seed(0)
    shape = (problem.batch, problem.in_channels, *problem.size)
    x = torch.randn(shape, generator=generator, dtype=problem.dtype).to(problem.device)
    width = problem.in_channels // problem.groups
    w = torch.randn(problem.out_channels, width, *problem.kernel, generator=generator, dtype=problem.dtype)
    w = w.to(problem.device)
    for name in ALGORITHMS:
        member = algorithm(name)
        if name not in NEVER and member.unsupported(problem) is None:
            yield name, member.work(problem), _forward(name, x, w, problem)
    if problem.in_channels > 1:
        gradient = torch.ones(problem.batch, problem.out_channels, *problem.output, dtype=problem.dtype)
        yield from _backward(x, w, gradient.to(problem.device), problem)


def _forward(name: str, x: Tensor, w: Tensor, problem: Problem) -> Callable[[], object]:
    return lambda: algorithm(name).correlate(x, w, problem)


def _backward(
    x: Tensor, w: Tensor, gradient: Tensor, problem: Problem
) -> Iterator[tuple[str, Work, Callable[[], object]]]:
    def native(wanted: tuple[bool, bool], last: bool) -> Callable[[], object]:
        return lambda: by_torch(gradient, x, w, problem, wanted, last)

    def fourier(name: str) -> Callable[[], object]:
        return lambda: kernel_gradient(x, gradient, problem, CUTS[name](problem))

    for last in (False, True) if CHANNELS_LAST.unsupported(problem) is None else (False,):
        label = "channels_last" if last else "torch"
        yield f"{label} input", native_work(problem, "input", last), native((True, False), last)
        yield f"{label} kernel", native_work(problem, "kernel", last), native((False, True), last)
    for name, cut in CUTS.items():
        yield f"{name} kernel", tile_work(problem, cut(problem), at_once=False), fourier(name)


def predicted(work: Work, problem: Problem) -> float:
    """Seconds by the prices that come with the package; on a device that has none, by the processor's."""
    prices = PRICES.get(problem.device, PRICES["cpu"])[element_type(problem.dtype)]
    return 1e-9 * sum(prices.get(unit, 0.0) * amount for unit, amount in work.items())


def clock(run: Callable[[], object], device: str) -> float:
    """Median seconds of a call, over 3 to 9 calls after one to warm up."""
    with torch.no_grad():
        times: list[float] = []
        for repetition in range(10):
            begin = time.perf_counter()
            run()
            if device == "cuda":
                torch.cuda.synchronize()
            if repetition:
                times.append(time.perf_counter() - begin)
            if len(times) >= 3 and sum(times) > 0.03:
                break
    return float(np.median(times))


def fit(measurements: list[Measurement], start: Prices, hold: float = 0.05) -> Prices:
    """Non-negative prices that predict the times best in the logarithm, held near `start` by `hold` each.

    Minimises sum ((work . prices) / time - 1)^2, the rows weighted anew so that factors above and below count
    alike, plus hold * sum (price / start - 1)^2, by coordinate descent.
    """
    units = sorted({unit for each in measurements for unit in each.work} | set(start))
    known = np.array([start.get(unit) or 1e-3 for unit in units])
    times = np.array([each.seconds * 1e9 for each in measurements])
    amounts = np.array([[each.work.get(unit, 0.0) for unit in units] for each in measurements])
    scaled = amounts * known / times[:, None]  # in units of the prices to start from
    prices = np.ones(len(units))
    for _ in range(8):
        guess = scaled @ prices
        # The slope of g - 2 + 1/g, to which a factor g of 2 is as bad as one of 1/2, as that of a square.
        weights = (guess + 1) / (2 * np.maximum(guess, 1e-3) ** 2)
        for _ in range(200):
            guess = scaled @ prices
            for unit in range(len(units)):
                column = scaled[:, unit]
                slope = (weights * column * (guess - 1)).sum() + hold * (prices[unit] - 1)
                change = max(prices[unit] - slope / ((weights * column**2).sum() + hold), 0.0) - prices[unit]
                prices[unit] += change
                guess += column * change
    return {unit: float(f"{price:.4g}") for unit, price in zip(units, prices * known, strict=True)}


def _ratio(measurement: Measurement, prices: Prices) -> float:
    nanoseconds = sum(prices.get(unit, 0.0) * amount for unit, amount in measurement.work.items())
    return max(nanoseconds, 1e-3) * 1e-9 / measurement.seconds
