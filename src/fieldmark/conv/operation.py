"""The public convolutions, correlations and transposed convolutions: every algorithm stands behind each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike
from torch import Tensor

from fieldmark.conv.arrays import give_back, take
from fieldmark.conv.geometry import Padding, pads, per_axis, refuse_colours_last, spell
from fieldmark.conv.plan import plan
from fieldmark.conv.problem import Problem, transposed
from fieldmark.conv.signatures import signed
from fieldmark.errors import UserError


def correlate2d(
    x: ArrayLike | Tensor,
    kernel: ArrayLike | Tensor,
    *,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    bias: Any = None,
    boundary: str = "zeros",
    algorithm: str = "auto",
) -> Any:
    """Slide `kernel` over pictures and sum the products: what deep learning calls a convolution.

        y[i, j] = sum over k, l of
            x[i*stride + k*dilation - before, j*stride + l*dilation - before] * kernel[k, l]

    A kernel (kh, kw) is applied to every leading axis of x: a picture, or any batch of them. A kernel with
    channels sums over the channels of x. All algorithms are differentiable in x and kernel, and differ by
    rounding only. With gamma = n*eps/(1 - n*eps) for n products, `reference`, `im2col`, `shifted`, `torch`
    and `channels_last` stay within gamma * (|x| correlated with |kernel|), element by element; the Fourier
    ones stay within a bound on norms (`algorithms/fourier.py`), and `winograd` within that of its matrices
    (`algorithms/winograd.py`). `auto` takes any but `reference`, and the Winograd ones only for float64 and
    complex128: its loosest bound is the Fourier one, there the looser of the two.

    With `auto`, NaN, infinities and overflow stay where the definition has them; an algorithm asked for by
    name may spread them over a tile or the whole result. Inside of torch.func (grad, vmap, jvp) `auto` is
    `torch`.

    Args:
        x: Pictures (..., H, W), or (N, C_in, H, W) or (C_in, H, W) under a kernel with channels. float32,
            float64, complex64 or complex128; tensors also float16 and bfloat16, by PyTorch. Integers are
            computed as float64, so that nothing wraps around. A picture with its colours last is refused;
            it needs np.moveaxis(x, -1, 0) first.
        kernel: The weights (kh, kw), or (C_out, C_in/groups, kh, kw). Beside a tensor an array takes its
            dtype and device.
        stride: How far the kernel moves on: a number, or one per axis.
        padding: How much is laid around x: a number, one per axis, (before, after) per axis, or `full`,
            `same` (stride 1 keeps the size) or `valid`.
        dilation: How far apart the taps of the kernel lie: a number, or one per axis.
        groups: In how many groups the channels go, each with kernels of its own.
        bias: C_out numbers to add, or one for a kernel (kh, kw).
        boundary: What stands in the padding: `zeros`, `reflect`, `replicate` or `circular`.
        algorithm: One of conv.ALGORITHMS, or `auto`, the fastest by the cost model (conv.choose says which
            and why).

    Returns:
        A tensor where x or kernel is one, else a numpy array: (..., H_out, W_out), (N, C_out, H_out, W_out)
        or (C_out, H_out, W_out).

    Raises:
        UserError: (a ValueError) The shapes do not fit, or an algorithm that was asked for by name does not
            support the case.

    >>> correlate2d([[0, 1, 2], [3, 4, 5], [6, 7, 8]], [[0, 1], [2, 3]])
    array([[19., 25.],
           [37., 43.]])
    """
    return _apply(2, False, x, kernel, stride, padding, dilation, groups, bias, boundary, algorithm)


@signed(correlate2d)
def conv2d(x: ArrayLike | Tensor, kernel: ArrayLike | Tensor, **settings: Any) -> Any:
    """True convolution: `correlate2d` with the kernel flipped on both axes, kernel[::-1, ::-1].

    A strided result is the stride-1 result sampled. Arguments, results and errors are those of
    `correlate2d`.

    >>> x = [[1, 3, 2, 4], [5, 6, 1, 3], [1, 2, 0, 2], [3, 4, 3, 2]]
    >>> conv2d(x, [[1, 0, 3], [1, 2, 1], [0, 1, 1]], padding=1)
    array([[11., 25., 32., 13.],
           [19., 25., 24., 13.],
           [13., 28., 25., 17.],
           [11., 17., 14.,  9.]])
    """
    return _apply(2, True, x, kernel, **settings)


@signed(correlate2d)
def correlate1d(x: ArrayLike | Tensor, kernel: ArrayLike | Tensor, **settings: Any) -> Any:
    """Slide `kernel` along signals and sum the products.

    Other arguments, results and errors are those of `correlate2d`.

    Args:
        x: Signals (..., L), or (N, C_in, L) or (C_in, L) under a kernel with channels.
        kernel: The weights (k,), or (C_out, C_in/groups, k).
        **settings: As in `correlate2d`; a padding of two bare numbers is (before, after).

    >>> correlate1d([1, 3, 2, 4], [1, 0, -1])
    array([-1., -1.])
    """
    return _apply(1, False, x, kernel, **settings)


@signed(correlate2d)
def conv1d(x: ArrayLike | Tensor, kernel: ArrayLike | Tensor, **settings: Any) -> Any:
    """True convolution of signals: `correlate1d` with the kernel turned around, kernel[::-1].

    y[i] = sum over k of x_padded[i*stride + m-1-k] * kernel[k]. Arguments, results and errors are those of
    `correlate1d`.

    >>> conv1d([1, 3, 2, 4, 5, 6, 1, 3], [1, 0, 3, 1, 2], padding=2)
    array([ 5., 14., 16., 26., 24., 34., 19., 22.])
    >>> conv1d([3, 2, 1, 7, 1, 2, 5, 4], [1 / 2, 3 / 4, 1, 1 / 4], stride=2)
    array([7., 9., 8.])
    """
    return _apply(1, True, x, kernel, **settings)


@signed(correlate2d)
def correlate3d(x: ArrayLike | Tensor, kernel: ArrayLike | Tensor, **settings: Any) -> Any:
    """Slide `kernel` through volumes and sum the products.

    Other arguments, results and errors are those of `correlate2d`.

    Args:
        x: Volumes (..., D, H, W), or (N, C_in, D, H, W) or (C_in, D, H, W) under a kernel with channels.
        kernel: The weights (kd, kh, kw), or (C_out, C_in/groups, kd, kh, kw).
        **settings: As in `correlate2d`.

    >>> import numpy as np
    >>> correlate3d(np.ones((3, 4, 4)), np.ones((2, 2, 2))).shape
    (2, 3, 3)
    """
    return _apply(3, False, x, kernel, **settings)


@signed(correlate2d)
def conv3d(x: ArrayLike | Tensor, kernel: ArrayLike | Tensor, **settings: Any) -> Any:
    """True convolution of volumes: `correlate3d` with the kernel flipped on all three axes.

    Arguments, results and errors are those of `correlate3d`.

    >>> import numpy as np
    >>> conv3d(np.ones((3, 4, 4)), np.ones((2, 2, 2)), padding="same").shape
    (3, 4, 4)
    """
    return _apply(3, True, x, kernel, **settings)


def conv_transpose2d(
    x: ArrayLike | Tensor,
    kernel: ArrayLike | Tensor,
    *,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    output_padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    bias: Any = None,
    algorithm: str = "auto",
) -> Any:
    """The transpose of `correlate2d`: every number of x stamps the kernel, times itself, and stamps add up.

        y[i*stride + k*dilation - before, j*stride + l*dilation - before] += x[i, j] * kernel[k, l]

    With M = as_matrix(kernel, (H, W), ...) of the correlation that makes x out of y, it is y = M^T x
    (Dumoulin & Visin 2016, arXiv 1603.07285, section 4); it undoes the shape, not the values. At stride 1 it
    is true convolution: conv_transpose2d(x, kernel) == conv2d(x, kernel, padding="full"). In torch:
    torch.nn.functional.conv_transpose2d.

    Per axis, n numbers give (n - 1) * stride - before - after + dilation * (k - 1) + 1 + output_padding.
    dtypes, arrays and tensors, algorithms, their bounds and gradients are those of `correlate2d`.

    Args:
        x: Maps (..., H, W), or (N, C_in, H, W) or (C_in, H, W) under a kernel with channels.
        kernel: The weights (kh, kw), or (C_in, C_out/groups, kh, kw): the kernel of the correlation from
            C_out channels to C_in.
        stride: That of the correlation; the numbers of x come to lie so far apart.
        padding: That of the correlation; it cuts the rim of y away.
        output_padding: Which size is wanted: with a stride of s, s of them give n numbers by the
            correlation. 0 to s - 1, a number or one per axis.
        dilation: How far apart the taps of the kernel lie.
        groups: In how many groups the channels go.
        bias: C_out numbers to add.
        algorithm: As in `correlate2d`.

    Returns:
        y, a tensor where x or kernel is one, else a numpy array.

    Raises:
        UserError: The shapes do not fit, or no size needs that output_padding.

    >>> conv_transpose2d([[1, 2], [3, 4]], [[1, 1], [1, 1]], stride=2)
    array([[1., 1., 2., 2.],
           [1., 1., 2., 2.],
           [3., 3., 4., 4.],
           [3., 3., 4., 4.]])
    """
    return _transpose(2, x, kernel, stride, padding, output_padding, dilation, groups, bias, algorithm)


@signed(conv_transpose2d)
def conv_transpose1d(x: ArrayLike | Tensor, kernel: ArrayLike | Tensor, **settings: Any) -> Any:
    """The transpose of `correlate1d`, of signals (..., L) or (N, C_in, L).

    Arguments, results and errors are those of `conv_transpose2d`.

    >>> conv_transpose1d([1, 2, 3], [1, 10, 100], stride=2)
    array([  1.,  10., 102.,  20., 203.,  30., 300.])
    """
    return _transpose(1, x, kernel, **settings)


@signed(conv_transpose2d)
def conv_transpose3d(x: ArrayLike | Tensor, kernel: ArrayLike | Tensor, **settings: Any) -> Any:
    """The transpose of `correlate3d`, of volumes (..., D, H, W) or (N, C_in, D, H, W).

    Arguments, results and errors are those of `conv_transpose2d`.

    >>> conv_transpose3d([[[1, 2]]], [[[1, 1]]]).tolist()
    [[[1.0, 3.0, 2.0]]]
    """
    return _transpose(3, x, kernel, **settings)


def _apply(
    axes: int,
    flip: bool,
    x: ArrayLike | Tensor,
    kernel: ArrayLike | Tensor,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    bias: Any = None,
    boundary: str = "zeros",
    algorithm: str = "auto",
) -> Any:
    signal, weights, numpy_in = take(x, kernel)
    found = plan(signal, weights, axes, flip, stride, padding, dilation, groups, boundary, algorithm)
    return give_back(found(signal, weights, bias), numpy_in)


def _transpose(
    axes: int,
    x: ArrayLike | Tensor,
    kernel: ArrayLike | Tensor,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    output_padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    bias: Any = None,
    algorithm: str = "auto",
) -> Any:
    signal, weights, numpy_in = take(x, kernel)
    stack, weights, leading = _transposed_form(signal, weights, axes, groups)
    forward = _correlation(stack, weights, axes, stride, padding, output_padding, dilation, groups)
    # `transposed` gives the adjoint, which conjugates; the transpose does not.
    spread, turned, back = transposed(stack, weights.conj(), forward)
    y = _apply(
        axes,
        False,
        spread,
        turned,
        padding=back.padding,
        dilation=back.dilation,
        groups=back.groups,
        bias=bias,
        algorithm=algorithm,
    )
    return give_back(y.reshape(*leading, *forward.size), numpy_in)


def _transposed_form(x: Tensor, w: Tensor, axes: int, groups: int) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    """x (N, C_in, *size), the kernel (C_in, C_out/groups, *kernel), and the leading axes of the result."""
    found = f"x is {spell(x.shape)} and the kernel {spell(w.shape)}"
    if 0 in w.shape:
        raise UserError(f"a kernel of {spell(w.shape)} has no taps; every axis must be at least 1.")
    if w.ndim == axes and x.ndim >= axes and groups == 1:
        refuse_colours_last(x.shape, axes)
        leading = tuple(x.shape[: x.ndim - axes])
        return x.reshape(math.prod(leading), 1, *x.shape[len(leading) :]), w[None, None], leading
    if w.ndim == axes:
        raise UserError(
            f"{found} with groups={groups}: a kernel of {axes} axes needs an x of at least {axes}, and "
            "groups a kernel (C_in, C_out/groups, ...)."
        )
    if w.ndim != axes + 2 or x.ndim not in (axes + 1, axes + 2):
        raise UserError(
            f"{found}: a kernel of {axes} axes, or (C_in, C_out/groups, ...) with an x of (N, C_in, ...) or "
            f"(C_in, ...), each with {axes} more axes, is needed."
        )
    channels = x.shape[-axes - 1]
    if not isinstance(groups, int) or groups < 1 or w.shape[0] != channels or channels % groups:
        raise UserError(
            f"{found} with groups={groups}: the kernel's first axis must be the channels of x, {channels}, "
            "and a multiple of groups."
        )
    batch = tuple(x.shape[: x.ndim - axes - 1])
    return x.reshape(math.prod(batch), *x.shape[-axes - 1 :]), w, (*batch, w.shape[1] * groups)


def _correlation(
    x: Tensor,
    w: Tensor,
    axes: int,
    stride: int | Sequence[int],
    padding: Padding,
    output_padding: int | Sequence[int],
    dilation: int | Sequence[int],
    groups: int,
) -> Problem:
    """The correlation of which this is the transpose: it makes x out of the result."""
    kernel = tuple(w.shape[2:])
    strides, dilations = per_axis(stride, axes, "stride", 1), per_axis(dilation, axes, "dilation", 1)
    around = pads(padding, kernel, dilations)
    more = per_axis(output_padding, axes, "output_padding", 0)
    if any(extra >= s for extra, s in zip(more, strides, strict=True)):
        raise UserError(
            f"output_padding={output_padding!r} with stride={stride!r}: it must be smaller than the stride, "
            "as the correlation then gives other sizes."
        )
    size = tuple(
        (n - 1) * s - sum(pair) + d * (k - 1) + 1 + extra
        for n, s, pair, d, k, extra in zip(x.shape[2:], strides, around, dilations, kernel, more, strict=True)
    )
    if min(size) < 1 or 0 in x.shape[2:]:
        raise UserError(
            f"x of {spell(x.shape[2:])} under a kernel of {spell(kernel)} with padding={padding!r} would "
            f"give {' by '.join(map(str, size))}: every side must be at least 1. Give less padding."
        )
    return Problem(
        batch=x.shape[0],
        in_channels=w.shape[1] * groups,
        out_channels=w.shape[0],
        size=size,
        kernel=kernel,
        stride=strides,
        padding=around,
        dilation=dilations,
        groups=groups,
        dtype=x.dtype,
        device=x.device.type,
    )
