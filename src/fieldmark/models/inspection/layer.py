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
    parameters: weights that live here, counted where they are first used; parameter_bytes: what they take;
    biases: how many of them are biases.
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
    biases: int = 0


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

    def __repr__(self) -> str:
        """A short table to read; `fieldmark inspect` prints it in full."""
        from fieldmark.models.inspection.overview import overview

        return overview(self)

    def changes_nothing(self, layer: Layer) -> bool:
        """Whether a layer hands on what it takes: an adaptive pooling of a map that has the size it makes."""
        if "adaptive" not in layer.type.lower() or len(layer.inputs) != 1:
            return False
        source = layer.inputs[0]
        taken = self.input_shape if source == PICTURE else self.layers[source].output_shape
        return taken == layer.output_shape

    @property
    def depth(self) -> int:
        """How many layers deep it is, as the papers count: the 5 of LeNet-5, the 18 of ResNet-18.

        Convolutions and linear layers, all that multiplies and adds, on the longest way through the network.
        """
        reached: list[int] = []
        for layer in self.layers:
            before = max((reached[i] for i in layer.inputs if i != PICTURE), default=0)
            reached.append(before + (layer.flops > 0))
        return max(reached, default=0)
