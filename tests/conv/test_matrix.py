"""The Toeplitz matrix: torch's convolutions to the last bit, and the structure that it is named for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg
from torch import Tensor
from torch.nn import functional

from fieldmark.conv.matrix import as_matrix
from fieldmark.errors import UserError

CONVOLUTIONS: dict[int, Callable[..., Tensor]] = {
    1: functional.conv1d,
    2: functional.conv2d,
    3: functional.conv3d,
}
seeds = st.integers(0, 2**31)


def whole(seed: int, *shape: int) -> Tensor:
    """Small whole numbers, whose sums of products float64 holds exactly: equal means equal."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-8, 9, shape, generator=generator).double()


def correlated(
    x: Tensor,
    kernel: Tensor,
    *,
    stride: Sequence[int],
    dilation: Sequence[int],
    pairs: Sequence[tuple[int, int]],
    groups: int = 1,
) -> Tensor:
    """torch's correlation of x (C_in, *spatial) padded by hand with kernel (C_out, C_in/groups, *kernel)."""
    padded = functional.pad(x, [pad for pair in reversed(pairs) for pad in pair])
    convolution = CONVOLUTIONS[len(pairs)]
    return convolution(padded[None], kernel, stride=stride, dilation=dilation, groups=groups)[0]


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    """Sizes, kernels and settings where at least one output fits."""
    axes = draw(st.integers(1, 3))
    kernel = draw(st.lists(st.integers(1, 4), min_size=axes, max_size=axes))
    dilation = draw(st.lists(st.integers(1, 3), min_size=axes, max_size=axes))
    reach = [d * (m - 1) for d, m in zip(dilation, kernel, strict=True)]
    named = {
        "full": [(r, r) for r in reach],
        "same": [(r // 2, r - r // 2) for r in reach],
        "valid": [(0, 0) for _ in reach],
    }
    given = draw(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=axes, max_size=axes))
    padding = draw(st.sampled_from([*named, given]))
    pairs = named[padding] if isinstance(padding, str) else padding
    # Inputs smaller than the kernel too, where the padding makes up for it.
    least = [max(1, r + 1 - before - after) for r, (before, after) in zip(reach, pairs, strict=True)]
    size = [n + draw(st.integers(0, 5 if axes < 3 else 2)) for n in least]
    return {
        "size": tuple(size),
        "kernel": tuple(kernel),
        "pairs": pairs,
        "settings": {
            "stride": draw(st.lists(st.integers(1, 3), min_size=axes, max_size=axes)),
            "dilation": dilation,
            "padding": padding,
        },
    }


@given(cases(), seeds, st.booleans())
@settings(deadline=None, max_examples=100)
def test_the_same_map_as_torch_with_one_channel(case: dict[str, Any], seed: int, flip: bool) -> None:
    x, kernel = whole(seed, *case["size"]), whole(seed + 1, *case["kernel"])
    matrix = as_matrix(kernel, case["size"], flip=flip, **case["settings"])
    taps = kernel.flip(tuple(range(kernel.ndim))) if flip else kernel
    stride, dilation = case["settings"]["stride"], case["settings"]["dilation"]
    expected = correlated(x[None], taps[None, None], stride=stride, dilation=dilation, pairs=case["pairs"])
    assert torch.equal(matrix @ x.reshape(-1), expected.reshape(-1))


@given(cases(), seeds, st.booleans(), st.integers(1, 3), st.integers(1, 2), st.integers(1, 2))
@settings(deadline=None, max_examples=100)
def test_the_same_map_as_torch_with_channels_and_groups(
    case: dict[str, Any], seed: int, flip: bool, groups: int, width: int, outputs: int
) -> None:
    x = whole(seed, groups * width, *case["size"])
    kernel = whole(seed + 1, groups * outputs, width, *case["kernel"])
    matrix = as_matrix(kernel, x.shape, groups=groups, flip=flip, **case["settings"])
    taps = kernel.flip(tuple(range(2, kernel.ndim))) if flip else kernel
    stride, dilation = case["settings"]["stride"], case["settings"]["dilation"]
    expected = correlated(x, taps, stride=stride, dilation=dilation, pairs=case["pairs"], groups=groups)
    assert matrix.shape == (expected.numel(), x.numel())
    assert torch.equal(matrix @ x.reshape(-1), expected.reshape(-1))


@given(st.integers(1, 6), st.integers(1, 9), seeds)
@settings(deadline=None, max_examples=50)
def test_full_and_flipped_it_is_scipys_convolution_matrix(taps: int, size: int, seed: int) -> None:
    kernel = whole(seed, taps).numpy()
    ours = as_matrix(kernel, size, padding="full", flip=True).to_dense().numpy()
    np.testing.assert_array_equal(ours, linalg.convolution_matrix(kernel, size, "full"))


@given(st.integers(1, 5), st.integers(0, 8), st.integers(1, 3), st.sampled_from(["full", "same", "valid"]))
@settings(deadline=None, max_examples=50)
def test_every_diagonal_is_constant(taps: int, more: int, dilation: int, padding: str) -> None:
    kernel = np.arange(1.0, taps + 1)
    dense = as_matrix(kernel, dilation * (taps - 1) + 1 + more, dilation=dilation, padding=padding).to_dense()
    assert torch.equal(dense, torch.from_numpy(linalg.toeplitz(dense[:, 0], dense[0])))


def test_in_two_dimensions_blocks_repeat_and_are_toeplitz_themselves() -> None:
    dense = as_matrix(np.arange(1.0, 7).reshape(2, 3), (5, 6)).to_dense()
    blocks = dense.reshape(4, 4, 5, 6)  # output row, output column, input row, input column
    for i, j in np.ndindex(3, 4):
        assert torch.equal(blocks[i + 1, :, j + 1], blocks[i, :, j])
    for i, j in np.ndindex(4, 5):
        block = blocks[i, :, j]
        assert torch.equal(block, torch.from_numpy(linalg.toeplitz(block[:, 0], block[0])))
        taps = {0: [1, 2, 3], 1: [4, 5, 6]}.get(j - i, [0, 0, 0])
        assert block[0, :3].tolist() == taps


def test_it_is_mostly_zero() -> None:
    # 26x26 outputs of 9 taps each: against 676 * 784 numbers of a layer that is fully connected.
    matrix = as_matrix(torch.ones(3, 3), (28, 28))
    assert matrix.shape == (676, 784)
    assert matrix._nnz() == 676 * 9
    assert torch.equal(matrix.to_dense().sum(1), torch.full((676,), 9.0))
    # With channels, a block for every pair within a group: C_out * C_in / groups of them.
    assert as_matrix(torch.ones(6, 2, 3, 3), (4, 28, 28), groups=2)._nnz() == 6 * 2 * 676 * 9
    # A picture under a kernel of 5 with padding 2, each output without its taps that lie outside.
    inside = sum(min(i, 2) + min(27 - i, 2) + 1 for i in range(28))
    assert as_matrix(torch.ones(5, 5), (28, 28), padding=2)._nnz() == inside**2


def test_stored_by_row_then_column_zeros_of_the_kernel_too() -> None:
    matrix = as_matrix([[0, 1], [2, 0]], (3, 3))
    assert matrix.is_coalesced()
    assert matrix.layout == torch.sparse_coo
    assert matrix.indices()[:, :4].tolist() == [[0, 0, 0, 0], [0, 1, 3, 4]]
    assert matrix.values()[:4].tolist() == [0, 1, 2, 0]


def test_its_transpose_is_the_adjoint() -> None:
    # What the gradient goes back through: torch's transposed convolution, and what autograd finds.
    kernel = whole(0, 4, 3, 3, 2)
    matrix = as_matrix(kernel, (3, 7, 8), stride=2, padding=1)
    upstream = whole(1, 4, 4, 5)
    assert matrix.shape[0] == upstream.numel()
    back = (matrix.t() @ upstream.reshape(-1)).reshape(3, 7, 8)
    expected = functional.conv_transpose2d(upstream[None], kernel, stride=2, padding=1)[0]
    assert torch.equal(back[:, :, : expected.shape[2]], expected)
    x = whole(2, 1, 3, 7, 8).requires_grad_()
    y = functional.conv2d(x, kernel, stride=2, padding=1)
    (gradient,) = torch.autograd.grad(y, x, upstream[None])
    assert torch.equal(back, gradient[0])


def test_a_gradient_reaches_the_kernel() -> None:
    kernel, x = whole(0, 2, 3, 3, 3).requires_grad_(), whole(1, 3, 6, 6)
    upstream = whole(2, 2, 6, 6)
    y = as_matrix(kernel, x.shape, padding="same") @ x.reshape(-1)
    (ours,) = torch.autograd.grad(y, kernel, upstream.reshape(-1))
    expected = functional.conv2d(x[None], kernel, padding="same")
    (theirs,) = torch.autograd.grad(expected, kernel, upstream[None])
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128]
)
def test_the_dtype_is_the_kernels(dtype: torch.dtype) -> None:
    kernel = torch.tensor([1, 2, 3], dtype=dtype)
    matrix = as_matrix(kernel, 4)
    assert matrix.dtype == dtype
    assert torch.equal(matrix.to_dense()[1], torch.tensor([0, 1, 2, 3], dtype=dtype))


