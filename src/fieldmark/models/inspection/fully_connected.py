"""What a convolution saves: the weights of a fully connected layer between the same maps."""

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
    """How many weights would join every element of the map that comes in to every one that goes out.

    (C H W) (C' H' W'), biases not counted. None for a layer that does not make a map of one map by weights.

    >>> from fieldmark.models.inspection.inspecting import inspect
    >>> found = inspect("baseline", 32)
    >>> fully_connected(found, found.layers[0])  # 3x32x32 to 16x32x32
    50331648
    """
    before, after = shape_before(inspection, layer), layer.output_shape
    if len(layer.inputs) != 1 or len(before) != 3 or len(after) != 3:
        return None
    return math.prod(before) * math.prod(after) if layer.flops and layer.parameters else None
