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
    "fft": "fieldmark.conv.fourier:FFT",
    "overlap_add": "fieldmark.conv.overlap_add:OVERLAP_ADD",
    "overlap_save": "fieldmark.conv.fourier:OVERLAP_SAVE",
    "winograd": "fieldmark.conv.winograd:WINOGRAD",
    "winograd4": "fieldmark.conv.winograd:WINOGRAD4",
    "torch": "fieldmark.conv.native:TORCH",
    "channels_last": "fieldmark.conv.native:CHANNELS_LAST",
}
"""Name to "module:Algorithm". `auto` is none of them: it picks one (`choosing.py`)."""

_DOOR = {
    "as_matrix": "fieldmark.conv.matrix:as_matrix",
    "batch_norm": "fieldmark.conv.normalisation:batch_norm",
    "binary_cross_entropy": "fieldmark.conv.losses:binary_cross_entropy",
    "binary_cross_entropy_with_logits": "fieldmark.conv.losses:binary_cross_entropy_with_logits",
    "choose": "fieldmark.conv.choosing:choose",
    "conv1d": "fieldmark.conv.operation:conv1d",
    "conv2d": "fieldmark.conv.operation:conv2d",
    "conv3d": "fieldmark.conv.operation:conv3d",
    "conv_transpose1d": "fieldmark.conv.transpose:conv_transpose1d",
    "conv_transpose2d": "fieldmark.conv.transpose:conv_transpose2d",
    "conv_transpose3d": "fieldmark.conv.transpose:conv_transpose3d",
    "correlate1d": "fieldmark.conv.operation:correlate1d",
    "correlate2d": "fieldmark.conv.operation:correlate2d",
    "correlate3d": "fieldmark.conv.operation:correlate3d",
    "cross_entropy": "fieldmark.conv.losses:cross_entropy",
    "dropout": "fieldmark.conv.dropping:dropout",
    "dropout_channels": "fieldmark.conv.dropping:dropout_channels",
    "fit_costs": "fieldmark.conv.fitting:fit_costs",
    "global_max_pool1d": "fieldmark.conv.pooling_global:global_max_pool1d",
    "global_max_pool2d": "fieldmark.conv.pooling_global:global_max_pool2d",
    "global_max_pool3d": "fieldmark.conv.pooling_global:global_max_pool3d",
    "global_mean_pool1d": "fieldmark.conv.pooling_global:global_mean_pool1d",
    "global_mean_pool2d": "fieldmark.conv.pooling_global:global_mean_pool2d",
    "global_mean_pool3d": "fieldmark.conv.pooling_global:global_mean_pool3d",
    "log_softmax": "fieldmark.conv.activations:log_softmax",
    "max_pool1d": "fieldmark.conv.pooling:max_pool1d",
    "max_pool2d": "fieldmark.conv.pooling:max_pool2d",
    "max_pool3d": "fieldmark.conv.pooling:max_pool3d",
    "mean_pool1d": "fieldmark.conv.pooling:mean_pool1d",
    "mean_pool2d": "fieldmark.conv.pooling:mean_pool2d",
    "mean_pool3d": "fieldmark.conv.pooling:mean_pool3d",
    "nll_loss": "fieldmark.conv.losses:nll_loss",
    "output_size": "fieldmark.conv.geometry:output_size",
    "padding_for": "fieldmark.conv.geometry:padding_for",
    "receptive_field": "fieldmark.conv.geometry:receptive_field",
    "relu": "fieldmark.conv.activations:relu",
    "relu_slope": "fieldmark.conv.activations:relu_slope",
    "sigmoid": "fieldmark.conv.activations:sigmoid",
    "sigmoid_slope": "fieldmark.conv.activations:sigmoid_slope",
    "softmax": "fieldmark.conv.activations:softmax",
    "tanh": "fieldmark.conv.activations:tanh",
    "tanh_slope": "fieldmark.conv.activations:tanh_slope",
}

__all__ = sorted([*_DOOR, "ALGORITHMS", "kernels"])


def __getattr__(name: str) -> Any:
    if name == "kernels":
        return importlib.import_module("fieldmark.conv.kernels")
    if name not in _DOOR:
        raise AttributeError(
            f"module 'fieldmark.conv' has no attribute '{name}'; it has {', '.join(__all__)}"
        )
    module, _, member = _DOOR[name].partition(":")
    return getattr(importlib.import_module(module), member)


def __dir__() -> list[str]:
    return __all__
