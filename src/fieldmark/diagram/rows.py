"""The strip cut into rows that fit the page, with every line between its boxes, every column and gap."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fieldmark.diagram.chains import Order
from fieldmark.diagram.graph import DenseRun, Group
from fieldmark.diagram.lanes import Lanes
from fieldmark.diagram.sizes import Box, Style

_SAME = 0.01


@dataclass(frozen=True)
class Line:
    """A line from one box at its height, to a track, along it, and on to the height of another box.

    Attributes:
        source: Where it begins.
        target: Where it ends.
        track: The height it runs at.
        kind: "flow" along a chain, "branch" to or from a side chain, "skip" past boxes.
        straight: Whether it meets a round box from right above or below, as nothing else is in the way.
        tap: Whether only its end is drawn, as the way there is that of a longer line from the same box.
    """

    source: int
    target: int
    track: float
    kind: str
    straight: bool = False
    tap: bool = False


@dataclass(frozen=True)
class Turns:
    """In which gaps lines turn up or down; a gap is called by the column that it follows.

    Attributes:
        leaving: Of each gap, the boxes whose lines turn behind them.
        arriving: Of each gap, the boxes whose lines turn before them.
    """

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


TURN = 7.0  # room in a gap for one vertical piece of line
STUB = 16.0  # what a line shows of itself beyond the end of a row
_SINGLE_STRETCH = 1.6
_MOST_STRETCH = 1.5  # a gap grows by so much of itself at most, to fill the page
_PER_ROW = 0.35
_PER_LINE = 0.15
_WITHIN_STAGE, _WITHIN_BLOCK, _WITHIN_DENSE = 0.05, 0.05, 1.2


@dataclass
class Grid:
    """Where columns are on the page.

    Attributes:
        row: Of each column.
        left: Of each column, its left edge.
        widths: Of the columns.
        gaps: Their widths, by the column that each follows.
        rows: First and last column of each row.
        margin: Where rows begin.
        page: How wide the page is.
    """

    row: list[int]
    left: list[float]
    widths: list[float]
    gaps: list[float]
    rows: list[tuple[int, int]]
    margin: float
    page: float

    def right(self, column: int) -> float:
        """The right edge of a column."""
        return self.left[column] + self.widths[column]

    def end(self, row: int) -> float:
        """The right edge of a row."""
        return self.right(self.rows[row][1])


def grid_of(
    order: Order,
    boxes: Sequence[Box],
    turns: Turns,
    cost: Sequence[float],
    style: Style,
    page: float,
    least: float,
    margin: float,
) -> Grid:
    """Place the columns in as few rows as fit the page, cut where it costs little.

    Args:
        order: The column of each box.
        boxes: How large the boxes are.
        turns: Where lines need room in a gap.
        cost: Of ending a row after each column.
        style: How wide gaps are.
        page: The widest page.
        least: The narrowest page for a single row.
        margin: At the left and right of the page.

    Returns:
        The place of every column.
    """
    count = max(order.column) + 1
    widths = [0.0] * count
    for index, box in enumerate(boxes):
        widths[order.column[index]] = max(widths[order.column[index]], box.width)
    gaps = [
        style.gap + TURN * (len(turns.leaving.get(c, ())) + len(turns.arriving.get(c, ())))
        for c in range(count)
    ]
    around = 2 * (margin + STUB)
    rows = _cut(widths, gaps, cost, page - around)
    alone = len(rows) == 1
    if alone:  # a short network has a page of its own width
        page = min(page, max(least, around + sum(widths) + _SINGLE_STRETCH * sum(gaps[:-1])))
    room = page - around
    grid = Grid([0] * count, [0.0] * count, widths, gaps, rows, margin, page)
    for number, (first, last) in enumerate(rows):
        needed = sum(widths[first : last + 1]) + sum(gaps[max(first - 1, 0) : last])
        between = sum(gaps[first:last])
        spare = room - needed
        # A last row that is far from full stays as dense as it is.
        stretch = max(spare, 0.0) / between if between else 0.0
        stretch = stretch if alone else min(stretch, _MOST_STRETCH)
        if number == len(rows) - 1 and len(rows) > 1 and needed < 0.7 * room:
            stretch = min(stretch, 0.3)
        x = margin + STUB + (gaps[first - 1] if first else 0.0)
        for column in range(first, last + 1):
            grid.row[column], grid.left[column] = number, x
            if column < last:
                grid.gaps[column] *= 1 + stretch
                x += widths[column] + grid.gaps[column]
    return grid


def cut_costs(
    lines: Sequence[Line], order: Order, dense: Sequence[DenseRun], groups: Sequence[Group]
) -> list[float]:
    """What it costs to end a row after each column: lines that go on, a stage, a block or a dense block cut.

    Args:
        lines: All lines but the arcs.
        order: The column of each box.
        dense: The dense blocks.
        groups: The stages and blocks.

    Returns:
        A cost per column.
    """
    column = order.column
    count = max(column) + 1
    passing = [0] * (count + 1)  # change in the number of lines, apart from those that have just begun
    reach: dict[tuple[int, float], int] = {}
    for line in lines:
        key = line.source, round(line.track, 1)
        reach[key] = max(reach.get(key, 0), column[line.target])
    for (source, _), end in reach.items():
        if end > column[source] + 1:
            passing[column[source] + 1] += 1
            passing[end] -= 1
    begun = Counter(column[source] for source in {line.source for line in lines})
    inside = [0] * (count + 1)
    for run in dense:
        inside[column[run.parts[0][0]]] += 1
        inside[column[run.nodes[-1]]] -= 1
    borders = [{max(column[i] for i in g.members) for g in groups if g.level == level} for level in (0, 1)]
    costs, passed, within = [], 0, 0
    for place in range(count):
        passed, within = passed + passing[place], within + inside[place]
        cost = _PER_LINE * min(max(passed + begun[place] - 1, 0), 8) + _WITHIN_DENSE * min(within, 1)
        cost += _WITHIN_STAGE * (place not in borders[0])
        cost += _WITHIN_BLOCK * (place not in borders[0] and place not in borders[1])
        costs.append(cost)
    return costs


def _cut(
    widths: Sequence[float], gaps: Sequence[float], cost: Sequence[float], room: float
) -> list[tuple[int, int]]:
    """The best rows by dynamic programming: few, evenly full, cut where it costs little."""
    count = len(widths)
    best = [0.0] + [math.inf] * count  # of the first n columns
    start = [0] * (count + 1)
    for end in range(1, count + 1):
        needed = 0.0
        for first in range(end - 1, -1, -1):
            needed += widths[first] + (gaps[first] if first < end - 1 else 0.0)
            whole = needed + (gaps[first - 1] if first else 0.0)  # lines may turn before the first column
            if whole > room and first < end - 1:
                break
            ragged = max(0.0, 1 - whole / room) ** 2 * (0.3 if end == count else 1.0)
            total = best[first] + ragged + _PER_ROW + (cost[end - 1] if end < count else 0.0)
            if total < best[end]:
                best[end], start[end] = total, first
    rows = []
    end = count
    while end > 0:
        rows.append((start[end], end - 1))
        end = start[end]
    return rows[::-1]
