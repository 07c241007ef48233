"""The arcs of a dense block: from every map to every later concatenation that holds it."""

from __future__ import annotations

import math
from collections.abc import Collection

from fieldmark.reporting.network_dense import DenseRun
from fieldmark.reporting.network_lanes import fan_height
from fieldmark.reporting.network_routes import Page
from fieldmark.reporting.network_rows import STUB
from fieldmark.reporting.svg import element, number

_LOWEST = 12.0
# Up to so many lines in a block: how wide and how opaque an arc is.
_LOOKS = ((40, 1.1, 0.55), (150, 0.8, 0.55), (400, 0.6, 0.5), (math.inf, 0.6, 0.25))
_ALL = 64  # up to so many concatenations, every arc is drawn
NEXT = 8  # else those to so many concatenations after each map


def arcs_svg(run: DenseRun, lines: Collection[tuple[int, int]], page: Page, colour: str) -> str:
    """All arcs of one block, thinner the more there are. lines: what is drawn as a line already."""
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


def _arc(source: int, target: int, rise: float, page: Page) -> list[str]:
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


def _summit(index: int, page: Page) -> tuple[float, float]:
    """The middle of a slab's upper face."""
    solid = page.boxes[index].solid
    x = page.left(index) + (solid.wide + solid.right) / 2
    return x, page.height(page.row(index), page.lanes.axis[index]) - solid.reach + solid.up / 2
