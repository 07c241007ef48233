"""What is drawn: the boxes that an inspection's layers become, their kinds, dense blocks and stages.

What only follows a layer, an activation or a normalisation, is part of its box.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise

from fieldmark.inspection.findings import Inspection, Layer


class Kind(Enum):
    """The kinds that a drawing tells apart; the value is what the legend says."""

    PICTURE = "picture"
    CONVOLUTION = "convolution"
    POOLING = "pooling"
    LINEAR = "linear"
    CONCATENATION = "concatenation"
    ADDITION = "addition"
    PRODUCT = "product"
    NORMALISATION = "normalisation"
    ACTIVATION = "activation"
    OTHER = "other"
    PASSING = "passing"  # changes no number, or only while training: not drawn


_EXACTLY = {
    Kind.POOLING: "mean amax amin",
    Kind.LINEAR: "addmm nondynamicallyquantizablelinear",
    Kind.CONCATENATION: "cat concat concatenate hstack",
    Kind.ADDITION: "add iadd sub isub",
    Kind.PRODUCT: "mul imul div",
    Kind.ACTIVATION: (
        "celu clamp elu gelu hardshrink hardsigmoid hardswish hardtanh leakyrelu logsigmoid logsoftmax mish "
        "relu6 selu sigmoid silu softmax softplus softsign swish tanh threshold"
    ),
    Kind.PASSING: (
        "alias clone contiguous copy detach droppath expand flatten float identity permute reshape "
        "squeeze stochasticdepth swapaxes swapdims to t transpose unflatten unsafeview unsqueeze view"
    ),
}
_BY_NAME = {name: kind for kind, names in _EXACTLY.items() for name in names.split()}
_ENDINGS = ("linear", Kind.LINEAR), ("relu", Kind.ACTIVATION)
_PARTS = (
    ("conv", Kind.CONVOLUTION),
    ("pool", Kind.POOLING),
    ("dropout", Kind.PASSING),
    ("norm", Kind.NORMALISATION),
)


def kind_of(type_name: str) -> Kind:
    """The kind of layer that a class or an operation of this name is.

    >>> [kind_of(name).value for name in ("Conv2d", "max_pool2d", "LeakyReLU", "add_", "Dropout", "Mixer")]
    ['convolution', 'pooling', 'activation', 'addition', 'passing', 'other']
    """
    name = type_name.lower().replace("_", "")
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name == "bilinear":  # a product of two vectors, or a way to enlarge a map
        return Kind.OTHER
    for ending, kind in _ENDINGS:
        if name.endswith(ending):
            return kind
    for part, kind in _PARTS:
        if part in name:
            return kind
    return Kind.OTHER


POINTWISE = (Kind.NORMALISATION, Kind.ACTIVATION)
_TAKES_POINTWISE_BEFORE = (Kind.CONVOLUTION, Kind.LINEAR, Kind.POOLING)


@dataclass
class Node:
    """One box of a drawing: a layer, with the normalisations and activations that belong to it.

    Attributes:
        kind: Of the main layer.
        main: Index of the main layer; None for the picture.
        shape: Of the main layer's output, without the batch.
        inputs: Indices of the nodes whose maps it takes, each once.
        values: Of each of the main layer's inputs, the index of the layer whose output it really is.
        before: Indices of the normalisations and activations before the main layer.
        after: Indices of those after it.
        flops: Of the main layer.
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
    """The boxes that a network's layers become.

    Normalisation and activation join the box before them where nobody else takes its map, else the
    convolution, pooling or linear layer after them. What changes no number (flatten, identity, dropout, a
    mean down to the size that a map has) is not drawn, nor is a concatenation of a single map.

    Args:
        inspection: What to draw.

    Returns:
        The picture first, every box after those that it takes maps from.
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


_FEWEST = 3  # concatenations in a run; two that overlap are not yet a dense block


@dataclass(frozen=True)
class DenseRun:
    """A dense block: concatenations of which each holds all that the one before held, and one map more.

    Attributes:
        nodes: The concatenations, in order.
        parts: What each of them holds, oldest first, none of it a concatenation of the run.
        covered: The lines of the graph that the block's arcs stand for, as (from, to).
    """

    nodes: tuple[int, ...]
    parts: tuple[tuple[int, ...], ...]
    covered: frozenset[tuple[int, int]]


def dense_runs(nodes: Sequence[Node]) -> list[DenseRun]:
    """The dense blocks of a graph.

    A layer may take a concatenation of all maps so far, or the last concatenation and the newest map: both
    mean the same, and come out the same.
    """
    parts = _parts(nodes)
    runs: list[list[int]] = []
    for index in sorted(parts):
        if runs and _grows(parts[runs[-1][-1]], parts[index]):
            runs[-1].append(index)
        else:
            runs.append([index])
    return [_run(nodes, run, parts) for run in runs if len(run) >= _FEWEST]


def _parts(nodes: Sequence[Node]) -> dict[int, tuple[int, ...]]:
    """What each concatenation holds, those within it opened."""
    parts: dict[int, tuple[int, ...]] = {}
    for index, node in enumerate(nodes):
        if node.kind is Kind.CONCATENATION:
            opened: dict[int, None] = {}
            for taken in node.inputs:
                plain = taken in parts and not nodes[taken].after
                opened.update(dict.fromkeys(parts[taken] if plain else (taken,)))
            parts[index] = tuple(sorted(opened))
    return parts


def _grows(before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    return len(after) == len(before) + 1 and after[:-1] == before


def _run(nodes: Sequence[Node], run: Sequence[int], parts: dict[int, tuple[int, ...]]) -> DenseRun:
    # The newest map reaches its concatenation by the chain; every other line is one of the block's arcs.
    covered = {(taken, index) for index in run for taken in nodes[index].inputs if taken != parts[index][-1]}
    return DenseRun(tuple(run), tuple(parts[index] for index in run), frozenset(covered))


Path = tuple[str, ...]
# Of the network's boxes, more than this in one group of (depth - 1) names, and it is opened.
_SHARES = {2: 0.5, 3: 0.85, 4: 0.85}
_MOST_PARTS = 0.75  # per box


@dataclass(frozen=True)
class Group:
    """A stage of the network, or a block of one: what a bracket under the drawing spans.

    Attributes:
        name: Of the module.
        members: Indices of the boxes.
        level: 0 for a stage, 1 for a block within one.
    """

    name: str
    members: tuple[int, ...]
    level: int


def path_of(name: str) -> Path:
    """The modules that a layer is in, and itself where it is one; an operation's own name is left out.

    >>> path_of("features.stage1.convolution"), path_of("features.stage1:add"), path_of("flatten#2")
    (('features', 'stage1', 'convolution'), ('features', 'stage1'), ('flatten',))
    """
    module, colon, _ = name.partition(":")
    return tuple((module if colon else module.partition("#")[0]).split(".")) if module else ()


def groups_of(paths: Sequence[Path | None], places: Sequence[int]) -> list[Group]:
    """The stages of a network, and the blocks within them, by the dotted names of its layers.

    A group that holds most of the network ("features") is opened, unless most of its parts are single boxes.
    Blocks that lie beside each other are branches, and no groups.

    Args:
        paths: Of each box, the modules that it is in; None for what is in no module.
        places: Of each box, its column.

    Returns:
        The stages, then the blocks of each.
    """
    outer = _parted(paths, range(len(paths)), 1)
    for depth in _SHARES:
        outer = _opened(paths, outer, depth)
    groups = [Group(".".join(prefix), tuple(members), 0) for prefix, members in outer.items()]
    for prefix, members in outer.items():
        depth = len(prefix) + 1
        # A module that has parts is a block; what it does between them is in it too.
        whole = {path[:depth] for index in members if len(path := paths[index] or ()) > depth}
        inner = _parted(paths, members, depth)
        blocks = {path: inside for path, inside in inner.items() if path in whole}
        if len(blocks) > 1 and not _overlap(blocks.values(), places):
            groups += [Group(path[-1], tuple(inside), 1) for path, inside in blocks.items()]
    return groups


def _parted(paths: Sequence[Path | None], members: Iterable[int], depth: int) -> dict[Path, list[int]]:
    """Boxes by the first `depth` names of their path."""
    parts: dict[Path, list[int]] = {}
    for index in members:
        path = paths[index]
        if path:
            parts.setdefault(path[:depth], []).append(index)
    return parts


def _opened(paths: Sequence[Path | None], groups: dict[Path, list[int]], depth: int) -> dict[Path, list[int]]:
    whole = sum(len(members) for members in groups.values())
    opened: dict[Path, list[int]] = {}
    for prefix, members in groups.items():
        parts = _parted(paths, members, depth)
        large = len(members) > _SHARES[depth] * whole
        if len(prefix) == depth - 1 and large and len(parts) <= _MOST_PARTS * len(members):
            opened.update(parts)
        else:
            opened[prefix] = members
    return opened


def _overlap(groups: Iterable[Sequence[int]], places: Sequence[int]) -> bool:
    spans = sorted((min(places[i] for i in group), max(places[i] for i in group)) for group in groups)
    return any(end >= start for (_, end), (start, _) in pairwise(spans))
