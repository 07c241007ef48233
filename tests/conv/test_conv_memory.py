"""Memory for large results: of the right kind, writable, its own, and given back."""

from __future__ import annotations

import math
import tracemalloc

import pytest
import torch

from fieldmark.conv import arrays
from fieldmark.conv.arrays import LARGE, empty

TYPES = [torch.float32, torch.float64, torch.complex64, torch.complex128, torch.float16, torch.bfloat16]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 5), (2, 3), [4, 1], (2**20, 5)])
def test_shape_dtype_and_device_are_those_asked_for(dtype, shape):
    like = torch.ones(1, dtype=dtype)
    for found, expected in (
        (empty(shape, like), dtype),
        (empty(shape, like, torch.complex64), torch.complex64),
    ):
        assert found.shape == torch.Size(shape)
        assert (found.dtype, found.device) == (expected, like.device)
        assert found.is_contiguous()
        assert not found.requires_grad


def test_a_large_one_on_another_device_stays_there():
    like = torch.empty(1, device="meta")
    assert empty((LARGE,), like).is_meta


@pytest.mark.parametrize("shape", [(LARGE // 4,), (2, LARGE // 4), (LARGE // 4 - 1,)])
def test_large_ones_are_writable_and_share_nothing(shape):
    like = torch.ones(1)
    first, second = empty(shape, like), empty(shape, like)
    first.fill_(1)
    second.fill_(2)
    assert float(first.sum(dtype=torch.float64)) == math.prod(shape)
    first.requires_grad_().square().sum().backward()
    assert first.grad is not None
    assert like == 1


def test_large_ones_come_from_numpy_and_are_given_back():
    tracemalloc.start()  # which numpy tells of every array, and PyTorch of nothing
    try:
        found = empty((2, LARGE // 4), torch.ones(1))
        assert tracemalloc.get_traced_memory()[0] >= 2 * LARGE
        part = found[1, :3]
        del found
        assert tracemalloc.get_traced_memory()[0] >= 2 * LARGE  # the view still needs it
        del part
        assert tracemalloc.get_traced_memory()[0] < LARGE
    finally:
        tracemalloc.stop()


def test_the_border_between_small_and_large_is_seen_in_nothing_but_time(monkeypatch):
    monkeypatch.setattr(arrays, "LARGE", 0)
    for shape in ((), (0, 3), (2, 3)):
        for dtype in TYPES:
            found = empty(shape, torch.ones(1, dtype=dtype))
            assert (found.shape, found.dtype) == (torch.Size(shape), dtype)
