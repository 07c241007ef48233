"""PyTorch's own convolution (oneDNN on a processor, cuDNN on an NVIDIA GPU), in both memory formats."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from fieldmark.conv.arrays import empty
from fieldmark.conv.boundaries import extend
from fieldmark.conv.prices import fresh
from fieldmark.conv.problem import Algorithm, Problem

_CONVOLUTIONS: dict[int, Callable[..., Tensor]] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def correlate(x: Tensor, w: Tensor, problem: Problem) -> Tensor:
    """torch.nn.functional.conv1d, conv2d or conv3d (which correlate). Differentiable.

    x (N, C_in, *size), w (C_out, C_in/groups, *kernel) -> (N, C_out, *output), of the same dtype.

    >>> picture, kernel = torch.arange(9.0).reshape(1, 1, 3, 3), torch.arange(4.0).reshape(1, 1, 2, 2)
    >>> correlate(picture, kernel, Problem(1, 1, 1, (3, 3), (2, 2))).tolist()
    [[[[19.0, 25.0], [37.0, 43.0]]]]
    """
    if any(before != after for before, after in problem.padding):
        if problem.in_channels == problem.out_channels == 1 and max(problem.stride) == 1:
            return _lopsided(x, w, problem)
        x = extend(x, problem.padding, "zeros")
        return _CONVOLUTIONS[problem.axes](x, w, None, problem.stride, 0, problem.dilation, problem.groups)
    symmetric = tuple(before for before, _ in problem.padding)
    return _CONVOLUTIONS[problem.axes](
        x, w, None, problem.stride, symmetric, problem.dilation, problem.groups
    )


def _lopsided(x: Tensor, w: Tensor, problem: Problem) -> Tensor:
    """Pads both sides by the larger padding and cuts away the outputs too many, which saves a copy of x."""
    most = tuple(max(pair) for pair in problem.padding)
    y = _CONVOLUTIONS[problem.axes](x, w, None, problem.stride, most, problem.dilation, problem.groups)
    for axis, (pad, (before, _), size) in enumerate(
        zip(most, problem.padding, problem.output, strict=True), start=2
    ):
        y = y.narrow(axis, pad - before, size)
    return y.contiguous()


def correlate_channels_last(x: Tensor, w: Tensor, problem: Problem) -> Tensor:
    """The same with the channels of a pixel side by side in memory, which oneDNN and cuDNN are fastest with.

    >>> x, w = torch.rand(2, 8, 6, 6), torch.rand(4, 8, 3, 3)
    >>> correlate_channels_last(x, w, Problem(2, 8, 4, (6, 6), (3, 3))).shape
    torch.Size([2, 4, 4, 4])
    """
    layout = torch.channels_last if problem.axes == 2 else torch.channels_last_3d
    lopsided = any(before != after for before, after in problem.padding)
    if x.is_contiguous(memory_format=layout) or (x.requires_grad and torch.is_grad_enabled()):
        x = x.contiguous(memory_format=layout)
    elif lopsided:  # the padding and the new order of memory in one copy
        last = empty((problem.batch, *problem.padded, problem.in_channels), x).zero_().movedim(-1, 1)
        inside: list[slice] = [slice(None), slice(None)]
        inside += [
            slice(before, before + n) for n, (before, _) in zip(problem.size, problem.padding, strict=True)
        ]
        last[tuple(inside)] = x
        x, problem = last, replace(problem, size=problem.padded, padding=((0, 0),) * problem.axes)
    else:
        x = empty((problem.batch, *problem.size, problem.in_channels), x).movedim(-1, 1).copy_(x)
    return correlate(x, w.contiguous(memory_format=layout), problem)


def by_torch(
    gradient: Tensor,
    x: Tensor,
    w: Tensor,
    problem: Problem,
    wanted: Sequence[bool] = (True, True),
    channels_last: bool = False,
) -> tuple[Tensor | None, Tensor | None]:
    """dL/dx and dL/dw, each None unless `wanted`, from gradient = dL/dy (N, C_out, *output).

    Differentiable again.

    >>> x, w = torch.ones(1, 1, 3), torch.tensor([[[1.0, 2.0]]])
    >>> to_x, to_w = by_torch(torch.ones(1, 1, 2), x, w, Problem(1, 1, 1, (3,), (2,), (1,), ((0, 0),), (1,)))
    >>> to_x, to_w
    (tensor([[[1., 3., 2.]]]), tensor([[[2., 2.]]]))
    """
    if x.is_complex():
        return _through_forward(gradient, x, w, problem, wanted)
    lopsided = any(before != after for before, after in problem.padding)
    if lopsided:
        padded, symmetric = extend(x, problem.padding, "zeros"), (0,) * problem.axes
    else:
        padded, symmetric = x, tuple(before for before, _ in problem.padding)
    if channels_last:
        layout = torch.channels_last if problem.axes == 2 else torch.channels_last_3d
        gradient, padded, w = (each.contiguous(memory_format=layout) for each in (gradient, padded, w))
    to_x, to_w, _ = torch.ops.aten.convolution_backward(
        gradient,
        padded,
        w,
        None,
        problem.stride,
        symmetric,
        problem.dilation,
        False,
        [0] * problem.axes,
        problem.groups,
        (wanted[0], wanted[1], False),
    )
    if to_x is not None and lopsided:
        inside = [
            slice(before, before + n) for n, (before, _) in zip(problem.size, problem.padding, strict=True)
        ]
        to_x = to_x[(..., *inside)]
    return to_x, to_w


def _through_forward(
    gradient: Tensor, x: Tensor, w: Tensor, problem: Problem, wanted: Sequence[bool]
) -> tuple[Tensor | None, Tensor | None]:
    # PyTorch has no backward kernel for complex numbers: it splits the forward pass into real convolutions.
    graph = torch.is_grad_enabled()
    with torch.enable_grad():
        x, w = (each if each.requires_grad else each.detach().requires_grad_() for each in (x, w))
        y = correlate(x, w, problem)
    asked = [each for each, want in zip((x, w), wanted, strict=True) if want]
    found = iter(torch.autograd.grad(y, asked, gradient, create_graph=graph))
    return next(found) if wanted[0] else None, next(found) if wanted[1] else None


def _any(problem: Problem) -> str | None:
    return None


def _has_layout(problem: Problem) -> str | None:
    return None if problem.axes > 1 else "a signal of one axis has no channels_last layout"


TORCH = Algorithm(
    "torch", "PyTorch's own convolution", correlate, _any, lambda problem: native_work(problem, "forward")
)
CHANNELS_LAST = Algorithm(
    "channels_last",
    "PyTorch's own convolution, channels last",
    correlate_channels_last,
    _has_layout,
    lambda problem: native_work(problem, "forward", channels_last=True),
)


Part: TypeAlias = Literal["forward", "input", "kernel"]
"""The forward pass, the gradient of the input, the gradient of the kernel."""

VECTOR = 16
"""float32 numbers in a register: oneDNN computes so many output channels at once, wanted or not."""

WIDEST = {"forward": 62, "input": 17, "kernel": 14}
"""The widest kernel that oneDNN generates direct code for; wider ones are unfolded into columns, or naive."""

WIDEST_DEPTHWISE = 13
"""The same for depthwise convolutions forward: in NCHW wider ones become columns, in NHWC they are slower."""

WIDEST_BLOCK = 240
"""The forward pass in NCHW: kernel width times input channels (up to 16) that generated code may hold."""

APART = 32
"""Channels from which on their reordering jumps further through memory than its caches like."""

PLAIN = 20480
"""Numbers of a single picture up to which PyTorch does without oneDNN, under kernels of at most 3."""


def native_work(problem: Problem, part: Part, channels_last: bool = False) -> dict[str, float]:
    """Units of work of one part of a convolution in PyTorch.

    Which way oneDNN 3.12 takes was read from its own log (ONEDNN_VERBOSE=1) over kernels of 1 to 63 and 1 to
    64 channels: direct code in blocks of 16 output channels; columns and a matrix product (`gemm:jit`); or
    naive loops (`ref:any`). In float64 PyTorch itself unfolds into columns.

    A single small picture under a small kernel it multiplies itself.

    >>> problem = Problem(2, 1, 1, (8, 8), (2, 1))
    >>> native_work(problem, "forward")["direct_multiply"]  # 2 * 56 outputs of 2 taps, 16 channels at a time
    3584.0
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
    way = _way(problem, part, channels_last)
    if way in ("plain", "columns"):
        unit = "plain_columns" if way == "plain" else f"{part}_columns"
        return {**common, unit: columns, "columns_multiply": float(problem.multiplications)}
    if way == "naive":
        unit = "kernel_naive_multiply" if part == "kernel" else "naive_multiply"
        return {**common, unit: float(problem.multiplications)}
    arrange = _channels_last if channels_last else _in_blocks
    unit, products = _products(problem, part, way, channels_last)
    return {**arrange(common, problem, part, x_bytes, y_bytes), unit: float(products)}


