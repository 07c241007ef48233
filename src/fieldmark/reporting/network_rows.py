"""The strip cut into rows that fit the page, and where on the page every column and gap then is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fieldmark.reporting.network_chains import Order
from fieldmark.reporting.network_dense import DenseRun
from fieldmark.reporting.network_groups import Group
from fieldmark.reporting.network_lines import Line, Turns
from fieldmark.reporting.network_sizes import Box, Style

TURN = 7.0  # room in a gap for one vertical piece of line
STUB = 16.0  # what a line shows of itself beyond the end of a row
_SINGLE_STRETCH = 1.6
_MOST_STRETCH = 1.5  # a gap grows by so much of itself at most, to fill the page
_PER_ROW = 0.35
_PER_LINE = 0.15
_WITHIN_STAGE, _WITHIN_BLOCK, _WITHIN_DENSE = 0.05, 0.05, 1.2


@dataclass
class Grid:
    """Where columns are. row, left: of each column. gap: its width, by the column it follows.

    rows: first and last column of each row. margin: where rows begin; page: how wide it is.
    """

    row: list[int]
    left: list[float]
    widths: list[float]
    gaps: list[float]
    rows: list[tuple[int, int]]
    margin: float
    page: float

    def right(self, column: int) -> float:
        return self.left[column] + self.widths[column]

    def end(self, row: int) -> float:
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
    """Columns placed in as few rows as fit `page`, cut where `cost` (of each gap) is small.

    least: the narrowest page for a single row.
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
    """What it costs to end a row after each column: lines that go on, a stage, a block, a dense block cut."""
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
