"""The layers of an inspection at a chosen depth: what is further down is put together into one row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from fieldmark.models.inspection.layer import Inspection, Layer

MOST_ROWS = 48
"""As many as a screen shows; unless told otherwise, an outline goes as deep as this allows."""


@dataclass(frozen=True)
class Row:
    """A layer, or a block of several in a row, told by their sums and by the last one's output.

    place: the parts of its name. type: the class of the layer or block.
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
        return len(self.layers) == 1 and self.place == place(self.layers[0].name)

    @property
    def last(self) -> Layer:
        return self.layers[-1]

    def total(self, figure: str) -> int:
        """The sum of parameters, parameter_bytes, flops or activation_bytes."""
        return sum(getattr(layer, figure) for layer in self.layers)


def place(name: str) -> tuple[str, ...]:
    """The parts of a layer's name; an operation is a part of the module that it happens in.

    >>> place("features.stage1.block0:add")
    ('features', 'stage1', 'block0', 'add')
    """
    return tuple(name.replace(":", ".").split("."))


def outline(inspection: Inspection, depth: int) -> list[Row]:
    """The rows, in order. depth: parts of a name that are told apart, at least 1; 0 tells all layers.

    >>> from fieldmark.models.inspection.inspecting import inspect
    >>> [row.name for row in outline(inspect("baseline", 32), 2)]
    ['features.stage1', 'features.stage2', 'flatten', 'hidden', 'activation', 'head']
    """
    rows = []
    for prefix, members in groupby(inspection.layers, key=lambda layer: place(layer.name)[: depth or None]):
        layers = tuple(members)
        if all(place(layer.name) == prefix for layer in layers):
            rows += [Row(prefix, layer.type, (layer,)) for layer in layers]
        else:
            rows.append(Row(prefix, inspection.blocks.get(".".join(prefix), ""), layers))
    return rows


def fitting_depth(inspections: Sequence[Inspection], most: int = MOST_ROWS) -> int:
    """The depth at which no outline has more than `most` rows, the largest there is; at least 1."""
    deepest = max((len(place(layer.name)) for found in inspections for layer in found.layers), default=1)
    for depth in range(deepest, 1, -1):
        if all(len(outline(found, depth)) <= most for found in inspections):
            return depth
    return 1
