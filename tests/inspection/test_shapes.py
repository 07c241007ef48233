"""Shapes known without asking torch are those that torch gives; what torch refuses is left to it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from fieldmark.inspection.shapes import ELEMENTWISE, arguments_by_name, shaped


class Comparing(TorchDispatchMode):
    """Compares what is known with what torch gives, for every operation inside. known: their names."""

    def __init__(self) -> None:
        super().__init__()
        self.known: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        ours = shaped(func, arguments_by_name(func, args, kwargs or {}))
        theirs = func(*args, **(kwargs or {}))
        if ours is not None:
            self.known.append(func._overloadpacket.__name__)
            ours = ours if isinstance(ours, tuple) else (ours,)
            theirs_too = theirs if isinstance(theirs, tuple) else (theirs,)
            for one, other in zip(ours, theirs_too, strict=True):
                assert (one.shape, one.dtype, one.device) == (other.shape, other.dtype, other.device), func
        return theirs


MAPS = torch.empty(2, 6, 9, 7, device="meta")


def like(*shape: int, dtype: torch.dtype | None = None) -> Tensor:
    return torch.empty(shape, device="meta", dtype=dtype)


CALLS: dict[str, Callable[[], object]] = {
    "convolution": lambda: F.conv2d(MAPS, like(4, 3, 3, 2), like(4), (2, 1), (1, 0), (1, 2), groups=2),
    "convolution ": lambda: F.conv1d(like(2, 3, 9), like(5, 3, 4)),
    "max_pool2d_with_indices": lambda: F.max_pool2d(MAPS, 3, 2, 1, ceil_mode=True),
    "max_pool2d_with_indices ": lambda: F.max_pool2d(MAPS, (2, 3), dilation=2),
    "max_pool2d_with_indices  ": lambda: F.max_pool2d(MAPS, 2, 3, 1, ceil_mode=True),  # none starts outside
    "avg_pool2d": lambda: F.avg_pool2d(MAPS, (3, 2), ceil_mode=True),
    "_adaptive_avg_pool2d": lambda: F.adaptive_avg_pool2d(MAPS, (4, 9)),
    "mean": lambda: [MAPS.mean((2, 3)), MAPS.mean(-1, keepdim=True), F.adaptive_avg_pool2d(MAPS, 1)],
    "native_batch_norm": lambda: F.batch_norm(MAPS, like(6), like(6), like(6), like(6), training=True),
    "cat": lambda: [torch.cat([MAPS, MAPS[:, :1]], 1), torch.cat([MAPS] * 3, -1)],
    "addmm": lambda: F.linear(like(2, 5), like(3, 5), like(3)),
    "mm": lambda: F.linear(MAPS, like(3, 7)),
    "add": lambda: [MAPS + MAPS, MAPS + like(6, 1, 1), MAPS + 1, like(1, 9, 7) + MAPS],
    "mul": lambda: MAPS * like(2, 6, 1, 1),
    "relu": lambda: F.relu(MAPS),
    "relu_": lambda: F.relu_(MAPS * 1),
    "gelu": lambda: [
        F.gelu(MAPS),
        F.silu(MAPS),
        F.elu(MAPS),
        F.mish(MAPS),
        F.hardtanh(MAPS),
        F.softplus(MAPS),
    ],
    "tanh": lambda: [MAPS.tanh(), MAPS.sigmoid(), F.leaky_relu(MAPS), F.hardswish(MAPS), MAPS.clamp(0, 1)],
    "bernoulli_": lambda: F.dropout(MAPS, 0.5),
    "ge": lambda: like(3, dtype=torch.uint8) >= 2,
    "clone": lambda: MAPS.clone(),
}


@pytest.mark.parametrize("name", CALLS)
def test_known_shapes_are_those_of_torch(name: str) -> None:
    with Comparing() as comparing:
        CALLS[name]()
    assert name.strip() in comparing.known


LEFT: dict[str, Callable[[], object]] = {
    "channels do not fit": lambda: F.conv2d(MAPS, like(4, 5, 3, 3)),
    "kernel too large": lambda: F.conv2d(MAPS, like(4, 6, 11, 3)),
    "transposed": lambda: F.conv_transpose2d(MAPS, like(6, 4, 3, 3), stride=2),
    "padding too large": lambda: F.max_pool2d(MAPS, 2, padding=2),
    "pool too large": lambda: F.max_pool2d(MAPS, 10),
    "pool without a batch": lambda: F.max_pool2d(MAPS[0], 2),
    "sides differ": lambda: torch.cat([MAPS, like(2, 6, 8, 7)], 1),
    "dtypes differ": lambda: torch.cat([MAPS, MAPS.double()], 1),
    "no such dimension": lambda: MAPS.mean(4),
    "statistics do not fit": lambda: F.batch_norm(MAPS, like(5), like(5), training=True),
    "statistics are used": lambda: F.batch_norm(MAPS, like(6), like(6)),
    "matrices do not fit": lambda: F.linear(like(2, 5), like(3, 4), like(3)),
    "shapes do not fit": lambda: MAPS + like(2, 5, 9, 7),
    "whole numbers and others": lambda: MAPS + like(1, dtype=torch.int64),
    "on another device": lambda: torch.empty_like(MAPS, device="cpu"),
    "in place, too small": lambda: like(1).add_(MAPS),
}


@pytest.mark.parametrize("case", LEFT)
def test_what_is_not_plain_is_left_to_torch(case: str) -> None:
    with Comparing() as comparing, contextlib.suppress(RuntimeError, IndexError, ValueError):  # torch's own
        LEFT[case]()
    assert [name for name in comparing.known if name not in ("empty_like", "clone")] == []


def test_real_tensors_are_left_to_torch() -> None:
    maps = torch.zeros(2, 3)
    assert "relu" in ELEMENTWISE
    assert shaped(torch.ops.aten.relu.default, {"self": maps}) is None