def test_arrays_lists_and_views_are_taken() -> None:
    assert as_matrix([1, 2], [3]).dtype == torch.float64
    assert as_matrix(np.ones(2, np.float32), np.int64(3)).dtype == torch.float32
    backwards = np.arange(9.0).reshape(3, 3)[::-1, ::-1]
    expected = as_matrix(np.arange(9.0).reshape(3, 3), (4, 4), flip=True)
    assert torch.equal(as_matrix(backwards, (4, 4)).to_dense(), expected.to_dense())
    transposed = torch.arange(6.0).reshape(2, 3).t()
    assert torch.equal(
        as_matrix(transposed, (4, 4)).to_dense(), as_matrix(transposed.contiguous(), (4, 4)).to_dense()
    )


def test_nothing_but_padding_gives_a_matrix_without_columns() -> None:
    matrix = as_matrix(torch.ones(3), 0, padding=2)
    assert matrix.shape == (2, 0)
    assert (matrix @ torch.zeros(0)).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("kernel", "shape", "arguments", "message"),
    [
        ((3, 3), (5,), {}, r"a kernel 3x3 for an input 5: \(\*kernel\) goes with \(\*spatial\)"),
        ((3,), (5, 5), {}, "a kernel 3 for an input 5x5"),
        ((4, 3, 3, 3), (8, 3, 5, 5), {}, "a kernel 4x3x3x3 for an input 8x3x5x5: .* without the batch"),
        (
            (4, 2, 3, 3),
            (3, 5, 5),
            {},
            "4x2x3x3 for an input 3x5x5 with groups=1: .* second axis times groups",
        ),
        ((3, 2, 3, 3), (4, 5, 5), {"groups": 2}, "groups=2: .* its first a multiple of groups"),
        ((4, 2, 3, 3), (4, 5, 5), {"groups": 0}, "groups=0"),
        ((4, 2, 3, 3), (4, 5, 5), {"groups": 2.0}, "groups=2.0"),
        ((3, 3), (5, 5), {"groups": 2}, "groups=2: groups need a kernel"),
        ((0, 3), (5, 5), {}, "a kernel 0x3 for an input 5x5: every axis of a kernel must be at least 1"),
        ((3, 3), (2, 5), {}, "3x3 does not fit into an input of 2x5"),
        ((3, 3), (5, -5), {}, "input_shape"),
        ((3, 3), (5, 5.5), {}, "input_shape"),
        ((3, 3), (5, 5), {"stride": 0}, "stride=0"),
        ((3, 3), (5, 5), {"padding": "maybe"}, "padding='maybe'"),
    ],
)
def test_what_cannot_be_is_refused(
    kernel: tuple[int, ...], shape: Any, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        as_matrix(np.ones(kernel), shape, **arguments)
