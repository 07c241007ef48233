"""Convolution and pooling, by definition and fast: numpy in, numpy out; tensors in, tensors out.

    from fieldmark import conv

    edges = conv.correlate2d(picture, conv.kernels.sobel_x(), padding="same")
    smooth = conv.conv1d(signal, [0.25, 0.5, 0.25], padding="same", boundary="reflect")

Everything here is imported on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

from fieldmark.conv.algorithms import ALGORITHMS as ALGORITHMS

_DOOR = {
    "auto.choice": "choose",
    "auto.measurement": "fit_costs",
    "functions.activations": "log_softmax relu relu_slope sigmoid sigmoid_slope softmax tanh tanh_slope",
    "functions.batch_normalisation": "batch_norm",
    "functions.cross_entropies": (
        "binary_cross_entropy binary_cross_entropy_with_logits cross_entropy nll_loss"
    ),
    "functions.dropouts": "dropout dropout_channels",
    "geometry": "output_size padding_for receptive_field",
    "matrix": "as_matrix",
    "operation": (
        "conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d "
        "correlate1d correlate2d correlate3d"
    ),
    "pooling.pools": (
        "global_max_pool1d global_max_pool2d global_max_pool3d global_mean_pool1d global_mean_pool2d "
        "global_mean_pool3d max_pool1d max_pool2d max_pool3d mean_pool1d mean_pool2d mean_pool3d"
    ),
}
"""Module to the names that it gives."""

_MODULES = {name: f"fieldmark.conv.{module}" for module, names in _DOOR.items() for name in names.split()}

__all__ = sorted([*_MODULES, "ALGORITHMS", "kernels"])


def __getattr__(name: str) -> Any:
    if name == "kernels":
        return importlib.import_module("fieldmark.conv.kernels")
    if name not in _MODULES:
        raise AttributeError(
            f"module 'fieldmark.conv' has no attribute '{name}'; it has {', '.join(__all__)}"
        )
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return __all__
