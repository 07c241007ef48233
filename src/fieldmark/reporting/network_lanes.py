"""How far above or below the main chain everything runs.

A chain has a profile, how far it reaches above and below its own axis. Its guests, side chains and skips, are
put against that profile, short ones first, and then belong to it; so nothing ever lies on anything else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fieldmark.reporting.network_chains import Chain, Order
from fieldmark.reporting.network_dense import DenseRun
from fieldmark.reporting.network_profiles import Profile, Seats
from fieldmark.reporting.network_sizes import Box

_LINE = 2.5  # half of the room that a line takes
_Ends = tuple[int | None, int | None]


@dataclass
class Lanes:
    """axis: of each box, below the main chain's. track: of each skip. profile: of everything together."""

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
    """Where every chain and every skip runs."""
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
