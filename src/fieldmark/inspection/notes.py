"""What stands out in an inspection, in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator

from fieldmark.inspection.findings import PICTURE, Inspection, Layer, spell_shape

RISING = frozenset({"ReLU", "Tanh", "Sigmoid", "LeakyReLU", "ELU", "Hardtanh", "relu", "tanh", "sigmoid"})
"""Activations that keep the order of numbers, so that they may change places with a maximum."""

PILE = 0.5
"""A layer with a larger share of all parameters than this is a pile."""


def notes(inspection: Inspection) -> tuple[str, ...]:
    """Sentences on shared weights, piles of parameters, what is seen, branches, order, and what is idle."""
    told = (sharing, piles, seeing, branches, pooling_first, idle, unused)
    return tuple(sentence for tell in told for sentence in tell(inspection))


def sharing(inspection: Inspection) -> Iterator[str]:
    """The first convolution against the same maps fully connected."""
    for layer in inspection.layers:
        connected = fully_connected(inspection, layer)
        if connected is not None:
            before, after = spell_shape(shape_before(inspection, layer)), spell_shape(layer.output_shape)
            yield (
                f"{layer.name} has {layer.parameters:,} parameters. Fully connected, the same maps ({before} "
                f"to {after}) would take {connected:,}, {connected / layer.parameters:,.0f} times as many."
            )
            return


def piles(inspection: Inspection) -> Iterator[str]:
    """A layer that holds most of the parameters, and what it would hold after a mean over the map."""
    weighted = [layer for layer in inspection.layers if layer.parameters]
    for layer in weighted:
        if len(weighted) > 1 and layer.parameters > PILE * inspection.parameters:
            share = 100 * layer.parameters / inspection.parameters
            yield (
                f"{layer.name} holds {layer.parameters:,} of all {inspection.parameters:,} parameters "
                f"({share:.1f} %).{averaged(inspection, layer)}"
            )


def averaged(inspection: Inspection, layer: Layer) -> str:
    """What the layer would hold after the mean over each map, as a sentence; "" for any but a linear one."""
    flat, source = shape_before(inspection, layer), map_before(inspection, layer)
    if source is None or len(flat) != 1 or math.prod(source) != flat[0] or len(layer.output_shape) != 1:
        return ""
    (outputs,) = layer.output_shape
    fewer = layer.parameters - flat[0] * outputs + source[0] * outputs
    maps = f"{source[0]} maps of {spell_shape(source[1:])}"
    return f" After the mean over each of the {maps} it would hold {fewer:,}."


def map_before(inspection: Inspection, layer: Layer) -> tuple[int, int, int] | None:
    """The last map on the way to the layer, going back while there is one way only."""
    while len(layer.inputs) == 1 and layer.inputs[0] != PICTURE:
        layer = inspection.layers[layer.inputs[0]]
        if len(layer.output_shape) == 3:
            channels, height, width = layer.output_shape
            return channels, height, width
    return None


def seeing(inspection: Inspection) -> Iterator[str]:
    """Where a receptive field exceeds the picture; or that none does."""
    _, height, width = inspection.input_shape
    maps = [layer for layer in inspection.layers if layer.receptive_field is not None]
    for layer in maps:
        rows, columns = layer.receptive_field or (0, 0)
        if rows > height or columns > width:
            yield (
                f"From {layer.name} on, one output sees {rows}x{columns}, more than the picture's "
                f"{height}x{width}; what is beyond its edges is padding."
            )
            return
    if maps and len(maps) == sum(len(layer.output_shape) > 2 for layer in inspection.layers):
        largest = max(maps, key=lambda layer: math.prod(layer.receptive_field or (0, 0)))
        rows, columns = largest.receptive_field or (0, 0)
        if (rows, columns) != (height, width):
            yield (
                f"No output of a map sees the whole picture of {height}x{width}: {largest.name} sees most, "
                f"{rows}x{columns}."
            )


def branches(inspection: Inspection) -> Iterator[str]:
    """Where maps come together whose outputs are differently far apart in the picture."""
    for layer in inspection.layers:
        steps = {inspection.layers[i].stride if i != PICTURE else (1, 1) for i in layer.inputs} - {None}
        if len(steps) > 1 and layer.stride is None and layer.receptive_field is not None:
            apart = " and ".join(sorted(spell_shape(step) for step in steps if step is not None))
            yield f"{layer.name} joins maps whose outputs are {apart} pixels apart in the picture."


def pooling_first(inspection: Inspection) -> Iterator[str]:
    """A maximum that is taken before the activation, where books have it after."""
    for layer in inspection.layers:
        if len(layer.inputs) != 1 or layer.inputs[0] == PICTURE or layer.type not in RISING:
            continue
        pool = inspection.layers[layer.inputs[0]]
        if "maxpool" in pool.type.lower().replace("_", "") and len(pool.inputs) == 1:
            yield (
                f"{pool.name} pools before {layer.type}, where books pool after it. The result is the same: "
                f"the largest number stays the largest, and {layer.type} has fewer numbers to pass."
            )
            return


def idle(inspection: Inspection) -> Iterator[str]:
    """Layers that hand on what they take at this size of picture."""
    for layer in inspection.layers:
        if inspection.changes_nothing(layer):
            yield (
                f"{layer.name} ({layer.type}) changes nothing at this size: its input is "
                f"{spell_shape(layer.output_shape)} already."
            )


def unused(inspection: Inspection) -> Iterator[str]:
    """Parameters that nothing uses on the way of a picture."""
    met = sum(layer.parameters for layer in inspection.layers)
    if met < inspection.parameters:
        yield f"{inspection.parameters - met:,} parameters are in no layer that a picture passes."


def shape_before(inspection: Inspection, layer: Layer) -> tuple[int, ...]:
    """The shape of the first of its inputs, () where it takes nothing of the picture."""
    if not layer.inputs:
        return ()
    first = layer.inputs[0]
    return inspection.input_shape if first == PICTURE else inspection.layers[first].output_shape


def fully_connected(inspection: Inspection, layer: Layer) -> int | None:
    """How many parameters would join every element of the map that comes in to every one that goes out.

    (C H W) (C' H' W') weights, and C' H' W' biases where the layer has biases: `layer.parameters` counts them
    too.

    Args:
        inspection: What the layer is part of.
        layer: Any layer.

    Returns:
        The count; None for a layer that does not make a map of one map by weights.

    >>> from fieldmark.inspection.inspector import inspect
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
