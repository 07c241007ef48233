"""How far above or below the main chain everything runs.

A chain has a profile, how far it reaches above and below its own axis. Its guests, side chains and skips, are
put against that profile, short ones first, and then belong to it; so nothing ever lies on anything else.

The strip that a network is laid out on is made of cells: column c is cell 2c, the gap after it cell 2c + 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from fieldmark.diagram.chains import Chain, Order
from fieldmark.diagram.graph import DenseRun
from fieldmark.diagram.sizes import Box

APART = 7.0


@dataclass
class Profile:
    """How far something reaches above and below its axis, in each of the cells from `first` on.

    Attributes:
        first: The first cell.
        above: Per cell, float64 (cells,).
        below: Per cell, float64 (cells,).
    """

    first: int
    above: np.ndarray
    below: np.ndarray

    @classmethod
    def flat(cls, first: int, last: int, reach: float) -> Profile:
        """The same reach both ways from cell `first` to cell `last`.

        >>> Profile.flat(3, 5, 2.0).above.tolist()
        [2.0, 2.0, 2.0]
        """
        return cls(first, np.full(last - first + 1, reach), np.full(last - first + 1, reach))

    @property
    def last(self) -> int:
        return self.first + len(self.above) - 1

    def raise_to(self, first: int, last: int, above: float, below: float = 0.0) -> None:
        """Reach at least so far in these cells."""
        self._cover(first, last)
        place = slice(first - self.first, last - self.first + 1)
        np.maximum(self.above[place], above, out=self.above[place])
        np.maximum(self.below[place], below, out=self.below[place])

    def widen(self, other: Profile, offset: float) -> None:
        """Take in `other`, whose axis is `offset` below this one's.

        >>> host = Profile.flat(0, 3, 1.0)
        >>> host.widen(Profile.flat(1, 2, 1.0), offset=-5.0)
        >>> host.above.tolist(), host.below.tolist()
        ([1.0, 6.0, 6.0, 1.0], [1.0, 1.0, 1.0, 1.0])
        """
        self._cover(other.first, other.last)
        place = slice(other.first - self.first, other.last - self.first + 1)
        np.maximum(self.above[place], other.above - offset, out=self.above[place])
        np.maximum(self.below[place], other.below + offset, out=self.below[place])

    def most(self, first: int, last: int) -> tuple[float, float]:
        """The furthest reach above and below from cell `first` to cell `last`, 0 where there are none."""
        place = slice(max(first - self.first, 0), max(last - self.first + 1, 0))
        return float(self.above[place].max(initial=0.0)), float(self.below[place].max(initial=0.0))

    def _cover(self, first: int, last: int) -> None:
        before, after = max(self.first - first, 0), max(last - self.last, 0)
        if before or after:
            self.above = np.pad(self.above, (before, after))
            self.below = np.pad(self.below, (before, after))
            self.first -= before


@dataclass
class Seats:
    """The room around one axis.

    Attributes:
        host: What is on the axis itself.
        above: What has been seated above it: (first cell, last cell, from, to), the last two as distances to
            the axis.
        below: The same below it.
    """

    host: Profile
    above: list[tuple[int, int, float, float]] = field(default_factory=list)
    below: list[tuple[int, int, float, float]] = field(default_factory=list)

    def seat(self, guest: Profile, above: bool) -> float:
        """Put a guest as near to the axis as there is room for it.

        Args:
            guest: What to seat.
            above: Whether it goes above the axis.

        Returns:
            How far below this axis the guest's own then is.

        >>> seats = Seats(Profile.flat(0, 9, 10.0))
        >>> [seats.seat(Profile.flat(*cells, 2.5), above=True) for cells in ((1, 3), (2, 5), (5, 6))]
        [-19.5, -31.5, -19.5]
        """
        inner, outer = (guest.below, guest.above) if above else (guest.above, guest.below)
        near, far = float(inner.max()), float(outer.max())
        place = self._against(guest, inner, above) + APART
        seated = self.above if above else self.below
        for start, end in self._beside(seated, guest):
            if place + far + APART <= start:
                break
            place = max(place, end + APART + near)
        seated.append((guest.first, guest.last, place - near, place + far))
        return -place if above else place

    def _against(self, guest: Profile, inner: np.ndarray, above: bool) -> float:
        """How far out the guest's axis is where the two touch."""
        host = self.host
        start, end = max(guest.first, host.first), min(guest.last, host.last)
        if start > end:
            return float(inner.max())
        outline = host.above if above else host.below
        touching = outline[start - host.first : end - host.first + 1].copy()
        touching += inner[start - guest.first : end - guest.first + 1]
        return float(max(touching.max(), inner.max()))

    @staticmethod
    def _beside(seated: list[tuple[int, int, float, float]], guest: Profile) -> Iterator[tuple[float, float]]:
        """What shares cells with the guest, from the inside out."""
        beside = [(start, end) for a, b, start, end in seated if a <= guest.last and b >= guest.first]
        return iter(sorted(beside))


