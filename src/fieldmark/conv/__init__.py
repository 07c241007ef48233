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

TYPE_CHECKING = False
if TYPE_CHECKING:  # what a type checker, an editor and the reference of the site see; _DOOR says the same
    from fieldmark.conv import kernels as kernels
    from fieldmark.conv.activations import log_softmax as log_softmax
    from fieldmark.conv.activations import relu as relu
    from fieldmark.conv.activations import relu_slope as relu_slope
    from fieldmark.conv.activations import sigmoid as sigmoid
    from fieldmark.conv.activations import sigmoid_slope as sigmoid_slope
    from fieldmark.conv.activations import softmax as softmax
    from fieldmark.conv.activations import tanh as tanh
    from fieldmark.conv.activations import tanh_slope as tanh_slope
    from fieldmark.conv.choosing import choose as choose
    from fieldmark.conv.dropping import dropout as dropout
    from fieldmark.conv.dropping import dropout_channels as dropout_channels
    from fieldmark.conv.fitting import fit_costs as fit_costs
    from fieldmark.conv.geometry import output_size as output_size
    from fieldmark.conv.geometry import padding_for as padding_for
    from fieldmark.conv.geometry import receptive_field as receptive_field
    from fieldmark.conv.losses import binary_cross_entropy as binary_cross_entropy
    from fieldmark.conv.losses import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
    from fieldmark.conv.losses import cross_entropy as cross_entropy
    from fieldmark.conv.losses import nll_loss as nll_loss
    from fieldmark.conv.matrix import as_matrix as as_matrix
    from fieldmark.conv.normalisation import batch_norm as batch_norm
    from fieldmark.conv.operation import conv1d as conv1d
    from fieldmark.conv.operation import conv2d as conv2d
    from fieldmark.conv.operation import conv3d as conv3d
    from fieldmark.conv.operation import correlate1d as correlate1d
    from fieldmark.conv.operation import correlate2d as correlate2d
    from fieldmark.conv.operation import correlate3d as correlate3d
    from fieldmark.conv.pooling import max_pool1d as max_pool1d
    from fieldmark.conv.pooling import max_pool2d as max_pool2d
    from fieldmark.conv.pooling import max_pool3d as max_pool3d
    from fieldmark.conv.pooling import mean_pool1d as mean_pool1d
    from fieldmark.conv.pooling import mean_pool2d as mean_pool2d
    from fieldmark.conv.pooling import mean_pool3d as mean_pool3d
    from fieldmark.conv.pooling_global import global_max_pool1d as global_max_pool1d
    from fieldmark.conv.pooling_global import global_max_pool2d as global_max_pool2d
    from fieldmark.conv.pooling_global import global_max_pool3d as global_max_pool3d
    from fieldmark.conv.pooling_global import global_mean_pool1d as global_mean_pool1d
    from fieldmark.conv.pooling_global import global_mean_pool2d as global_mean_pool2d
    from fieldmark.conv.pooling_global import global_mean_pool3d as global_mean_pool3d
    from fieldmark.conv.transpose import conv_transpose1d as conv_transpose1d
    from fieldmark.conv.transpose import conv_transpose2d as conv_transpose2d
    from fieldmark.conv.transpose import conv_transpose3d as conv_transpose3d

__all__ = [
    "ALGORITHMS",
    "as_matrix",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "choose",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "correlate1d",
    "correlate2d",
    "correlate3d",
    "cross_entropy",
    "dropout",
    "dropout_channels",
    "fit_costs",
    "global_max_pool1d",
    "global_max_pool2d",
    "global_max_pool3d",
    "global_mean_pool1d",
    "global_mean_pool2d",
    "global_mean_pool3d",
    "kernels",
    "log_softmax",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "mean_pool1d",
    "mean_pool2d",
    "mean_pool3d",
    "nll_loss",
    "output_size",
    "padding_for",
    "receptive_field",
    "relu",
    "relu_slope",
    "sigmoid",
    "sigmoid_slope",
    "softmax",
    "tanh",
    "tanh_slope",
]

if not TYPE_CHECKING:  # a type checker that knew of it would take every misspelt name for Any

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
