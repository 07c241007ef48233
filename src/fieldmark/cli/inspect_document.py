"""An inspection as `fieldmark inspect --json` prints it."""

from __future__ import annotations

from typing import Any

from fieldmark.inspection.findings import Inspection, Layer
from fieldmark.inspection.notes import fully_connected


def document(found: Inspection) -> dict[str, Any]:
    """The object. Sides are in pixels; FLOPs and what layers keep are per picture, `memory` is of a step."""
    memory = found.memory
    return {
        "model": found.model,
        "input_shape": found.input_shape,
        "parameters": found.parameters,
        "trainable": found.trainable,
        "parameter_bytes": found.parameter_bytes,
        "flops": found.flops,
        "depth": found.depth,
        "memory": {
            "batch_size": memory.batch_size,
            "weights": memory.weights,
            "gradients": memory.gradients,
            "optimiser": memory.optimiser,
            "activations": memory.activations,
            "total": memory.total,
        },
        "notes": found.notes,
        "layers": [layer_document(found, layer) for layer in found.layers],
    }


def layer_document(found: Inspection, layer: Layer) -> dict[str, Any]:
    """One of its layers, as Layer has it, and the parameters that its map would take fully connected."""
    return {
        "name": layer.name,
        "type": layer.type,
        "inputs": layer.inputs,
        "output_shape": layer.output_shape,
        "parameters": layer.parameters,
        "parameter_bytes": layer.parameter_bytes,
        "flops": layer.flops,
        "activation_bytes": layer.activation_bytes,
        "receptive_field": layer.receptive_field,
        "stride": layer.stride,
        "fully_connected": fully_connected(found, layer),
    }
