"""Room above and below an axis, cell by cell, and how things are put into it.

The strip that a network is laid out on is made of cells: column c is cell 2c, the gap after it cell 2c + 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

APART = 7.0


@dataclass
class Profile:
    """How far something reaches above and below its axis, in each of the cells from `first` on.

    above, below: float64 (cells,).
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
    """The room around one axis. host: what is on the axis itself. above, below: what has been seated.

    Each of those is (first cell, last cell, from, to), from and to as distances to the axis.
    """

    host: Profile
    above: list[tuple[int, int, float, float]] = field(default_factory=list)
    below: list[tuple[int, int, float, float]] = field(default_factory=list)

    def seat(self, guest: Profile, above: bool) -> float:
        """Put a guest as near to the axis as there is room for it; how far below the axis it then is.

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
