"""Brackets under the rows: stages outside, blocks within them inside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fieldmark.diagram.graph import Group
from fieldmark.diagram.routes import Sheet
from fieldmark.diagram.svg import element, fit_words, number, text, text_width
from fieldmark.palette import INK, MUTED

INNER = 17.0
OUTER = 34.0
_TICK = 5.0
_NAME, _INNER_NAME, _FACT = 11.0, 9.0, 9.5
_APART = 8.0
_LEAST = 34.0  # less room than this is too little for a shortened name


@dataclass(frozen=True)
class _Bracket:
    """A bracket with its words.

    Attributes:
        names: The whole name, and a shorter one that will do.
        facts: A second line, where it fits.
        start: Where it begins, from left.
        end: Where it ends.
    """

    names: tuple[str, str]
    facts: str
    start: float
    end: float

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2


def brackets_svg(
    groups: Sequence[Group], facts: Sequence[str], page: Sheet, row: int, y: float, right: float
) -> tuple[str, float]:
    """The brackets of one row.

    Args:
        groups: The stages and blocks of the network.
        facts: A second line for each.
        page: Where everything is.
        row: Which row.
        y: The height that they begin at.
        right: Where their words have to end.

    Returns:
        SVG, and the height that it takes.
    """
    drawn = []
    height = 0.0
    for level in (1, 0):
        brackets = _brackets(groups, facts, page, row, level)
        if brackets:
            drawn.append(_level(brackets, y + height, page.grid.margin, right, level))
            height += INNER if level else OUTER
    return element("g", *drawn, class_="stages") if drawn else "", height


def _brackets(
    groups: Sequence[Group], facts: Sequence[str], page: Sheet, row: int, level: int
) -> list[_Bracket]:
    """Those of one level, from left to right; of several that overlap the first."""
    first, last = page.grid.rows[row]
    found = []
    for group, fact in zip(groups, facts, strict=True):
        columns = [page.order.column[i] for i in group.members]
        start, end = max(min(columns), first), min(max(columns), last)
        if group.level == level and start <= end:
            short = group.name.rpartition(".")[2]
            names = (group.name, short) if start == min(columns) else (f"{group.name}, continued", short)
            told = fact if row == _main_row(min(columns), max(columns), page) else ""
            found.append(_Bracket(names, told, page.grid.left[start] - 2, page.grid.right(end) + 2))
    found.sort(key=lambda bracket: (bracket.start, -bracket.end))
    apart: list[_Bracket] = []
    for bracket in found:
        if not apart or bracket.start >= apart[-1].end:
            apart.append(bracket)
    return apart


def _main_row(start: int, end: int, page: Sheet) -> int:
    """The row that has the most of a group."""
    rows = Counter(page.grid.row[start : end + 1])
    return max(rows, key=lambda row: (rows[row], -row))


def _level(brackets: Sequence[_Bracket], y: float, left: float, right: float, level: int) -> str:
    drawn = []
    named = told = left  # up to where there are words already
    size, colour = (_INNER_NAME, MUTED) if level else (_NAME, INK)
    for place, bracket in enumerate(brackets):
        middle = bracket.middle
        limit = right
        if place + 1 < len(brackets):
            following = brackets[place + 1]
            limit = following.middle - text_width(following.names[1], size) / 2 - _APART
            limit = max(limit, bracket.end)
        name = _fitted(bracket.names, size, 2 * min(middle - named, limit - middle))
        if not name:
            continue
        drawn.append(_line(bracket, y, colour))
        drawn.append(text(middle, y + _TICK + size, name, size, colour, anchor="middle"))
        named = middle + text_width(name, size) / 2 + _APART
        width = text_width(bracket.facts, _FACT)
        room = min(bracket.end - bracket.start + 16, 2 * (middle - told), 2 * (right - middle))
        if bracket.facts and not level and width <= room:
            drawn.append(text(middle, y + _TICK + 25, bracket.facts, _FACT, MUTED, anchor="middle"))
            told = middle + width / 2 + _APART
    return "".join(drawn)


def _line(bracket: _Bracket, y: float, colour: str) -> str:
    data = f"M{number(bracket.start)} {number(y)}v{number(_TICK)}H{number(bracket.end)}v{number(-_TICK)}"
    return element("path", d=data, stroke=colour, stroke_width=0.8, fill="none")


def _fitted(names: Sequence[str], size: float, room: float) -> str:
    """The first name that fits, else the last one shortened, else nothing."""
    for name in names:
        if text_width(name, size) <= room:
            return name
    return fit_words(names[-1], size, room) if room > _LEAST else ""
