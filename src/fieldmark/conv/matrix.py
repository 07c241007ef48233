"""A convolution is linear: its matrix, mostly zero, repeats the kernel along its diagonals (Toeplitz)."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from fieldmark.conv.arrays import tensor_of
from fieldmark.conv.geometry import Padding, Pair, outputs, pads, per_axis, spell
from fieldmark.errors import UserError


@dataclass(frozen=True)
class _Links:
    """Along an axis: output row[i] meets input column[i] through kernel element tap[i]; how many of each."""

    row: Tensor
    tap: Tensor
    column: Tensor
    rows: int
    taps: int
    columns: int


def as_matrix(
    kernel: ArrayLike | Tensor,
    input_shape: int | Sequence[int],
    *,
    stride: int | Sequence[int] = 1,
    dilation: int | Sequence[int] = 1,
    padding: Padding = 0,
    groups: int = 1,
    flip: bool = False,
) -> Tensor:
    """The sparse matrix of the same linear map as `correlate1d/2d/3d`, or, with flip=True, as `conv1d/2d/3d`.

    matrix @ x.reshape(-1) == correlate(x, kernel).reshape(-1) for an x of `input_shape`; its transpose is the
    adjoint, what the gradient goes back through. In 1-D at stride 1, row i holds the kernel from column
    i - padding on, so that every diagonal is constant.

    Args:
        kernel: (k,), (kh, kw) or (kd, kh, kw), or with channels (C_out, C_in/groups, *kernel). Real or
            complex; integers as float64. An element that is 0 is stored like any other.
        input_shape: As many axes as the kernel has, or (C_in, *spatial) without the batch.
        stride: As in `correlate2d`.
        dilation: As in `correlate2d`.
        padding: As in `correlate2d`; zeros stand there.
        groups: In how many groups the channels go.
        flip: Whether the map is that of true convolution.

    Returns:
        A coalesced torch.sparse_coo_tensor (outputs, inputs) in the kernel's dtype and on its device,
        differentiable in the kernel.

    Raises:
        UserError: The shapes do not fit.

    >>> matrix = as_matrix([1, 2, 3], 5)
    >>> matrix.to_dense()
    tensor([[1., 2., 3., 0., 0.],
            [0., 1., 2., 3., 0.],
            [0., 0., 1., 2., 3.]], dtype=torch.float64)
    >>> matrix @ torch.tensor([1.0, 0, 0, 0, 1], dtype=torch.float64)
    tensor([1., 0., 3.], dtype=torch.float64)
    """
    weights = tensor_of(kernel, "the kernel")
    shape = _sizes(input_shape)
    axes = _spatial_axes(weights.shape, shape, groups)
    size, taps = shape[len(shape) - axes :], tuple(weights.shape[weights.ndim - axes :])
    if flip:
        weights = weights.flip(tuple(range(-axes, 0)))

    strides, dilations = per_axis(stride, axes, "stride", 1), per_axis(dilation, axes, "dilation", 1)
    paddings = pads(padding, taps, dilations)
    counts = outputs(size, taps, strides, paddings, dilations)
    links = _joined(
        [
            *([_channel_links(weights.shape[0], shape[0], groups)] if weights.ndim > axes else []),
            *map(_spatial_links, counts, taps, size, strides, dilations, paddings),
        ]
    )
    indices = torch.stack([links.row, links.column]).to(weights.device)
    values = weights.reshape(-1)[links.tap.to(weights.device)]
    matrix = torch.sparse_coo_tensor(indices, values, (links.rows, links.columns), check_invariants=True)
    return matrix.coalesce()


def _spatial_links(rows: int, taps: int, columns: int, stride: int, dilation: int, padding: Pair) -> _Links:
    """Output i meets input i*stride + tap*dilation - before, where that is inside."""
    row = torch.arange(rows).unsqueeze(1)  # (rows, 1)
    tap = torch.arange(taps)
    column = row * stride + tap * dilation - padding[0]  # (rows, taps)
    inside = (column >= 0) & (column < columns)
    return _Links(
        row.expand_as(column)[inside], tap.expand_as(column)[inside], column[inside], rows, taps, columns
    )


def _channel_links(out_channels: int, in_channels: int, groups: int) -> _Links:
    """Every output channel meets every input channel of its group, each pair with a kernel of its own."""
    width = in_channels // groups
    tap = torch.arange(out_channels * width)
    row = tap // width
    group = row // (out_channels // groups)
    return _Links(row, tap, group * width + tap % width, out_channels, len(tap), in_channels)


def _joined(axes: Sequence[_Links]) -> _Links:
    """The links of all axes together: every combination, with positions counted row by row."""
    first, *others = axes
    for axis in others:
        first = _Links(
            (first.row.unsqueeze(1) * axis.rows + axis.row).reshape(-1),
            (first.tap.unsqueeze(1) * axis.taps + axis.tap).reshape(-1),
            (first.column.unsqueeze(1) * axis.columns + axis.column).reshape(-1),
            first.rows * axis.rows,
            first.taps * axis.taps,
            first.columns * axis.columns,
        )
    return first


def _sizes(input_shape: int | Sequence[int]) -> tuple[int, ...]:
    try:
        return per_axis((operator.index(input_shape),), 1, "input_shape", 0)  # type: ignore[arg-type]
    except TypeError:
        return per_axis(input_shape, len(input_shape), "input_shape", 0)  # type: ignore[arg-type]


def _spatial_axes(kernel: Sequence[int], shape: Sequence[int], groups: int) -> int:
    """How many axes the kernel slides along: all of `shape`, or in the channels form all but the first."""
    found = f"a kernel {spell(kernel)} for an input {spell(shape)}"
    channels = len(kernel) == len(shape) + 1
    axes = len(shape) - channels
    if not (channels or len(kernel) == len(shape)) or not 1 <= axes <= 3:
        raise UserError(
            f"{found}: (*kernel) goes with (*spatial), and (C_out, C_in/groups, *kernel) with "
            "(C_in, *spatial), of 1 to 3 spatial axes and without the batch."
        )
    if 0 in kernel:
        raise UserError(f"{found}: every axis of a kernel must be at least 1.")
    if not channels and groups != 1:
        raise UserError(f"{found} with groups={groups}: groups need a kernel (C_out, C_in/groups, *kernel).")
    fitting = isinstance(groups, int) and groups >= 1
    if channels and not (fitting and kernel[0] % groups == 0 and kernel[1] * groups == shape[0]):
        raise UserError(
            f"{found} with groups={groups}: the kernel's second axis times groups must be the input's "
            "channels, and its first a multiple of groups."
        )
    return axes
