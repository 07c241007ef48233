"""What an inspection finds: layers and the graph between them, totals, and the rows that sum them up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import groupby

from fieldmark.printable import printable

PICTURE = -1
"""The picture's index among the inputs of a layer."""


@dataclass(frozen=True)
class Layer:
    """One module without parts, or one operation outside of such a module.

    Attributes:
        name: Where it is, "features.stage1.block0.convolution1"; an operation outside of a module without
            parts is "features.stage1.block0:add"; what is called again gets a number,
            "features.activation#2".
        type: The module's class ("Conv2d") or the operation ("add", "cat", "flatten").
        inputs: Indices into Inspection.layers of the layers whose outputs it takes, each once; -1 is the
            picture.
        output_shape: Without the batch, (C, H, W) or (D,); of the first tensor, where it gives several.
        parameters: Weights that live here, counted where they are first used.
        parameter_bytes: What they take.
        flops: Per picture, two per multiplication and addition, as torch's FLOP counter has them.
        activation_bytes: Per picture, what is kept for the backward pass and was not kept before.
        receptive_field: (rows, columns) of the picture that one output sees; None where that is all of it,
            or the output is no map any more.
        stride: Pixels of the picture from one output to the next, (down, right); None where the output is no
            map, or the steps are uneven.
        biases: How many of the parameters are biases.
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

    Work space of single operations comes on top.

    Attributes:
        batch_size: Pictures in the step.
        weights: Parameters and buffers.
        gradients: As large as the parameters that are trained.
        optimiser: Twice that, Adam's two means (SGD keeps one with momentum, none without).
        activations: What the forward pass keeps for the backward pass of a batch, the pictures included.
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
    """What a network is made of.

    Attributes:
        model: What the network is called.
        input_shape: Of one picture, (C, H, W).
        layers: In the order in which the picture meets them.
        parameters: All of them, also those that no layer uses.
        trainable: Those of them that are trained.
        parameter_bytes: What the parameters take.
        flops: Of one picture, forward.
        memory: What a training step needs.
        blocks: Modules that have parts, name to class; the network itself is "".
        notes: Sentences on what stands out.
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


MOST_ROWS = 48
"""As many as a screen shows; unless told otherwise, an outline goes as deep as this allows."""


@dataclass(frozen=True)
class Row:
    """A layer, or a block of several in a row, described by their sums and by the last one's output.

    Attributes:
        place: The parts of its name.
        type: The class of the layer or block.
        layers: What is put together, in order.
    """

    place: tuple[str, ...]
    type: str
    layers: tuple[Layer, ...]

    @property
    def name(self) -> str:
        """As Layer has it."""
        return self.layers[0].name if self.single else ".".join(self.place)

    @property
    def single(self) -> bool:
        """Whether it is a layer, and no block."""
        return len(self.layers) == 1 and self.place == name_parts(self.layers[0].name)

    @property
    def last(self) -> Layer:
        return self.layers[-1]

    def total(self, figure: str) -> int:
        """The sum of parameters, parameter_bytes, flops or activation_bytes."""
        return sum(getattr(layer, figure) for layer in self.layers)


Pair = tuple[Row | None, Row | None]


def name_parts(name: str) -> tuple[str, ...]:
    """The parts of a layer's name; an operation is a part of the module that it happens in.

    >>> name_parts("features.stage1.block0:add")
    ('features', 'stage1', 'block0', 'add')
    """
    return tuple(name.replace(":", ".").split("."))


def outline(inspection: Inspection, depth: int) -> list[Row]:
    """The layers of an inspection down to a depth; what is further down is put together into one row.

    Args:
        inspection: What to outline.
        depth: The parts of a name that are told apart; 0 for all of them, which gives every layer a row.

    Returns:
        The rows, in order.

    >>> from fieldmark.inspection.inspector import inspect
    >>> [row.name for row in outline(inspect("baseline", 32), 2)]
    ['features.stage1', 'features.stage2', 'flatten', 'hidden', 'activation', 'head']
    """
    rows = []
    for prefix, members in groupby(
        inspection.layers, key=lambda layer: name_parts(layer.name)[: depth or None]
    ):
        layers = tuple(members)
        if all(name_parts(layer.name) == prefix for layer in layers):
            rows += [Row(prefix, layer.type, (layer,)) for layer in layers]
        else:
            rows.append(Row(prefix, inspection.blocks.get(".".join(prefix), ""), layers))
    return rows


