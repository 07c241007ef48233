"""From an inspection's layers to the boxes of a drawing: what only follows a layer is part of its box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fieldmark.reporting.network_kinds import Kind, kind_of

if TYPE_CHECKING:
    from fieldmark.inspection.findings import Inspection, Layer

POINTWISE = (Kind.NORMALISATION, Kind.ACTIVATION)
_TAKES_POINTWISE_BEFORE = (Kind.CONVOLUTION, Kind.LINEAR, Kind.POOLING)


@dataclass
class Node:
    """One box. kind: of its main layer, `main` (an index into the layers; None: the picture).

    shape: of its main layer's output, without the batch. before, after: the normalisations and activations
    that are part of the box, as indices of layers. inputs: indices of the nodes whose maps it takes, each
    once. values: the index of the layer whose output each of the main layer's inputs really is.
    """

    kind: Kind
    main: int | None
    shape: tuple[int, ...]
    inputs: tuple[int, ...] = ()
    values: tuple[int, ...] = ()
    before: list[int] = field(default_factory=list)
    after: list[int] = field(default_factory=list)
    flops: int = 0


def nodes_of(inspection: Inspection) -> list[Node]:
    """The boxes, the picture first, every box after those it takes maps from.

    Normalisation and activation join the box before them where nobody else takes its map, else the
    convolution, pooling or linear layer after them. What changes no number (flatten, identity, dropout, a
    mean down to the size that a map has) is not drawn, nor is a concatenation of a single map.
    """
    layers = inspection.layers
    passing = _passing(inspection)
    takers = _takers(layers, passing)
    nodes = [Node(Kind.PICTURE, None, tuple(inspection.input_shape))]
    holder = {-1: 0}  # layer to the node that its output comes from
    for index, layer in enumerate(layers):
        kind = kind_of(layer.type)
        if index in passing:
            holder[index] = holder[layer.inputs[0]]
            continue
        if kind in POINTWISE and len(layer.inputs) == 1:
            before = nodes[holder[layer.inputs[0]]]
            if before.kind is not Kind.PICTURE and takers[_source(layers, passing, layer.inputs[0])] == 1:
                before.after.append(index)
                holder[index] = holder[layer.inputs[0]]
                continue
        if kind is Kind.PASSING:
            kind = Kind.OTHER
        inputs = tuple(dict.fromkeys(holder[i] for i in layer.inputs))
        holder[index] = len(nodes)
        nodes.append(Node(kind, index, layer.output_shape, inputs, layer.inputs, flops=layer.flops))
    return _pointwise_before(nodes)


def layers_in(node: Node) -> list[int]:
    """Indices of all layers that a box stands for, in order; none for the picture."""
    return [] if node.main is None else [*node.before, node.main, *node.after]


def _passing(inspection: Inspection) -> frozenset[int]:
    """The layers that are not drawn, as they only hand on what they take."""
    return frozenset(
        index
        for index, layer in enumerate(inspection.layers)
        if len(layer.inputs) == 1
        and (kind_of(layer.type) in (Kind.PASSING, Kind.CONCATENATION) or inspection.changes_nothing(layer))
    )


def _source(layers: Sequence[Layer], passing: frozenset[int], index: int) -> int:
    """The layer that `index` hands on the output of."""
    while index in passing:
        index = layers[index].inputs[0]
    return index


def _takers(layers: Sequence[Layer], passing: frozenset[int]) -> dict[int, int]:
    """How many drawn layers take the output of each layer; what only hands on does not count itself."""
    takers: dict[int, int] = {}
    for index, layer in enumerate(layers):
        if index not in passing:
            for value in {_source(layers, passing, i) for i in layer.inputs}:
                takers[value] = takers.get(value, 0) + 1
    return takers


def _pointwise_before(nodes: list[Node]) -> list[Node]:
    """Normalisation and activation that stand alone join the layer after them, if it is the only taker."""
    takers: dict[int, list[int]] = {}
    for index, node in enumerate(nodes):
        for taken in node.inputs:
            takers.setdefault(taken, []).append(index)
    gone: dict[int, int] = {}  # a joined node to the one it joined
    for index, node in enumerate(nodes):
        after = takers.get(index, [])
        if node.kind in POINTWISE and len(node.inputs) == 1 and len(after) == 1:
            taker = nodes[after[0]]
            alone = taker.kind in _TAKES_POINTWISE_BEFORE or taker.kind in POINTWISE
            if alone and len(taker.inputs) == 1 and node.main is not None:
                taker.before[:0] = [*node.before, node.main, *node.after]
                taker.inputs = node.inputs
                gone[index] = after[0]
    kept = [index for index in range(len(nodes)) if index not in gone]
    place = {index: position for position, index in enumerate(kept)}
    for index in kept:
        nodes[index].inputs = tuple(place[i] for i in nodes[index].inputs)
    return [nodes[index] for index in kept]
