"""How fast the convolutions are, side by side with scipy and PyTorch, interleaved in one process.

`one` is one channel, 512x512 with 15x15; `scipy` is a grid of 200 one-channel problems in float64 against
convolve2d, fftconvolve and oaconvolve; `torch` is 200 problems of many channels in float32 against PyTorch's
conv2d and against every algorithm alone; `gradients` is the same forward and backward; `limits` is what the
machine's matrix product, convolution, transform and copy do. The rivals are called in turn, in an
order drawn anew each round; medians count. A rival that takes longer than --longest seconds is timed once;
convolve2d is left out where it cannot win. With --json the parts measured replace those in the file.

    python benchmarks/convolution.py [--parts one scipy torch ...] [--json results.json] [--plot grid.png]
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scipy.signal
import torch
from convolution_plot import draw
from recording import record

from fieldmark import conv
from fieldmark.conv.problem import Problem

PICTURES = (32, 64, 128, 256, 512, 1024, 2048, 4096)
KERNELS = (1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 15, 17, 21, 25, 31, 37, 45, 55, 63, 79, 101, 127, 151, 201, 255)
SMALL = 200e-6
"""Seconds: calls shorter than this are judged by what is added, not by the ratio."""


def interleaved(calls: dict[str, Callable[[], Any]], least: int = 5, budget: float = 0.4) -> dict[str, float]:
    """Median seconds of each call: `least` rounds, and more while `budget` seconds last."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    order = random.Random(0)
    begin = time.perf_counter()
    for call in calls.values():
        call()
    least = 3 if time.perf_counter() - begin > 0.3 else least
    end = time.perf_counter() + budget
    rounds = 0
    while rounds < least or (time.perf_counter() < end and rounds < 101):
        for name, call in order.sample(list(calls.items()), len(calls)):  # who comes first meets cold caches
            begin = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - begin)
        rounds += 1
    return {name: statistics.median(each) for name, each in times.items()}


def one() -> dict[str, Any]:
    """One channel, 512x512 with 15x15, float64: two Python loops, scipy, and ours."""
    generator = np.random.default_rng(0)
    x, w = generator.standard_normal((512, 512)), generator.standard_normal((15, 15))

    def loops() -> np.ndarray[Any, Any]:
        y = np.empty((498, 498))
        turned = w[::-1, ::-1]
        for i in range(498):
            for j in range(498):
                y[i, j] = np.sum(x[i : i + 15, j : j + 15] * turned)
        return y

    calls = {
        "ours": lambda: conv.conv2d(x, w),
        "convolve2d": lambda: scipy.signal.convolve2d(x, w, "valid"),
        "loops": loops,
    }
    assert np.allclose(calls["ours"](), loops())
    times = interleaved({"ours": calls["ours"], "convolve2d": calls["convolve2d"]}, least=15)
    times["loops"] = interleaved({"loops": loops}, least=5)["loops"]
    print(f"one channel, 512x512 with 15x15, float64: ours {times['ours'] * 1e3:.2f} ms", end="")
    loops_ratio, scipy_ratio = (times[name] / times["ours"] for name in ("loops", "convolve2d"))
    print(f", loops {loops_ratio:.0f}x, convolve2d {scipy_ratio:.1f}x")
    return {"milliseconds": {name: round(value * 1e3, 3) for name, value in times.items()}}


