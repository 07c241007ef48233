"""Pooling against the ONNX backend's tests of MaxPool, AveragePool, GlobalMaxPool and GlobalAveragePool."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from conv.onnx_nodes import Case, all_made, cases, in_longer_graphs, pads

from fieldmark.conv.pooling import pools

WINDOWED = {"MaxPool": "max_pool", "AveragePool": "mean_pool"}
GLOBAL = {"GlobalMaxPool": "global_max_pool", "GlobalAveragePool": "global_mean_pool"}
OPERATORS = [*WINDOWED, *GLOBAL]

WITHOUT_INDICES = {
    "test_maxpool_with_argmax_2d_precomputed_pads": "its second output, Indices, is not given",
    "test_maxpool_with_argmax_2d_precomputed_strides": "likewise, and storage_order speaks of Indices only",
}
"""Cases of which the first output alone is compared, and why."""

LEFT_OUT = {
    "test_AvgPool1d": "not a node but a graph: Unsqueeze, AveragePool, Squeeze",
    "test_AvgPool1d_stride": "the same graph with a stride",
}
"""Cases that are not run, and why."""


def pool(op_type: str, case: Case, algorithm: str) -> Any:
    """What fieldmark makes of the node; its padding is given as numbers."""
    images, given = case.inputs[0], dict(case.attributes)
    axes = images.ndim - 2
    if op_type in GLOBAL:
        return getattr(pools, f"{GLOBAL[op_type]}{axes}d")(images, algorithm=algorithm)
    kernel = given.pop("kernel_shape")
    settings = {
        "padding": pads(case, images.shape[2:], kernel),
        "stride": given.pop("strides", 1),
        "dilation": given.pop("dilations", 1),
        "ceil_mode": bool(given.pop("ceil_mode", 0)),
    }
    if op_type == "AveragePool":
        settings["count_padding"] = bool(given.pop("count_include_pad", 0))
    assert set(given) <= {"pads", "auto_pad", "storage_order"}, given
    return getattr(pools, f"{WINDOWED[op_type]}{axes}d")(images, kernel, algorithm=algorithm, **settings)


def check(op_type: str, case: Case, algorithm: str) -> None:
    """The largest element is copied, so it is exact; uint8 comes back as the same numbers in float64."""
    pooled, expected = pool(op_type, case, algorithm), case.outputs[0]
    if op_type in ("MaxPool", "GlobalMaxPool"):
        np.testing.assert_array_equal(pooled, expected)
    else:
        np.testing.assert_allclose(pooled, expected, case.rtol, case.atol)


def every(most: float) -> Any:
    """Every case with at most `most` pairs of an output and an element of its window."""
    chosen = []
    for operator in OPERATORS:
        for case in cases(operator):
            kernel = case.attributes.get("kernel_shape", case.inputs[0].shape[2:])
            if case.outputs[0].size * math.prod(kernel) <= most:
                chosen.append(pytest.param(operator, case, id=case.name))
    return pytest.mark.parametrize(("op_type", "case"), chosen)


@every(math.inf)
def test_torch(op_type: str, case: Case) -> None:
    check(op_type, case, "torch")


@every(100_000)  # the loops take half a second to eight for the four others
def test_reference(op_type: str, case: Case) -> None:
    check(op_type, case, "reference")


def test_every_case_is_run_or_listed() -> None:
    run = {op: {case.name for case in cases(op)} for op in OPERATORS}
    names = set().union(*run.values())
    assert len(names) == sum(map(len, run.values()))
    assert all(run.values())
    assert all_made(list(run)) <= names
    assert {name for op in run for name in in_longer_graphs(op)} == set(LEFT_OUT)
    assert {case.name for op in run for case in cases(op) if len(case.outputs) > 1} == set(WITHOUT_INDICES)
