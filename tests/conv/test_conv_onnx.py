"""Every algorithm against the ONNX backend's tests of Conv, through explicit pads."""

from __future__ import annotations

import math

import numpy as np
import pytest
from conv.onnx_nodes import Case, cases, in_longer_graphs, pads
from conv.problems import EVERY_ALGORITHM

from fieldmark import conv
from fieldmark.errors import UserError

SLOW = 100_000  # more outputs than the loops of `reference` are for


def correlate(case: Case, algorithm: str) -> np.ndarray:
    """What fieldmark makes of the node; ONNX's Conv correlates, as deep learning does."""
    x, w, *bias = case.inputs
    given = dict(case.attributes)
    axes, kernel = x.ndim - 2, w.shape[2:]
    assert tuple(given.pop("kernel_shape", kernel)) == kernel
    padding = pads(case, x.shape[2:], kernel)
    settings = {
        "stride": given.pop("strides", 1),
        "dilation": given.pop("dilations", 1),
        "groups": given.pop("group", 1),
    }
    assert set(given) <= {"pads", "auto_pad"}, given
    function = getattr(conv, f"correlate{axes}d")
    return function(x, w, bias=bias[0] if bias else None, padding=padding, algorithm=algorithm, **settings)


def test_the_cases_are_there():
    names = {case.name for case in cases("Conv")}
    assert {"test_basic_conv_with_padding", "test_conv_with_autopad_same", "test_Conv3d_groups"} <= names
    assert len(names) >= 30
    assert not in_longer_graphs("Conv")  # none is left out


@pytest.mark.parametrize("algorithm", EVERY_ALGORITHM)
def test_conv_is_onnxs(algorithm):
    computed = 0
    for case in cases("Conv"):
        expected = case.outputs[0]
        if algorithm == "reference" and math.prod(expected.shape) > SLOW:
            continue
        try:
            y = correlate(case, algorithm)
        except UserError as refused:
            assert f"algorithm='{algorithm}' does not support" in str(refused)  # noqa: PT017 - or else compared below
            continue
        assert y.dtype == expected.dtype
        # Sums near zero are as inexact as the numbers they are made of, which are about 1.
        np.testing.assert_allclose(y, expected, case.rtol, max(case.atol, 1e-6), err_msg=case.name)
        computed += 1
    assert computed >= 5  # the 3x3 ones with stride 1 at least