def against_scipy() -> dict[str, Any]:
    """200 one-channel problems, float64, mode same."""
    points = []
    generator = np.random.default_rng(0)
    for size in PICTURES:
        x = generator.standard_normal((size, size))
        for k in KERNELS:
            w = generator.standard_normal((k, k))
            calls: dict[str, Callable[[], Any]] = {
                "ours": lambda x=x, w=w: conv.conv2d(x, w, padding="same"),
                "fftconvolve": lambda x=x, w=w: scipy.signal.fftconvolve(x, w, "same"),
                "oaconvolve": lambda x=x, w=w: scipy.signal.oaconvolve(x, w, "same"),
            }
            begin = time.perf_counter()
            calls["fftconvolve"]()
            if (
                size * size * k * k * 0.8e-9 < 3 * (time.perf_counter() - begin) + 1e-3
            ):  # a product takes 1 ns
                calls["convolve2d"] = lambda x=x, w=w: scipy.signal.convolve2d(x, w, "same")
            times = interleaved(calls, budget=0.15)
            best = min(value for name, value in times.items() if name != "ours")
            points.append(
                {
                    "picture": size,
                    "kernel": k,
                    "algorithm": conv.choose(x, w, padding="same").algorithm,
                    "ratio": round(times["ours"] / best, 3),
                    "added_us": round((times["ours"] - best) * 1e6, 1),
                    "best": min((n for n in times if n != "ours"), key=times.__getitem__),
                    **{name: round(value * 1e6, 1) for name, value in times.items()},
                }
            )
            print(points[-1], flush=True)
    return {"points": points, "summary": judge(points, 1.1)}


def judge(points: list[dict[str, Any]], limit: float) -> dict[str, Any]:
    """How many points hold: the ratio above 200 us, the microseconds added below."""
    long = [p for p in points if max(p["ours"], p["ours"] / p["ratio"]) > SMALL * 1e6]
    short = [p for p in points if p not in long]
    summary = {
        "points": len(points),
        "above_200_us": len(long),
        "slower_than_limit": sum(p["ratio"] > limit for p in long),
        "faster": sum(p["ratio"] < 1 for p in long),
        "median_speedup": round(statistics.median(1 / p["ratio"] for p in long), 2),
        "worst_ratio": max(p["ratio"] for p in long),
        "below_200_us": len(short),
        "added_over_20_us": sum(p["added_us"] > 20 for p in short),
        "most_added_us": max((p["added_us"] for p in short), default=0.0),
    }
    print(summary, flush=True)
    return summary