_LINE = 2.5  # half of the room that a line takes
_Ends = tuple[int | None, int | None]


@dataclass
class Lanes:
    """How far below the main chain's axis everything runs.

    Attributes:
        axis: Of each box.
        track: Of each skip.
        profile: The room that everything together takes.
    """

    axis: list[float]
    track: list[float]
    profile: Profile


@dataclass
class _Guest:
    profile: Profile
    above: bool
    rank: tuple[int, int, int]
    chain: int = -1
    skip: int = -1
    offset: float = 0.0


def lanes_of(order: Order, boxes: Sequence[Box], dense: Sequence[DenseRun]) -> Lanes:
    """Find a lane for every chain and every skip.

    Args:
        order: The chains and skips.
        boxes: How large the boxes are.
        dense: The dense blocks, whose arcs need room above them.

    Returns:
        The lanes of all boxes and skips.
    """
    profiles = [_own_profile(order, chain, boxes) for chain in order.chains]
    for run in dense:
        _add_fan(profiles[order.chain[run.nodes[0]]], run, order, boxes)
    guests: list[list[_Guest]] = [[] for _ in order.chains]
    for number, skip in enumerate(order.skips):
        guests[skip.host].append(_skip_guest(number, order, boxes))
    alike = Counter((chain.fork, chain.join) for chain in order.chains)
    for number in reversed(range(len(order.chains))):
        _seat_all(profiles[number], guests[number])
        host = order.chains[number].host
        if host is not None:
            guests[host].append(_chain_guest(number, order, profiles[number], alike))
    base = [0.0] * len(order.chains)
    track = [0.0] * len(order.skips)
    for number in range(len(order.chains)):
        for guest in guests[number]:
            if guest.chain >= 0:
                base[guest.chain] = base[number] + guest.offset
            else:
                track[guest.skip] = base[number] + guest.offset
    return Lanes([base[chain] for chain in order.chain], track, profiles[0])


def _seat_all(profile: Profile, guests: Sequence[_Guest]) -> None:
    """Put all guests of a chain around it, and make them part of its profile."""
    seats = Seats(profile)
    for guest in sorted(guests, key=lambda guest: guest.rank):
        guest.offset = seats.seat(guest.profile, guest.above)
    for guest in guests:
        profile.widen(guest.profile, guest.offset)


def fan_height(run: DenseRun) -> float:
    """How far the arcs of a dense block rise above its maps."""
    return min(120.0, 24 + 8.0 * len(run.nodes))


def _own_profile(order: Order, chain: Chain, boxes: Sequence[Box]) -> Profile:
    """From the gap after the fork to the gap before the join; up to a round join itself, met from above."""
    first = 2 * order.column[chain.nodes[0]]
    last = 2 * order.column[chain.nodes[-1]]
    if chain.fork is not None:
        first = min(first, 2 * order.column[chain.fork] + 1)
    if chain.join is not None:
        last = max(last, 2 * order.column[chain.join] - (0 if boxes[chain.join].solid.round else 1))
    profile = Profile.flat(first, last, _LINE)
    for index in chain.nodes:
        cell = 2 * order.column[index]
        profile.raise_to(cell, cell, boxes[index].solid.reach, boxes[index].below)
    return profile


def _add_fan(profile: Profile, run: DenseRun, order: Order, boxes: Sequence[Box]) -> None:
    first, last = run.parts[0][0], run.nodes[-1]
    rise = max(boxes[index].solid.reach for index in (first, *run.nodes)) + fan_height(run)
    profile.raise_to(2 * order.column[first], 2 * order.column[last], rise)


def _skip_guest(number: int, order: Order, boxes: Sequence[Box]) -> _Guest:
    skip = order.skips[number]
    first = 2 * order.column[skip.source] + 1
    last = max(2 * order.column[target] - (0 if boxes[target].solid.round else 1) for target in skip.targets)
    return _Guest(Profile.flat(first, last, _LINE), True, (last - first, 1, number), skip=number)


def _chain_guest(number: int, order: Order, profile: Profile, alike: Counter[_Ends]) -> _Guest:
    """A side chain goes above, unless it ends nowhere, or comes later among several with the same ends."""
    chain = order.chains[number]
    above, distance = True, 0
    if chain.fork is None or chain.join is None:
        above, distance = False, chain.nodes[0]
    elif alike[chain.fork, chain.join] > 1 and chain.host is not None:
        beside = [i for i in order.chains[chain.host].nodes if order.column[i] > order.column[chain.fork]]
        above = bool(beside) and chain.nodes[0] < beside[0]
        distance = abs(chain.nodes[0] - beside[0]) if beside else 0
    return _Guest(profile, above, (profile.last - profile.first, 0, distance), chain=number)
