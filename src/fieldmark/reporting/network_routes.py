"""The way of every line over the page, as points; a line that meets the end of a row goes on in the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fieldmark.reporting.network_chains import Order
from fieldmark.reporting.network_lanes import Lanes
from fieldmark.reporting.network_lines import Line, Turns
from fieldmark.reporting.network_rows import STUB, TURN, Grid
from fieldmark.reporting.network_sizes import Box
from fieldmark.reporting.svg import number

Point = tuple[float, float]
_CORNER = 9.0
_SAME = 0.01


@dataclass
class Page:
    """All that a route depends on. baseline: the main axis of each row, from the top of the page."""

    order: Order
    boxes: Sequence[Box]
    lanes: Lanes
    turns: Turns
    grid: Grid
    baseline: Sequence[float]

    def row(self, index: int) -> int:
        return self.grid.row[self.order.column[index]]

    def left(self, index: int) -> float:
        """Where the front of a box begins: boxes stand in the middle of their column."""
        solid = self.boxes[index].solid
        column = self.order.column[index]
        return self.grid.left[column] + (self.grid.widths[column] - solid.wide - solid.right) / 2

    def height(self, row: int, below: float) -> float:
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


def pieces(line: Line, page: Page) -> list[list[Point]]:
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


def _end(line: Line, page: Page) -> list[Point]:
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
