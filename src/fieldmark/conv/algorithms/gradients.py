"""The gradients of a correlation: by PyTorch, and as a correlation again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from fieldmark.conv.algorithms.native import correlate
from fieldmark.conv.boundaries import extend
from fieldmark.conv.problem import Problem


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


def transposed(gradient: Tensor, w: Tensor, problem: Problem) -> tuple[Tensor, Tensor, Problem]:
    """The correlation that gives dL/dx from dL/dy: its input, its kernel and its problem.

    The gradient, spread out by the stride and padded by what the padding left, meets the kernel turned
    around, with the two channel axes swapped (conjugated for complex numbers): Dumoulin & Visin 2016,
    arXiv 1603.07285, section 4.

    >>> gradient, w = torch.ones(1, 1, 2), torch.tensor([[[1.0, 2.0]]])
    >>> _, turned, back = transposed(gradient, w, Problem(1, 1, 1, (3,), (2,), (1,), ((0, 0),), (1,)))
    >>> turned.tolist(), back.padding, back.output
    ([[[2.0, 1.0]]], ((1, 1),), (3,))
    """
    back, keep = transposed_problem(problem)
    inside: Any = (..., *keep)
    turned = torch.unflatten(w.conj().flip(tuple(range(2, w.ndim))), 0, (problem.groups, -1))
    turned = turned.transpose(1, 2).flatten(0, 1).resolve_conj()
    return unstride(gradient, problem)[inside], turned, back


def transposed_problem(problem: Problem) -> tuple[Problem, list[slice]]:
    """The problem of `transposed`, and the part of the unstrided gradient that reaches the input at all."""
    keep, padding, size = [], [], []
    for n, out, reach, (before, _) in zip(
        problem.size, problem.unstrided, problem.reach, problem.padding, strict=True
    ):
        left = reach - 1 - before
        right = n - out - left + reach - 1
        kept = slice(max(0, -left), out - max(0, -right))
        keep.append(kept)
        size.append(max(0, kept.stop - kept.start))
        padding.append((max(0, left), max(0, right)))
    back = replace(
        problem,
        in_channels=problem.out_channels,
        out_channels=problem.in_channels,
        size=tuple(size),
        stride=(1,) * problem.axes,
        padding=tuple(padding),
    )
    return back, keep


def unstride(gradient: Tensor, problem: Problem) -> Tensor:
    """The gradient of the strided result as that of the unstrided one: zeros where nothing was taken."""
    if all(s == 1 for s in problem.stride):
        return gradient
    spread = gradient.new_zeros(*gradient.shape[:2], *problem.unstrided)
    taken: Any = (..., *[slice(None, None, s) for s in problem.stride])
    spread[taken] = gradient
    return spread
