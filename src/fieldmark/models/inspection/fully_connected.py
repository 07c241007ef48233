"""What a convolution saves: the parameters of a fully connected layer between the same maps."""

from __future__ import annotations

import math

from fieldmark.models.inspection.layer import PICTURE, Inspection, Layer


def shape_before(inspection: Inspection, layer: Layer) -> tuple[int, ...]:
    """The shape of the first of its inputs, () where it takes nothing of the picture."""
    if not layer.inputs:
        return ()
    first = layer.inputs[0]
    return inspection.input_shape if first == PICTURE else inspection.layers[first].output_shape


def fully_connected(inspection: Inspection, layer: Layer) -> int | None:
    """How many parameters would join every element of the map that comes in to every one that goes out.

    (C H W) (C' H' W') weights, and C' H' W' biases where the layer has biases: `layer.parameters` counts them
    too. None for a layer that does not make a map of one map by weights.

    >>> from fieldmark.models.inspection.inspecting import inspect
    >>> found = inspect("digits", 28, in_channels=1)
    >>> fully_connected(found, found.layers[0])  # 1x28x28 to 32x28x28: 19,668,992 weights, 25,088 biases
    19694080
    """
    before, after = shape_before(inspection, layer), layer.output_shape
    if len(layer.inputs) != 1 or len(before) != 3 or len(after) != 3:
        return None
    if not (layer.flops and layer.parameters):
        return None
    return (math.prod(before) + bool(layer.biases)) * math.prod(after)
