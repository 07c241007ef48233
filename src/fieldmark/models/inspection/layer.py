"""What an inspection finds: layers, the graph between them, totals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PICTURE = -1
"""The picture's index among the inputs of a layer."""


@dataclass(frozen=True)
class Layer:
    """One module without parts, or one operation outside of such a module.

    name: where it is, "features.stage1.block0.convolution1"; an operation outside of a module without parts
    is "features.stage1.block0:add"; what is called again gets a number, "features.activation#2".
    type: the module's class ("Conv2d") or the operation ("add", "cat", "flatten").
    inputs: indices into Inspection.layers of the layers whose outputs it takes, each once; -1 is the picture.
    output_shape: without the batch, (C, H, W) or (D,); of the first tensor, where it gives several.
    parameters: weights that live here, counted where they are first used; parameter_bytes: what they take.
    flops: per picture, two per multiplication and addition, as torch's FLOP counter has them.
    activation_bytes: per picture, what is kept for the backward pass and was not kept before.
    receptive_field: (rows, columns) of the picture that one output sees; None where that is all of it, or
    the output is no map any more. stride: pixels of the picture from one output to the next, (down, right);
    None where the output is no map, or the steps are uneven.
    """

    name: str
    type: str
    inputs: tuple[int, ...]
    output_shape: tuple[int, ...]
    parameters: int
    parameter_bytes: int
    flops: int
    activation_bytes: int
    receptive_field: tuple[int, int] | None
    stride: tuple[int, int] | None


@dataclass(frozen=True)
class TrainingMemory:
    """Bytes that a training step needs: weights, their gradients, the optimiser's state, activations.

    weights: parameters and buffers. gradients: as large as the parameters that are trained. optimiser: twice
    that, Adam's two means (SGD keeps one with momentum, none without). activations: what the forward pass
    keeps for the backward pass of a whole batch, the pictures included. Work space of single operations comes
    on top.
    """

    batch_size: int
    weights: int
    gradients: int
    optimiser: int
    activations: int

    @property
    def total(self) -> int:
        """The sum of the four.

        >>> TrainingMemory(64, weights=10, gradients=10, optimiser=20, activations=60).total
        100
        """
        return self.weights + self.gradients + self.optimiser + self.activations


@dataclass(frozen=True)
class Inspection:
    """What a network is made of. layers: in the order in which the picture meets them.

    input_shape: of one picture, (C, H, W). parameters: all, also those that no layer uses; trainable: those
    of them that are trained. flops: of one picture, forward. blocks: modules that have parts, name to class,
    the network itself by "". notes: sentences on what stands out.
    """

    model: str
    input_shape: tuple[int, int, int]
    layers: tuple[Layer, ...]
    parameters: int
    trainable: int
    parameter_bytes: int
    flops: int
    memory: TrainingMemory
    blocks: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def depth(self) -> int:
        """The longest way through the network, in layers that multiply and add: the 18 of ResNet-18."""
        reached: list[int] = []
        for layer in self.layers:
            before = max((reached[i] for i in layer.inputs if i != PICTURE), default=0)
            reached.append(before + (layer.flops > 0))
        return max(reached, default=0)