def _products(problem: Problem, part: Part, way: str, channels_last: bool) -> tuple[str, int]:
    """The unit of oneDNN's arithmetic, and how many products: channels come in blocks of 16."""
    taps, layout = math.prod(problem.kernel), "last_" if channels_last else ""
    outputs = problem.batch * math.prod(problem.output)
    if way == "depthwise":
        name = "depthwise" if part == "forward" else f"{part}_depthwise"
        if channels_last and part == "forward" and problem.kernel[-1] > WIDEST_DEPTHWISE:
            name = "depthwise_wide"
        elif channels_last and part == "forward" and problem.groups > VECTOR:
            name = "depthwise_apart"  # a pixel's channels are several blocks, which lie far from the next's
        return f"{layout}{name}_multiply", outputs * taps * _blocks(problem.groups)
    width, height = problem.in_channels // problem.groups, problem.out_channels // problem.groups
    both = part == "input" or (taps == 1 and not channels_last)
    pairs = _blocks(height) * _blocks(width) if both else width * _blocks(height)
    name = "direct" if part == "forward" else part
    return f"{layout}{name}_multiply", outputs * taps * problem.groups * pairs


def _channels_last(
    common: dict[str, float], problem: Problem, part: Part, x_bytes: int, y_bytes: int
) -> dict[str, float]:
    """x is copied with the channels of a pixel side by side; going back, the gradient of y is, too."""
    forward = part == "forward"
    apart = "apart_" if problem.in_channels > APART else ""
    moved = common.pop("moved_bytes") + _padding_bytes(problem, x_bytes)
    return {
        **common,
        "wakes": 2.0,
        f"relayout_{apart}bytes": float(x_bytes + (0 if forward else y_bytes)),
        "last_bytes": moved,
        "large_bytes": fresh(x_bytes) if forward else 0.0,
        "fresh_bytes": common["fresh_bytes"] + (0.0 if forward else fresh(x_bytes, y_bytes)),
    }


