"""What PyTorch's own convolution costs: which kernel of oneDNN it gets, and how much work that has."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import torch

from fieldmark.conv.costs import fresh
from fieldmark.conv.problem import Problem

Part: TypeAlias = Literal["forward", "input", "kernel"]
"""The forward pass, the gradient of the input, the gradient of the kernel."""

VECTOR = 16
"""float32 numbers in a register: oneDNN computes so many output channels at once, wanted or not."""

WIDEST = {"forward": 62, "input": 17, "kernel": 14}
"""The widest kernel that oneDNN generates direct code for; wider ones are unfolded into columns, or naive."""

WIDEST_BLOCK = 240
"""The forward pass in NCHW: kernel width times input channels (up to 16) that generated code may hold."""


def work(problem: Problem, part: Part, channels_last: bool = False) -> dict[str, float]:
    """Units of work of one part of a convolution in PyTorch.

    Which way oneDNN 3.12 takes was read from its own log (ONEDNN_VERBOSE=1) over kernels of 1 to 63 and 1 to
    64 channels: direct code in blocks of 16 output channels; columns and a matrix product (`gemm:jit`); or
    naive loops (`ref:any`). In float64 PyTorch itself unfolds into columns.

    >>> problem = Problem(1, 1, 1, (8, 8), (1, 1))
    >>> work(problem, "forward")["direct_multiply"]  # 64 outputs, 16 channels at a time
    1024.0
    """
    channels_last = channels_last and problem.in_channels > 1  # one channel is first and last at once
    outputs = problem.batch * math.prod(problem.output)
    taps = math.prod(problem.kernel)
    size = problem.dtype.itemsize
    x_bytes = problem.batch * problem.in_channels * math.prod(problem.size) * size
    y_bytes = outputs * problem.out_channels * size
    w_bytes = problem.out_channels * problem.in_channels // problem.groups * taps * size
    columns = float(outputs * taps * problem.in_channels)
    common = {
        "torch_calls": 1.0,
        "moved_bytes": float(x_bytes + y_bytes + w_bytes),
        "fresh_bytes": fresh({"forward": y_bytes, "input": x_bytes, "kernel": w_bytes}[part]),
    }
    if problem.dtype != torch.float32 or problem.device != "cpu":
        return {
            **common,
            "columns": columns,
            "columns_multiply": float(problem.multiplications),
            "fresh_columns": fresh(columns * size / problem.batch) * problem.batch,
        }
    layout = "last_" if channels_last else ""
    way = _way(problem, part, channels_last)
    if way == "columns":
        return {**common, f"{part}_columns": columns, "columns_multiply": float(problem.multiplications)}
    if way == "naive":
        return {**common, "naive_multiply": float(problem.multiplications)}
    lopsided = float(x_bytes) if any(a != b for a, b in problem.padding) else 0.0
    if channels_last:
        common["relayout_bytes"] = float(x_bytes + (y_bytes if part != "forward" else 0))
        common["moved_bytes"] += lopsided
        common["large_bytes"] = fresh(x_bytes) if part == "forward" else 0.0
        common["fresh_bytes"] += 0.0 if part == "forward" else fresh(x_bytes, y_bytes)
    else:
        common["moved_bytes"] += 2 * lopsided
        common["fresh_bytes"] += fresh(lopsided)
        common = _with_blocks(common, problem, x_bytes, y_bytes)
    name = part if part != "forward" else ("depthwise" if way == "depthwise" else "direct")
    if way == "depthwise":
        padded = float(outputs * taps * _blocks(problem.groups))
        return {**common, f"{layout}{name if part == 'forward' else part + '_depthwise'}_multiply": padded}
    width, height = problem.in_channels // problem.groups, problem.out_channels // problem.groups
    pairs = _blocks(height) * _blocks(width) if part == "input" else width * _blocks(height)
    return {**common, f"{layout}{name}_multiply": float(outputs * taps * problem.groups * pairs)}


def _with_blocks(common: dict[str, float], problem: Problem, x_bytes: int, y_bytes: int) -> dict[str, float]:
    """NCHW is rewritten in blocks of 16 channels and back: one channel takes the memory of 16."""
    blocked = [y_bytes * _blocks(problem.out_channels) / problem.out_channels]
    if problem.in_channels >= VECTOR:
        blocked.append(x_bytes * _blocks(problem.in_channels) / problem.in_channels)
    return {
        **common,
        "blocked_bytes": float(sum(blocked)),
        "fresh_bytes": common["fresh_bytes"] + fresh(*blocked),
    }


def _way(problem: Problem, part: Part, channels_last: bool) -> str:
    groups, widest = problem.groups, problem.kernel[-1]
    width = problem.in_channels // groups
    depthwise = groups > 1 and groups == problem.in_channels == problem.out_channels
    if part == "kernel":
        if depthwise and widest <= 4 and not channels_last:
            return "depthwise"
        if widest <= WIDEST["kernel"] and (not depthwise or channels_last):
            return "direct"
        return "naive" if channels_last and not depthwise else "columns"
    if depthwise:
        return "columns" if part == "forward" and not channels_last and widest > 13 else "depthwise"
    if channels_last:
        return "direct"
    if part == "input":
        return "direct" if widest <= WIDEST["input"] else "columns"
    fits = widest * min(width, VECTOR) <= WIDEST_BLOCK and widest <= WIDEST["forward"]
    if fits:
        return "direct"
    # The columns of one picture must fit into what oneDNN grants them, else it computes output by output.
    return "columns" if width * math.prod(problem.kernel) * math.prod(problem.output) < 2**30 else "naive"


def _blocks(channels: int) -> int:
    return -(-channels // VECTOR) * VECTOR
