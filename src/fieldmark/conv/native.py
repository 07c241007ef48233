"""PyTorch's own convolution (oneDNN on a processor, cuDNN on an NVIDIA GPU), in both memory formats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from fieldmark.conv.boundaries import extend
from fieldmark.conv.memory import empty
from fieldmark.conv.native_costs import work
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


def _any(problem: Problem) -> str | None:
    return None


def _has_layout(problem: Problem) -> str | None:
    return None if problem.axes > 1 else "a signal of one axis has no channels_last layout"


TORCH = Algorithm(
    "torch", "PyTorch's own convolution", correlate, _any, lambda problem: work(problem, "forward")
)
CHANNELS_LAST = Algorithm(
    "channels_last",
    "PyTorch's own convolution, channels last",
    correlate_channels_last,
    _has_layout,
    lambda problem: work(problem, "forward", channels_last=True),
)
