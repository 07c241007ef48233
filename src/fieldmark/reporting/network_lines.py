"""Every line of a drawing: from, to, and the height it runs at; and in which gaps lines turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fieldmark.reporting.network_chains import Order
from fieldmark.reporting.network_lanes import Lanes
from fieldmark.reporting.network_sizes import Box

_SAME = 0.01


@dataclass(frozen=True)
class Line:
    """From box `source` at its height, to `track`, along it, and on to the height of box `target`.

    kind: "flow" along a chain, "branch" to or from a side chain, "skip" past boxes. straight: it meets a
    round box from right above or below, as nothing else is in the way. tap: only its end is drawn, as the
    way there is that of a longer line from the same box.
    """

    source: int
    target: int
    track: float
    kind: str
    straight: bool = False
    tap: bool = False


@dataclass(frozen=True)
class Turns:
    """The boxes behind, and before, which lines turn up or down, by gap (the column it follows)."""

    leaving: dict[int, list[int]]
    arriving: dict[int, list[int]]


def lines_of(order: Order, lanes: Lanes, boxes: Sequence[Box]) -> list[Line]:
    """All lines but those that a dense block draws as arcs."""
    axis = lanes.axis
    lines = []
    for chain in order.chains:
        pairs = zip(chain.nodes, chain.nodes[1:], strict=False)
        lines += [Line(a, b, axis[a], "flow") for a, b in pairs]
        if chain.fork is not None:
            lines.append(Line(chain.fork, chain.nodes[0], axis[chain.nodes[0]], "branch"))
        if chain.join is not None:
            lines.append(Line(chain.nodes[-1], chain.join, axis[chain.nodes[-1]], "branch"))
    lines += [Line(a, b, axis[b], "branch") for a, b in order.adjacent]
    for skip, track in zip(order.skips, lanes.track, strict=True):
        furthest = max(skip.targets, key=lambda i: order.column[i])
        lines += [Line(skip.source, i, track, "skip", tap=i != furthest) for i in skip.targets]
    return _straightened(lines, order, lanes, boxes)


def _straightened(lines: Sequence[Line], order: Order, lanes: Lanes, boxes: Sequence[Box]) -> list[Line]:
    """Mark the lines that can meet a round box from above or below."""
    axes: dict[int, list[float]] = {}
    for column, axis in zip(order.column, lanes.axis, strict=True):
        axes.setdefault(column, []).append(axis)
    marked = []
    for line in lines:
        end = lanes.axis[line.target]
        if boxes[line.target].solid.round and abs(line.track - end) > _SAME:
            low, high = sorted((line.track, end))
            beside = axes[order.column[line.target]]
            line = replace(line, straight=not any(low <= axis <= high and axis != end for axis in beside))
        marked.append(line)
    return marked


def turns_of(lines: Sequence[Line], order: Order, lanes: Lanes) -> Turns:
    """Where room for a vertical piece is needed; lines that share an end share it."""
    leaving: dict[int, dict[int, None]] = {}
    arriving: dict[int, dict[int, None]] = {}
    for line in lines:
        if abs(line.track - lanes.axis[line.source]) > _SAME:
            leaving.setdefault(order.column[line.source], {})[line.source] = None
        if abs(line.track - lanes.axis[line.target]) > _SAME and not line.straight:
            arriving.setdefault(order.column[line.target] - 1, {})[line.target] = None
    return Turns(
        {gap: list(found) for gap, found in leaving.items()},
        {gap: list(found) for gap, found in arriving.items()},
    )