def fitting_depth(inspections: Sequence[Inspection], most: int = MOST_ROWS) -> int:
    """The largest depth at which no outline has too many rows.

    Args:
        inspections: What is to be outlined at the same depth.
        most: The most rows.

    Returns:
        The depth, at least 1.
    """
    deepest = max((len(name_parts(layer.name)) for found in inspections for layer in found.layers), default=1)
    for depth in range(deepest, 1, -1):
        if all(len(outline(found, depth)) <= most for found in inspections):
            return depth
    return 1


ROWS = 24
"""The table goes as deep as so many rows allow."""


def overview(inspection: Inspection) -> str:
    """The totals in a line, and the output, parameters and operations of each block or layer.

    >>> from fieldmark.inspection.inspector import inspect
    >>> print(overview(inspect("mlp", 32, num_classes=2)).splitlines()[0])
    mlp on pictures of 3x32x32: 1,574,402 parameters, 3,147,776 FLOPs, 2 layers deep
    """
    cells: list[tuple[str, ...]] = [("layer", "type", "output", "parameters", "FLOPs")]
    for row in outline(inspection, fitting_depth([inspection], ROWS)):
        kind = row.type if row.single else f"{row.type} ({len(row.layers)})"
        figures = (f"{row.total(name):,}" if row.total(name) else "-" for name in ("parameters", "flops"))
        cells.append((printable(row.name), kind, spell_shape(row.last.output_shape), *figures))
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    table = [
        "  ".join(
            text.ljust(width) if column < 3 else text.rjust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    head = (
        f"{printable(inspection.model)} on pictures of {spell_shape(inspection.input_shape)}: "
        f"{inspection.parameters:,} parameters, {inspection.flops:,} FLOPs, {inspection.depth} layers deep"
    )
    return "\n".join([head, "", table[0], rule, *table[1:]])


def spell_shape(shape: tuple[int, ...]) -> str:
    """A shape for people.

    >>> spell_shape((3, 224, 224))
    '3x224x224'
    """
    return "x".join(map(str, shape))


def differing(left: Inspection, right: Inspection, depth: int) -> tuple[list[Pair], int]:
    """Compare two inspections row by row.

    Rows go together by their names, in order. They are alike with the same type, shape, parameters, FLOPs,
    receptive field and stride.

    Args:
        left: One inspection.
        right: The other.
        depth: Of both outlines.

    Returns:
        The rows that differ, with None for one that is missing, and how many are alike.

    >>> from fieldmark.inspection.inspector import inspect
    >>> pairs, alike = differing(inspect("deep", 32), inspect("residual", 32), 2)
    >>> [row.name for row, _ in pairs if row is not None], alike
    (['features.stage3'], 6)
    """
    pairs: list[Pair] = []
    alike = 0
    for one, other in aligned(outline(left, depth), outline(right, depth)):
        if one is not None and other is not None and figures(one) == figures(other):
            alike += 1
        else:
            pairs.append((one, other))
    return pairs, alike


def aligned(left: Sequence[Row], right: Sequence[Row]) -> list[Pair]:
    """Rows of the same name side by side, in order; None beside those that only one of the two has."""
    names, others = ([row.name for row in rows] for rows in (left, right))
    pairs: list[Pair] = []
    for tag, i, i_end, j, j_end in SequenceMatcher(None, names, others, autojunk=False).get_opcodes():
        if tag == "equal":
            pairs += zip(left[i:i_end], right[j:j_end], strict=True)
        else:
            pairs += [(row, None) for row in left[i:i_end]]
            pairs += [(None, row) for row in right[j:j_end]]
    return pairs


def figures(row: Row) -> tuple[object, ...]:
    """What two rows must have in common to be alike."""
    sums = (row.total(name) for name in ("parameters", "parameter_bytes", "flops"))
    kinds = tuple(layer.type for layer in row.layers)
    return row.type, kinds, row.last.output_shape, *sums, row.last.receptive_field, row.last.stride
