"""The order of a drawing: a column for every box, and the graph taken apart into chains.

The main chain is the longest way to the last layer. What is left falls into chains too: each leaves the
chains found before it at one box (its fork) and comes back at another (its join). What then remains are
lines without boxes: the skips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fieldmark.diagram.graph import DenseRun, Node


@dataclass
class Chain:
    """Boxes in a row.

    Attributes:
        nodes: Indices of the boxes, in order.
        fork: The box that it leaves, None where it starts by itself.
        join: The box that it comes back to, None where it ends by itself.
        host: The chain that it is drawn beside, the last one that fork and join both belong to, or are drawn
            beside; None for the main chain.
    """

    nodes: list[int]
    fork: int | None = None
    join: int | None = None
    host: int | None = None


@dataclass
class SkipLines:
    """All lines without boxes that leave one box: they share a track.

    Attributes:
        source: The box that they leave.
        targets: The boxes that they go to.
        host: The chain that they run beside.
    """

    source: int
    targets: list[int]
    host: int


@dataclass
class Order:
    """In which order boxes and lines are drawn.

    Attributes:
        column: Of each box.
        chain: The number of the one that each box is in.
        chains: The main one first, hosts before guests.
        skips: Lines past boxes.
        adjacent: Lines, in no chain, that only go to the very next column.
    """

    column: list[int]
    chain: list[int]
    chains: list[Chain]
    skips: list[SkipLines] = field(default_factory=list)
    adjacent: list[tuple[int, int]] = field(default_factory=list)


def order_of(nodes: Sequence[Node], dense: Sequence[DenseRun]) -> Order:
    """Put a graph into columns and take it apart into chains and skips.

    Args:
        nodes: The boxes, each after those that it takes maps from.
        dense: The dense blocks, whose lines are drawn as arcs and left out here.

    Returns:
        The order of all boxes and of the other lines.
    """
    takers: list[list[int]] = [[] for _ in nodes]
    for index, node in enumerate(nodes):
        for taken in node.inputs:
            takers[taken].append(index)
    column = _columns(nodes, takers)
    chain = [-1] * len(nodes)
    chains = [Chain(_main_chain(nodes))]
    rest = _longest_rest(nodes, takers)
    for index in chains[0].nodes:
        chain[index] = 0
    for index in range(len(nodes)):
        if chain[index] < 0:
            chains.append(_side_chain(index, nodes, takers, rest, chain, column))
            for member in chains[-1].nodes:
                chain[member] = len(chains) - 1
    order = Order(column, chain, chains)
    for guest in chains[1:]:
        ends = [chain[end] for end in (guest.fork, guest.join) if end is not None]
        guest.host = _common(chains, ends) if ends else 0
        _centre(guest, nodes, takers, column)
    _lines(order, nodes, dense)
    return order


def _columns(nodes: Sequence[Node], takers: Sequence[Sequence[int]]) -> list[int]:
    """The length of the longest way to each box; what takes nothing stands just before its first taker."""
    column = [0] * len(nodes)
    for index, node in enumerate(nodes):
        column[index] = 1 + max((column[i] for i in node.inputs), default=-1 if index == 0 else 0)
    for index, node in enumerate(nodes):
        if index and not node.inputs and takers[index]:
            column[index] = max(0, min(column[i] for i in takers[index]) - 1)
    return column


def _longest_rest(nodes: Sequence[Node], takers: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Of each box, the longest way to an end: boxes, then FLOPs."""
    rest = [(1, node.flops) for node in nodes]
    for index in reversed(range(len(nodes))):
        boxes, flops = max((rest[i] for i in takers[index]), default=(0, 0))
        rest[index] = boxes + 1, flops + nodes[index].flops
    return rest


def _main_chain(nodes: Sequence[Node]) -> list[int]:
    """The longest way to the last box; of several as long, the one with the most FLOPs."""
    way = [(1, node.flops) for node in nodes]
    before: list[int | None] = [None] * len(nodes)
    for index, node in enumerate(nodes):
        if node.inputs:
            before[index] = max(node.inputs, key=lambda i: (*way[i], -i))
            boxes, flops = way[before[index] or 0]
            way[index] = boxes + 1, flops + node.flops
    main: list[int] = []
    place: int | None = len(nodes) - 1
    while place is not None:
        main.append(place)
        place = before[place]
    return main[::-1]


def _side_chain(
    first: int,
    nodes: Sequence[Node],
    takers: Sequence[Sequence[int]],
    rest: Sequence[tuple[int, int]],
    chain: Sequence[int],
    column: Sequence[int],
) -> Chain:
    """The longest chain of boxes not yet in one, from `first` on."""
    members = [first]
    while free := [i for i in takers[members[-1]] if chain[i] < 0]:
        members.append(max(free, key=lambda i: (*rest[i], -i)))
    fork = max(nodes[first].inputs, key=lambda i: column[i], default=None)
    join = min(takers[members[-1]], key=lambda i: column[i], default=None)
    return Chain(members, fork, join)


def _common(chains: Sequence[Chain], ends: Sequence[int]) -> int:
    """The last chain that all of `ends` are, or are drawn beside; hosts have the smaller numbers."""
    together = set(ends)
    while len(together) > 1:
        latest = max(together)
        together.remove(latest)
        host = chains[latest].host
        assert host is not None
        together.add(host)
    return together.pop()


def _centre(guest: Chain, nodes: Sequence[Node], takers: Sequence[Sequence[int]], column: list[int]) -> None:
    """Move a chain to the middle of its room, where nothing else hangs on it."""
    if guest.join is None or guest.fork is None:
        return
    lines = sum(len(nodes[i].inputs) + len(takers[i]) for i in guest.nodes)
    shift = (column[guest.join] - 1 - column[guest.nodes[-1]]) // 2
    if lines == 2 * len(guest.nodes):
        for index in guest.nodes:
            column[index] += shift


def _lines(order: Order, nodes: Sequence[Node], dense: Sequence[DenseRun]) -> None:
    """Sort the lines that belong to no chain into skips and lines to the next column."""
    drawn = {(chain.fork, chain.nodes[0]) for chain in order.chains if chain.fork is not None}
    drawn |= {(chain.nodes[-1], chain.join) for chain in order.chains if chain.join is not None}
    for chain in order.chains:
        drawn |= set(zip(chain.nodes, chain.nodes[1:], strict=False))
    for run in dense:
        drawn |= run.covered
    targets: dict[int, list[int]] = {}
    for index, node in enumerate(nodes):
        for taken in node.inputs:
            if (taken, index) in drawn:
                continue
            if order.column[index] == order.column[taken] + 1:
                order.adjacent.append((taken, index))
            else:
                targets.setdefault(taken, []).append(index)
    for source, ends in targets.items():
        host = _common(order.chains, [order.chain[i] for i in (source, *ends)])
        order.skips.append(SkipLines(source, ends, host))
