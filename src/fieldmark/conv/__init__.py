"""Convolution and pooling, by definition and fast: numpy in, numpy out; tensors in, tensors out.

    from fieldmark import conv

    edges = conv.correlate2d(picture, conv.kernels.sobel_x(), padding="same")
    smooth = conv.conv1d(signal, [0.25, 0.5, 0.25], padding="same", boundary="reflect")

Everything here is imported on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

ALGORITHMS = {
    "reference": "fieldmark.conv.reference:REFERENCE",
    "im2col": "fieldmark.conv.im2col:IM2COL",
    "shifted": "fieldmark.conv.shifted:SHIFTED",
    "banded": "fieldmark.conv.banded:BANDED",
    "fft": "fieldmark.conv.fourier:FFT",
    "overlap_add": "fieldmark.conv.overlapping:OVERLAP_ADD",
    "overlap_save": "fieldmark.conv.overlapping:OVERLAP_SAVE",
    "winograd": "fieldmark.conv.winograd:WINOGRAD",
    "winograd4": "fieldmark.conv.winograd:WINOGRAD4",
    "torch": "fieldmark.conv.native:TORCH",
    "channels_last": "fieldmark.conv.native:CHANNELS_LAST",
}
"""Name to "module:Algorithm". `auto` is none of them: it picks one (`choosing.py`)."""

_DOOR = {
    "as_matrix": "fieldmark.conv.matrix:as_matrix",
    "choose": "fieldmark.conv.choosing:choose",
    "conv1d": "fieldmark.conv.operation:conv1d",
    "conv2d": "fieldmark.conv.operation:conv2d",
    "conv3d": "fieldmark.conv.operation:conv3d",
    "correlate1d": "fieldmark.conv.operation:correlate1d",
    "correlate2d": "fieldmark.conv.operation:correlate2d",
    "correlate3d": "fieldmark.conv.operation:correlate3d",
    "fit_costs": "fieldmark.conv.fitting:fit_costs",
    "output_size": "fieldmark.conv.geometry:output_size",
    "padding_for": "fieldmark.conv.geometry:padding_for",
    "receptive_field": "fieldmark.conv.geometry:receptive_field",
}

__all__ = sorted([*_DOOR, "ALGORITHMS", "kernels"])


def __getattr__(name: str) -> Any:
    if name == "kernels":
        return importlib.import_module("fieldmark.conv.kernels")
    if name not in _DOOR:
        raise AttributeError(f"module 'fieldmark.conv' has no attribute '{name}'; it has {', '.join(__all__)}")
    module, _, member = _DOOR[name].partition(":")
    return getattr(importlib.import_module(module), member)


def __dir__() -> list[str]:
    return __all__
