"""Convolution and pooling, by definition and fast: numpy in, numpy out; tensors in, tensors out.

    from fieldmark import conv

    edges = conv.correlate2d(picture, conv.kernels.sobel_x(), padding="same")
    smooth = conv.conv1d(signal, [0.25, 0.5, 0.25], padding="same", boundary="reflect")

Everything here is imported on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib

from fieldmark.conv.algorithms import ALGORITHMS as ALGORITHMS

_DOOR = {
    "as_matrix": "fieldmark.conv.matrix:as_matrix",
    "batch_norm": "fieldmark.conv.functions.batch_normalisation:batch_norm",
    "binary_cross_entropy": "fieldmark.conv.functions.cross_entropies:binary_cross_entropy",
    "binary_cross_entropy_with_logits": (
        "fieldmark.conv.functions.cross_entropies:binary_cross_entropy_with_logits"
    ),
    "choose": "fieldmark.conv.auto.choice:choose",
    "conv1d": "fieldmark.conv.operation:conv1d",
    "conv2d": "fieldmark.conv.operation:conv2d",
    "conv3d": "fieldmark.conv.operation:conv3d",
    "conv_transpose1d": "fieldmark.conv.operation:conv_transpose1d",
    "conv_transpose2d": "fieldmark.conv.operation:conv_transpose2d",
    "conv_transpose3d": "fieldmark.conv.operation:conv_transpose3d",
    "correlate1d": "fieldmark.conv.operation:correlate1d",
    "correlate2d": "fieldmark.conv.operation:correlate2d",
    "correlate3d": "fieldmark.conv.operation:correlate3d",
    "cross_entropy": "fieldmark.conv.functions.cross_entropies:cross_entropy",
    "dropout": "fieldmark.conv.functions.dropouts:dropout",
    "dropout_channels": "fieldmark.conv.functions.dropouts:dropout_channels",
    "fit_costs": "fieldmark.conv.auto.measurement:fit_costs",
    "global_max_pool1d": "fieldmark.conv.pooling.pools:global_max_pool1d",
    "global_max_pool2d": "fieldmark.conv.pooling.pools:global_max_pool2d",
    "global_max_pool3d": "fieldmark.conv.pooling.pools:global_max_pool3d",
    "global_mean_pool1d": "fieldmark.conv.pooling.pools:global_mean_pool1d",
    "global_mean_pool2d": "fieldmark.conv.pooling.pools:global_mean_pool2d",
    "global_mean_pool3d": "fieldmark.conv.pooling.pools:global_mean_pool3d",
    "log_softmax": "fieldmark.conv.functions.activations:log_softmax",
    "max_pool1d": "fieldmark.conv.pooling.pools:max_pool1d",
    "max_pool2d": "fieldmark.conv.pooling.pools:max_pool2d",
    "max_pool3d": "fieldmark.conv.pooling.pools:max_pool3d",
    "mean_pool1d": "fieldmark.conv.pooling.pools:mean_pool1d",
    "mean_pool2d": "fieldmark.conv.pooling.pools:mean_pool2d",
    "mean_pool3d": "fieldmark.conv.pooling.pools:mean_pool3d",
    "nll_loss": "fieldmark.conv.functions.cross_entropies:nll_loss",
    "output_size": "fieldmark.conv.geometry:output_size",
    "padding_for": "fieldmark.conv.geometry:padding_for",
    "receptive_field": "fieldmark.conv.geometry:receptive_field",
    "relu": "fieldmark.conv.functions.activations:relu",
    "relu_slope": "fieldmark.conv.functions.activations:relu_slope",
    "sigmoid": "fieldmark.conv.functions.activations:sigmoid",
    "sigmoid_slope": "fieldmark.conv.functions.activations:sigmoid_slope",
    "softmax": "fieldmark.conv.functions.activations:softmax",
    "tanh": "fieldmark.conv.functions.activations:tanh",
    "tanh_slope": "fieldmark.conv.functions.activations:tanh_slope",
}

TYPE_CHECKING = False
if TYPE_CHECKING:  # what a type checker, an editor and the reference of the site see; _DOOR says the same
    from typing import Any

    from fieldmark.conv import kernels as kernels
    from fieldmark.conv.auto.choice import choose as choose
    from fieldmark.conv.auto.measurement import fit_costs as fit_costs
    from fieldmark.conv.functions.activations import log_softmax as log_softmax
    from fieldmark.conv.functions.activations import relu as relu
    from fieldmark.conv.functions.activations import relu_slope as relu_slope
    from fieldmark.conv.functions.activations import sigmoid as sigmoid
    from fieldmark.conv.functions.activations import sigmoid_slope as sigmoid_slope
    from fieldmark.conv.functions.activations import softmax as softmax
    from fieldmark.conv.functions.activations import tanh as tanh
    from fieldmark.conv.functions.activations import tanh_slope as tanh_slope
    from fieldmark.conv.functions.batch_normalisation import batch_norm as batch_norm
    from fieldmark.conv.functions.cross_entropies import binary_cross_entropy as binary_cross_entropy
    from fieldmark.conv.functions.cross_entropies import (
        binary_cross_entropy_with_logits as binary_cross_entropy_with_logits,
    )
    from fieldmark.conv.functions.cross_entropies import cross_entropy as cross_entropy
    from fieldmark.conv.functions.cross_entropies import nll_loss as nll_loss
    from fieldmark.conv.functions.dropouts import dropout as dropout
    from fieldmark.conv.functions.dropouts import dropout_channels as dropout_channels
    from fieldmark.conv.geometry import output_size as output_size
    from fieldmark.conv.geometry import padding_for as padding_for
    from fieldmark.conv.geometry import receptive_field as receptive_field
    from fieldmark.conv.matrix import as_matrix as as_matrix
    from fieldmark.conv.operation import conv1d as conv1d
    from fieldmark.conv.operation import conv2d as conv2d
    from fieldmark.conv.operation import conv3d as conv3d
    from fieldmark.conv.operation import conv_transpose1d as conv_transpose1d
    from fieldmark.conv.operation import conv_transpose2d as conv_transpose2d
    from fieldmark.conv.operation import conv_transpose3d as conv_transpose3d
    from fieldmark.conv.operation import correlate1d as correlate1d
    from fieldmark.conv.operation import correlate2d as correlate2d
    from fieldmark.conv.operation import correlate3d as correlate3d
    from fieldmark.conv.pooling.pools import global_max_pool1d as global_max_pool1d
    from fieldmark.conv.pooling.pools import global_max_pool2d as global_max_pool2d
    from fieldmark.conv.pooling.pools import global_max_pool3d as global_max_pool3d
    from fieldmark.conv.pooling.pools import global_mean_pool1d as global_mean_pool1d
    from fieldmark.conv.pooling.pools import global_mean_pool2d as global_mean_pool2d
    from fieldmark.conv.pooling.pools import global_mean_pool3d as global_mean_pool3d
    from fieldmark.conv.pooling.pools import max_pool1d as max_pool1d
    from fieldmark.conv.pooling.pools import max_pool2d as max_pool2d
    from fieldmark.conv.pooling.pools import max_pool3d as max_pool3d
    from fieldmark.conv.pooling.pools import mean_pool1d as mean_pool1d
    from fieldmark.conv.pooling.pools import mean_pool2d as mean_pool2d
    from fieldmark.conv.pooling.pools import mean_pool3d as mean_pool3d

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
