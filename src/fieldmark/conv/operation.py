"""The public convolutions and correlations: one signature, every algorithm behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike
from torch import Tensor

from fieldmark.conv.arrays import give_back, take
from fieldmark.conv.geometry import Padding
from fieldmark.conv.plan import plan
from fieldmark.conv.signatures import signed


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

    x, kernel: numpy arrays (or lists) give a numpy array, tensors give a tensor; beside a tensor an array
    takes its dtype and device. float32, float64, complex64, complex128; tensors also float16 and bfloat16, by
    PyTorch. Integers are computed as float64, so that nothing wraps around.

    A kernel (kh, kw) is applied to every leading axis of x (..., H, W): a picture, or any batch of them; a
    picture with its colours last is refused as it is, and needs np.moveaxis(x, -1, 0) first. A kernel
    (C_out, C_in/groups, kh, kw) sums over the channels of x (N, C_in, H, W) or (C_in, H, W).

    bias: C_out numbers, or one for a kernel (kh, kw).

    padding: a number, one per axis, (before, after) per axis, or `full`, `same` (stride 1 keeps the size),
    `valid`; boundary: what stands there, `zeros`, `reflect`, `replicate` or `circular`.

    algorithm: one of conv.ALGORITHMS, or `auto`, the fastest by the cost model (conv.choose says which and
    why). All are differentiable in x and kernel, and differ by rounding only: with gamma = n*eps/(1 - n*eps)
    for n products, `reference`, `im2col`, `shifted`, `torch`, `channels_last` stay within gamma * (|x|
    correlated with |kernel|), element by element; the Fourier ones within a bound on norms
    (`algorithms/fourier.py`), `winograd` within that of its matrices (`algorithms/winograd.py`). `auto` may
    take any but `reference`, the Winograd ones only for float64 and complex128: its loosest bound is the
    Fourier one, there the looser of the two.
    With `auto` NaN, infinities and overflow stay where the definition has them; an algorithm asked for by
    name may spread them over a tile or the whole result. Inside of torch.func (grad, vmap, jvp) `auto` is
    `torch`.

    Raises UserError (a ValueError) for shapes that do not fit, naming both and the rule, and where an
    algorithm that was asked for by name does not support the case.

    >>> correlate2d([[0, 1, 2], [3, 4, 5], [6, 7, 8]], [[0, 1], [2, 3]])
    array([[19., 25.],
           [37., 43.]])
    """
    return _apply(2, False, x, kernel, stride, padding, dilation, groups, bias, boundary, algorithm)


@signed(correlate2d)
def conv2d(x: ArrayLike | Tensor, kernel: ArrayLike | Tensor, **settings: Any) -> Any:
    """True convolution: `correlate2d` with the kernel flipped on both axes, kernel[::-1, ::-1].

    Everything else, and what is raised, as `correlate2d`. A strided result is the stride-1 result sampled.

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

    x (..., L) with kernel (k,), or x (N, C_in, L) or (C_in, L) with kernel (C_out, C_in/groups, k). A padding
    of two bare numbers is (before, after). Everything else, and what is raised, as `correlate2d`.

    >>> correlate1d([1, 3, 2, 4], [1, 0, -1])
    array([-1., -1.])
    """
    return _apply(1, False, x, kernel, **settings)


@signed(correlate2d)
def conv1d(x: ArrayLike | Tensor, kernel: ArrayLike | Tensor, **settings: Any) -> Any:
    """True convolution of signals: `correlate1d` with the kernel turned around, kernel[::-1].

    y[i] = sum over k of x_padded[i*stride + m-1-k] * kernel[k]. Everything else, and what is raised, as
    `correlate2d`.

    >>> conv1d([1, 3, 2, 4, 5, 6, 1, 3], [1, 0, 3, 1, 2], padding=2)
    array([ 5., 14., 16., 26., 24., 34., 19., 22.])
    >>> conv1d([3, 2, 1, 7, 1, 2, 5, 4], [1 / 2, 3 / 4, 1, 1 / 4], stride=2)
    array([7., 9., 8.])
    """
    return _apply(1, True, x, kernel, **settings)


@signed(correlate2d)
def correlate3d(x: ArrayLike | Tensor, kernel: ArrayLike | Tensor, **settings: Any) -> Any:
    """Slide `kernel` through volumes and sum the products.

    x (..., D, H, W) with kernel (kd, kh, kw), or x (N, C_in, D, H, W) or (C_in, D, H, W) with kernel
    (C_out, C_in/groups, kd, kh, kw). Everything else, and what is raised, as `correlate2d`.

    >>> import numpy as np
    >>> correlate3d(np.ones((3, 4, 4)), np.ones((2, 2, 2))).shape
    (2, 3, 3)
    """
    return _apply(3, False, x, kernel, **settings)


@signed(correlate2d)
def conv3d(x: ArrayLike | Tensor, kernel: ArrayLike | Tensor, **settings: Any) -> Any:
    """True convolution of volumes: `correlate3d` with the kernel flipped on all three axes.

    Everything else, and what is raised, as `correlate2d`.

    >>> import numpy as np
    >>> conv3d(np.ones((3, 4, 4)), np.ones((2, 2, 2)), padding="same").shape
    (3, 4, 4)
    """
    return _apply(3, True, x, kernel, **settings)


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