def problems(count: int = 200, seed: int = 0) -> list[Problem]:
    """Drawn once, by seed 0: half over the whole range, half large kernels with few channels or depthwise.

    Only problems of fewer than 2.5e9 multiplications, as PyTorch's naive loops take seconds for those,
    and whose tensors take less than 0.5 GB.
    """
    draw = random.Random(seed)
    found: list[Problem] = []
    while len(found) < count:
        large = len(found) % 2 == 1
        k = draw.choice((31, 45, 63) if large else (1, 2, 3, 5, 7, 9, 11, 15, 21, 31, 63))
        size = draw.choice((128, 192, 256, 384, 512) if large else (16, 32, 64, 128, 256, 512))
        batch = draw.choice((1, 1, 2, 4, 8, 16, 64))
        channels = (1, 2, 4, 8, 16, 32, 64, 128, 256)
        c_in, c_out = draw.choice(channels), draw.choice(channels)
        groups = 1
        if draw.random() < (0.35 if large else 0.15):
            c_out, groups = c_in, c_in
        elif large and c_in * c_out > 64:
            continue
        problem = Problem(
            batch, c_in, c_out, (size, size), (k, k), padding=((k // 2, k - 1 - k // 2),) * 2, groups=groups
        )
        floats = batch * (c_in + c_out) * size * size
        if problem.multiplications > 2.5e9 or floats * 4 > 5e8 or problem in found:
            continue
        found.append(problem)
    return found


def operands(problem: Problem) -> tuple[torch.Tensor, torch.Tensor]:
    """Normally distributed x and w, of seed 0."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(problem.batch, problem.in_channels, *problem.size, generator=generator)
    width = problem.in_channels // problem.groups
    return x, torch.randn(problem.out_channels, width, *problem.kernel, generator=generator)


def torchs(x: torch.Tensor, w: torch.Tensor, problem: Problem) -> torch.Tensor:
    """What a user of PyTorch writes."""
    if all(a == b for a, b in problem.padding):
        padding = tuple(a for a, _ in problem.padding)
        return torch.nn.functional.conv2d(x, w, padding=padding, groups=problem.groups)
    return torch.nn.functional.conv2d(x, w, padding="same", groups=problem.groups)


def in_region(problem: Problem) -> bool:
    """Kernel 31 and up, picture 128 and up, few channels or depthwise."""
    few = problem.in_channels * problem.out_channels <= 64 or problem.groups == problem.in_channels > 1
    return problem.kernel[0] >= 31 and problem.size[0] >= 128 and few


def describe(problem: Problem) -> dict[str, Any]:
    """The problem in a line."""
    return {
        "batch": problem.batch,
        "in": problem.in_channels,
        "out": problem.out_channels,
        "groups": problem.groups,
        "picture": problem.size[0],
        "kernel": problem.kernel[0],
        "region": in_region(problem),
    }


def against_torch(longest: float, count: int, singles: bool = True) -> dict[str, Any]:
    """200 problems of many channels, float32: auto, PyTorch, and every single algorithm."""
    points = []
    with torch.no_grad():
        for problem in problems(count):
            x, w = operands(problem)
            settings = {"padding": problem.padding, "groups": problem.groups}
            calls = {
                "ours": lambda x=x, w=w, s=settings: conv.correlate2d(x, w, **s),
                "torch": lambda x=x, w=w, p=problem: torchs(x, w, p),
            }
            expected = conv.choose(x, w, padding=problem.padding, groups=problem.groups)
            begin = time.perf_counter()
            calls["torch"]()
            slow = time.perf_counter() - begin
            if slow > longest:
                calls["torch"] = lambda slow=slow: None
            times = interleaved(calls, least=1 if slow > 1 else 5, budget=0.15)
            if slow > longest:
                times["torch"] = slow
            point = {
                **describe(problem),
                "algorithm": expected.algorithm,
                "ratio": round(times["ours"] / times["torch"], 4),
                "added_us": round((times["ours"] - times["torch"]) * 1e6, 1),
                "ours": round(times["ours"] * 1e6, 1),
                "torch": round(times["torch"] * 1e6, 1),
            }
            if singles:
                best = min(expected.seconds.values())
                alone = {
                    name: (lambda x=x, w=w, s=settings, n=name: conv.correlate2d(x, w, algorithm=n, **s))
                    for name, value in expected.seconds.items()
                    if value < 6 * best + 1e-4 and value < 2
                }
                rounds = 15 if best < 0.02 else 7
                measured = interleaved({"ours": calls["ours"], **alone}, least=rounds, budget=0.2)
                point["auto_to_best"] = round(measured.pop("ours") / min(measured.values()), 3)
                point["best_single"] = min(measured, key=measured.__getitem__)
                point["single"] = {name: round(value * 1e6, 1) for name, value in measured.items()}
            points.append(point)
            print(point, flush=True)
    summary = judge_torch(points, 1.05, 5)
    if singles:
        summary["within_1.15_of_best"] = sum(p["auto_to_best"] <= 1.15 for p in points) / len(points)
        summary["chosen"] = sorted({p["algorithm"] for p in points})
        print(summary["within_1.15_of_best"], summary["chosen"])
    return {"points": points, "summary": summary}


def gradients(longest: float, count: int) -> dict[str, Any]:
    """The same problems forward and backward, both operands wanting a gradient."""
    points = []
    for problem in problems(count):
        x, w = (each.requires_grad_() for each in operands(problem))
        upstream = torch.ones(problem.batch, problem.out_channels, *problem.output)

        def run(forward: Callable[[], torch.Tensor], x=x, w=w, upstream=upstream) -> None:
            torch.autograd.grad(forward(), (x, w), upstream)

        calls = {
            "ours": lambda r=run, x=x, w=w, p=problem: r(
                lambda: conv.correlate2d(x, w, padding=p.padding, groups=p.groups)
            ),
            "torch": lambda r=run, x=x, w=w, p=problem: r(lambda: torchs(x, w, p)),
        }
        begin = time.perf_counter()
        calls["torch"]()
        slow = time.perf_counter() - begin
        times = interleaved(
            {"ours": calls["ours"]} if slow > longest else calls, least=5 if slow < 1 else 2, budget=0.15
        )
        times.setdefault("torch", slow)
        choice = conv.choose(
            tuple(x.shape), tuple(w.shape), padding=problem.padding, groups=problem.groups, gradient=True
        )
        points.append(
            {
                **describe(problem),
                "algorithm": [choice.algorithm, choice.input, choice.kernel],
                "ratio": round(times["ours"] / times["torch"], 4),
                "added_us": round((times["ours"] - times["torch"]) * 1e6, 1),
                "ours": round(times["ours"] * 1e6, 1),
                "torch": round(times["torch"] * 1e6, 1),
            }
        )
        print(points[-1], flush=True)
    return {"points": points, "summary": judge_torch(points, 1.1, 3)}


def judge_torch(points: list[dict[str, Any]], limit: float, goal: float) -> dict[str, Any]:
    """The judgement over all points, and in the region of large kernels."""
    summary = judge(points, limit)
    region = [p for p in points if p["region"] and max(p["ours"], p["torch"]) > SMALL * 1e6]
    summary["region"] = len(region)
    summary["region_at_goal"] = sum(p["ratio"] <= 1 / goal for p in region)
    summary["region_median_speedup"] = round(statistics.median(1 / p["ratio"] for p in region), 1)
    summary["region_least_speedup"] = round(min(1 / p["ratio"] for p in region), 2)
    print(summary, flush=True)
    return summary


def limits() -> dict[str, float]:
    """GFLOP/s of matrix products, a convolution and a transform, GB/s of a copy: what nothing can beat."""
    a, b = torch.randn(2048, 2048), torch.randn(2048, 2048, dtype=torch.float64)
    x = torch.randn(16, 128, 32, 32).to(memory_format=torch.channels_last)
    w = torch.randn(128, 128, 3, 3).to(memory_format=torch.channels_last)
    tiles, large = torch.randn(64, 128, 128), torch.randn(2**25)
    target = torch.empty_like(large)
    times = interleaved(
        {
            "gemm_float32": lambda: a @ a,
            "gemm_float64": lambda: b @ b,
            "convolution_float32": lambda: torch.conv2d(x, w, padding=1),
            "transform_float32": lambda: torch.fft.rfft2(tiles),
            "copy": lambda: target.copy_(large),
        },
        least=15,
    )
    work = {
        "gemm_float32": 2 * 2048**3,
        "gemm_float64": 2 * 2048**3,
        "convolution_float32": 2 * 16 * 32 * 32 * 128 * 128 * 9,
        "transform_float32": 64 * 2.5 * 128**2 * math.log2(128**2),
        "copy": 2 * 4 * 2**25,
    }
    found = {name: round(work[name] / times[name] / 1e9, 1) for name in times}
    print("limits, GFLOP/s and GB/s:", found)
    return found


def parts(names: list[str], longest: float, count: int) -> Iterator[tuple[str, Any]]:
    """Each part's results, as they come."""
    ways: dict[str, Callable[[], Any]] = {
        "limits": limits,
        "one": one,
        "scipy": against_scipy,
        "torch": lambda: against_torch(longest, count),
        "gradients": lambda: gradients(longest, count),
    }
    for name in names:
        yield name, ways[name]()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", default=["limits", "one", "scipy", "torch", "gradients"])
    parser.add_argument("--longest", type=float, default=2.0)
    parser.add_argument("--count", type=int, default=200, help="problems against PyTorch")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    results = dict(parts(arguments.parts, arguments.longest, arguments.count))
    if arguments.json and arguments.json.exists():
        results = {**json.loads(arguments.json.read_text())["results"], **results}
    record(results, arguments.json)
    if arguments.plot:
        draw(results, arguments.plot)


if __name__ == "__main__":
    main()
