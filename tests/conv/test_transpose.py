"""The transposed convolution: the transpose of a correlation's matrix, and what PyTorch and scipy compute."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
import torch
import torch.nn.functional as F

from fieldmark import conv
from fieldmark.errors import UserError

TORCH = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
OURS = {1: conv.conv_transpose1d, 2: conv.conv_transpose2d, 3: conv.conv_transpose3d}

CASES = {
    "plain": ((2, 3, 5, 4), (3, 2, 3, 2), {}),
    "strided": ((2, 3, 5, 4), (3, 2, 3, 3), {"stride": (2, 3), "padding": (1, 2), "output_padding": (1, 2)}),
    "dilated groups": ((1, 4, 6, 5), (4, 3, 2, 3), {"stride": 2, "dilation": (2, 1), "groups": 2}),
    "padded beyond the kernel": ((1, 1, 9, 9), (1, 1, 3, 3), {"padding": 4}),
    "signal": ((3, 2, 11), (2, 4, 5), {"stride": 3, "padding": 1, "output_padding": 2}),
    "volume": ((1, 2, 3, 4, 3), (2, 2, 2, 3, 2), {"stride": (1, 2, 2), "padding": (0, 1, 0)}),
}


def draw(shape: tuple[int, ...], seed: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_it_is_pytorchs_with_its_gradients(name, dtype):
    shape, kernel, options = CASES[name]
    axes = len(shape) - 2
    x, w = draw(shape, 0, dtype).requires_grad_(), draw(kernel, 1, dtype).requires_grad_()
    bias = draw((kernel[1] * options.get("groups", 1),), 2, dtype).requires_grad_()
    theirs = TORCH[axes](x, w, bias, **options)
    ours = OURS[axes](x, w, bias=bias, **options)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    slope = draw(tuple(theirs.shape), 3, dtype)
    leaves = (x, w, bias)
    for found, true in zip(
        torch.autograd.grad(ours, leaves, slope), torch.autograd.grad(theirs, leaves, slope), strict=True
    ):
        torch.testing.assert_close(found, true, rtol=0, atol=1e-11)


@pytest.mark.parametrize("options", [{}, {"stride": 3, "padding": [(1, 0), (0, 2)]}, {"padding": "same"}])
def test_it_is_the_transpose_of_the_matrix_of_a_correlation(options):
    y_shape, w = (2, 7, 8), draw((3, 2, 3, 2), 0)
    matrix = conv.as_matrix(w, y_shape, **options).to_dense()
    small = conv.correlate2d(torch.zeros(y_shape, dtype=w.dtype), w, **options)
    x = draw(tuple(small.shape), 1)
    strides = (options.get("stride", 1),) * 2
    lacks = [  # what the correlation's floor left over
        (n + sum(pair) - k) % s
        for n, pair, k, s in zip(
            y_shape[1:],
            options["padding"] if isinstance(options.get("padding"), list) else [(0, 0)] * 2,
            w.shape[2:],
            strides,
            strict=True,
        )
    ]
    large = conv.conv_transpose2d(x, w, output_padding=lacks, **options)
    assert large.shape == y_shape
    torch.testing.assert_close(large.reshape(-1), matrix.T @ x.reshape(-1))


def test_at_stride_1_it_is_scipys_full_convolution():
    random = np.random.default_rng(0)
    x, w = random.random((6, 7)), random.random((3, 4))
    np.testing.assert_allclose(conv.conv_transpose2d(x, w), scipy.signal.convolve2d(x, w), atol=1e-12)
    np.testing.assert_allclose(conv.conv_transpose2d(x, w), conv.conv2d(x, w, padding="full"), atol=1e-12)


@pytest.mark.parametrize("algorithm", [name for name in conv.ALGORITHMS if not name.startswith("winograd")])
def test_every_algorithm_gives_it(algorithm):
    x, w = draw((2, 2, 5, 4), 0), draw((2, 3, 3, 2), 1)
    found = conv.conv_transpose2d(x, w, stride=2, algorithm=algorithm)
    torch.testing.assert_close(found, F.conv_transpose2d(x, w, stride=2))


def test_leading_axes_and_an_empty_batch_are_kept():
    w = draw((2, 2), 0)
    x = draw((3, 2, 4, 5), 1)
    each = conv.conv_transpose2d(x, w, stride=2, bias=0.5)
    assert each.shape == (3, 2, 8, 10)
    torch.testing.assert_close(each[2, 1], conv.conv_transpose2d(x[2, 1], w, stride=2) + 0.5)
    assert conv.conv_transpose2d(x[:0, 0][:, None], draw((1, 4, 2, 2), 0)).shape == (0, 4, 5, 6)


@pytest.mark.parametrize(
    ("shape", "kernel", "options", "words"),
    [
        ((5, 5), (3, 3), {"output_padding": 1}, "output_padding=1 with stride=1: it must be smaller"),
        ((2, 2), (3, 3), {"padding": 2}, "2x2 under a kernel of 3x3 with padding=2 would give 0 by 0"),
        ((1, 2, 5, 5), (3, 2, 3, 3), {}, "first axis must be the channels of x, 2"),
        ((5, 5), (3, 3), {"groups": 2}, "groups=2"),
        ((5,), (3, 3), {}, "at least 2"),
        ((5, 5), (3, 2, 3, 3), {}, r"\(C_in, C_out/groups, ...\)"),
        ((64, 64, 3), (3, 3), {}, "looks like colours"),
        ((5, 5), (0, 3), {}, "no taps"),
    ],
)
def test_what_does_not_fit_is_said(shape, kernel, options, words):
    with pytest.raises(UserError, match=words):
        conv.conv_transpose2d(np.ones(shape), np.ones(kernel), **options)