def _in_blocks(
    common: dict[str, float], problem: Problem, part: Part, x_bytes: int, y_bytes: int
) -> dict[str, float]:
    """NCHW is rewritten in blocks of 16 channels and back: one channel takes the memory of 16.

    Each rewriting wakes the threads once more. x stays as it is under kernels of several taps over fewer than
    16 channels, unless it is depthwise.
    """
    depthwise = _way(problem, part, channels_last=False) == "depthwise"
    blocks_input = depthwise or math.prod(problem.kernel) == 1 or problem.in_channels >= VECTOR
    maps = [(y_bytes, problem.out_channels)] + [(x_bytes, problem.in_channels)] * blocks_input
    blocked = [size * _blocks(channels) / channels for size, channels in maps]
    whole = [size for size, (_, channels) in zip(blocked, maps, strict=True) if channels % VECTOR == 0]
    lopsided = _padding_bytes(problem, x_bytes)
    return {
        **common,
        "wakes": 1.0 + len(blocked),
        "moved_bytes": common["moved_bytes"] + 2 * lopsided,
        "blocked_bytes": float(sum(whole)),
        "tail_bytes": float(sum(blocked) - sum(whole)),
        "fresh_bytes": common["fresh_bytes"] + fresh(lopsided) + fresh(*blocked),
    }


def _padding_bytes(problem: Problem, x_bytes: int) -> float:
    """What is copied because the paddings of an axis differ, which PyTorch cannot say to oneDNN."""
    return float(x_bytes) if any(before != after for before, after in problem.padding) else 0.0


def _way(problem: Problem, part: Part, channels_last: bool) -> str:
    groups, widest = problem.groups, problem.kernel[-1]
    width = problem.in_channels // groups
    depthwise = groups > 1 and groups == problem.in_channels == problem.out_channels
    pixels = problem.in_channels * math.prod(problem.size)
    if groups == problem.batch == 1 and max(problem.kernel) <= 3 and pixels <= PLAIN:
        return "plain"
    if part == "kernel":
        if depthwise and widest <= 4 and not channels_last:
            return "depthwise"
        if widest <= WIDEST["kernel"] and (not depthwise or channels_last):
            return "direct"
        return "naive" if channels_last and not depthwise else "columns"
    if depthwise:
        if part == "input" or channels_last or widest <= WIDEST_DEPTHWISE:
            return "depthwise"
        return "columns" if problem.batch * groups > 2 else "naive"
    if channels_last:
        return "direct"
    if part == "input":
        return "direct" if widest <= WIDEST["input"] else "columns"
    fits = widest * min(width, VECTOR) <= WIDEST_BLOCK and widest <= WIDEST["forward"]
    if fits:
        return "direct"
    # The columns of one picture must fit into what oneDNN grants them, else it computes output by output; so
    # it does for one channel, 2,000 times slower than it could.
    columns = width * math.prod(problem.kernel) * math.prod(problem.output)
    return "columns" if width > 1 and columns < 2**30 else "naive"


def _blocks(channels: int) -> int:
    return -(-channels // VECTOR) * VECTOR
