"""The way of every line and arc over the page; one that meets the end of a row goes on in the next."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from fieldmark.diagram.chains import Order
from fieldmark.diagram.graph import DenseRun
from fieldmark.diagram.lanes import Lanes, fan_height
from fieldmark.diagram.rows import STUB, TURN, Grid, Line, Turns
from fieldmark.diagram.sizes import Box
from fieldmark.diagram.svg import element, number

Point = tuple[float, float]
_CORNER = 9.0
_SAME = 0.01


@dataclass
class Sheet:
    """All that the way of a line depends on.

    Attributes:
        order: The column of each box.
        boxes: How large the boxes are.
        lanes: How far below the main axis everything is.
        turns: Where lines turn.
        grid: Where the columns are.
        baseline: The main axis of each row, from the top of the page.
    """

    order: Order
    boxes: Sequence[Box]
    lanes: Lanes
    turns: Turns
    grid: Grid
    baseline: Sequence[float]

    def row(self, index: int) -> int:
        """The row that a box is in."""
        return self.grid.row[self.order.column[index]]

    def left(self, index: int) -> float:
        """Where the front of a box begins: boxes stand in the middle of their column."""
        solid = self.boxes[index].solid
        column = self.order.column[index]
        return self.grid.left[column] + (self.grid.widths[column] - solid.wide - solid.right) / 2

    def height(self, row: int, below: float) -> float:
        """The height on the page of what is so far below the main axis of a row."""
        return self.baseline[row] + below

    def leave(self, index: int) -> float:
        """Where lines out of a box turn: in the gap behind it, after the cut where a row ends there."""
        column = self.order.column[index]
        start = self.grid.right(column)
        if self.ends_row(index):
            start = self.grid.left[column + 1] - self.grid.gaps[column]
        return start + TURN * (self.turns.leaving[column].index(index) + 0.6)

    def ends_row(self, index: int) -> bool:
        """Whether the column of a box is the last of its row, and not of the drawing."""
        column = self.order.column[index]
        return column + 1 < len(self.grid.row) and self.grid.row[column + 1] != self.grid.row[column]

    def arrive(self, index: int) -> float:
        """Where lines into a box turn, in the gap before it."""
        column = self.order.column[index]
        others = self.turns.arriving[column - 1]
        place = len(others) - 1 - others.index(index)
        return self.grid.left[column] - TURN * (place + 0.6) - 5


def pieces(line: Line, page: Sheet) -> list[list[Point]]:
    """The corners of a line, one list per row that it touches."""
    axis, row, last_row = page.lanes.axis, page.row(line.source), page.row(line.target)
    if line.tap:
        first, *rest = _end(line, page)
        return [[(first[0] - 2 * _CORNER, first[1]), first, *rest]]
    source = line.source
    solid = page.boxes[source].solid
    out = page.left(source) + solid.wide + solid.right / 2
    piece: list[Point] = [(out, page.height(row, axis[source]))]
    done: list[list[Point]] = []
    if page.ends_row(source):
        piece.append((page.grid.end(row) + STUB, page.height(row, axis[source])))
        done.append(piece)
        row += 1
        piece = [(page.grid.margin, page.height(row, axis[source]))]
    if abs(line.track - axis[source]) > _SAME:
        turn = page.leave(source)
        piece += [(turn, page.height(row, axis[source])), (turn, page.height(row, line.track))]
    while row < last_row:
        piece.append((page.grid.end(row) + STUB, page.height(row, line.track)))
        done.append(piece)
        row += 1
        piece = [(page.grid.margin, page.height(row, line.track))]
    return [*done, [*piece, *_end(line, page)]]


def _end(line: Line, page: Sheet) -> list[Point]:
    """The last points of a line: where it turns, if it does, and where it meets the box."""
    target = line.target
    solid, axis, row = page.boxes[target].solid, page.lanes.axis[target], page.row(target)
    track, height = page.height(row, line.track), page.height(row, axis)
    if abs(line.track - axis) <= _SAME:
        return [(page.left(target), height)]
    if line.straight:
        middle = page.left(target) + solid.wide / 2
        return [(middle, track), (middle, height + (-solid.reach if line.track < axis else solid.reach))]
    turn = page.arrive(target)
    return [(turn, track), (turn, height), (page.left(target), height)]


def path_data(points: Sequence[Point]) -> str:
    """The points joined, corners rounded.

    >>> path_data([(0, 0), (20, 0), (20, 30)])
    'M0 0L11 0Q20 0 20 9L20 30'
    """
    words = [f"M{_at(points[0])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(_CORNER, _length(before, corner) / 2, _length(corner, after) / 2)
        near, far = _towards(corner, before, radius), _towards(corner, after, radius)
        words.append(f"L{_at(near)}Q{_at(corner)} {_at(far)}")
    words.append(f"L{_at(points[-1])}")
    return "".join(words)


def _at(point: Point) -> str:
    return f"{number(point[0])} {number(point[1])}"


def _length(a: Point, b: Point) -> float:
    return abs(a[0] - b[0]) + abs(a[1] - b[1])  # all pieces are horizontal or vertical


def _towards(a: Point, b: Point, distance: float) -> Point:
    length = _length(a, b)
    share = distance / length if length else 0.0
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share


_LOWEST = 12.0
# Up to so many lines in a block: how wide and how opaque an arc is.
_LOOKS = ((40, 1.1, 0.55), (150, 0.8, 0.55), (400, 0.6, 0.5), (math.inf, 0.6, 0.25))
_ALL = 64  # up to so many concatenations, every arc is drawn
NEXT = 8  # else those to so many concatenations after each map


def arcs_svg(run: DenseRun, lines: Collection[tuple[int, int]], page: Sheet, colour: str) -> str:
    """All arcs of one dense block, thinner the more there are.

    Args:
        run: The block.
        lines: What is drawn as a line already, as (from, to).
        page: Where everything is.
        colour: "#RRGGBB".

    Returns:
        SVG.
    """
    several = sum(len(parts) for parts in run.parts)
    width, opacity = next(look for most, *look in _LOOKS if several <= most)
    drawn = []
    longest = page.order.column[run.nodes[-1]] - page.order.column[run.parts[0][0]]
    for target, parts in zip(run.nodes, run.parts, strict=True):
        for source in parts if all_drawn(run) else parts[-NEXT:]:
            span = page.order.column[target] - page.order.column[source]
            if (source, target) not in lines:
                rise = _LOWEST + (fan_height(run) - _LOWEST) * math.sqrt(span / longest)
                for data in _arc(source, target, rise, page):
                    drawn.append(element("path", d=data, data_from=str(source), data_to=str(target)))
    return element(
        "g", *drawn, class_="dense", fill="none", stroke=colour, stroke_width=width, stroke_opacity=opacity
    )


def all_drawn(run: DenseRun) -> bool:
    """Whether a block is short enough for all of its arcs: their number grows with the square."""
    return len(run.nodes) <= _ALL


def _arc(source: int, target: int, rise: float, page: Sheet) -> list[str]:
    """Half an ellipse; two quarters with a line between where the ends are in different rows."""
    start, begin = _summit(source, page)
    end, finish = _summit(target, page)
    first, last = page.row(source), page.row(target)
    if first == last:
        radius = (end - start) / 2
        ceiling = min(begin, finish) - rise
        return [
            f"M{number(start)} {number(begin)}"
            f"Q{number(start)} {number(ceiling)} {number(start + radius)} {number(ceiling)}"
            f"Q{number(end)} {number(ceiling)} {number(end)} {number(finish)}"
        ]
    edge = page.grid.end(first) + STUB
    turn = min(edge, start + 40)
    data = [
        f"M{number(start)} {number(begin)}Q{number(start)} {number(begin - rise)} "
        f"{number(turn)} {number(begin - rise)}H{number(edge)}"
    ]
    for row in range(first + 1, last):
        height = page.height(row, begin - page.baseline[first]) - rise
        data.append(f"M{number(page.grid.margin)} {number(height)}H{number(page.grid.end(row) + STUB)}")
    turn = max(page.grid.margin, end - 40)
    data.append(
        f"M{number(page.grid.margin)} {number(finish - rise)}H{number(turn)}"
        f"Q{number(end)} {number(finish - rise)} {number(end)} {number(finish)}"
    )
    return data


def _summit(index: int, page: Sheet) -> tuple[float, float]:
    """The middle of a slab's upper face."""
    solid = page.boxes[index].solid
    x = page.left(index) + (solid.wide + solid.right) / 2
    return x, page.height(page.row(index), page.lanes.axis[index]) - solid.reach + solid.up / 2
