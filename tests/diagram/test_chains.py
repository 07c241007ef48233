"""The main chain, side chains and skips of small graphs; dense blocks in both ways to write them."""

from __future__ import annotations

from collections.abc import Sequence

from diagram.drawn_networks import inspection, layer

from fieldmark.diagram.chains import Order, order_of
from fieldmark.diagram.graph import dense_runs, nodes_of
from fieldmark.inspection.findings import Layer

MAP = (8, 16, 16)


def order(*inputs: Sequence[int], kinds: str = "") -> Order:
    """Of layers that take these inputs; kinds: one letter each, "+" an addition, "c" a concatenation."""
    types = {"+": "add", "c": "cat"}
    letters = kinds or "." * len(inputs)
    layers = [
        layer(f"l{i}", types.get(letter, "Conv2d"), taken, MAP)
        for i, (taken, letter) in enumerate(zip(inputs, letters, strict=True))
    ]
    nodes = nodes_of(inspection(layers))
    return order_of(nodes, dense_runs(nodes))


def test_a_plain_network_is_one_chain() -> None:
    found = order([-1], [0], [1])
    assert [chain.nodes for chain in found.chains] == [[0, 1, 2, 3]]
    assert found.column == [0, 1, 2, 3]
    assert not found.skips
    assert not found.adjacent


def test_a_residual_block_is_a_chain_with_a_skip() -> None:
    found = order([-1], [0], [1], [0, 2], kinds="...+")
    assert len(found.chains) == 1
    assert [(skip.source, skip.targets) for skip in found.skips] == [(1, [4])]


def test_a_projection_is_a_side_chain_in_the_middle_of_its_room() -> None:
    found = order([-1], [0], [1], [2], [0], [3, 4], kinds=".....+")
    assert found.chains[1].nodes == [5]
    assert (found.chains[1].fork, found.chains[1].join) == (1, 6)
    assert found.column[5] == 3


def test_branches_within_branches_are_hosted_by_them() -> None:
    # main: 0 1 2 3 4; a side chain 5 6 7 from 0 to 4; within that, 8 from 5 to 7.
    found = order([-1], [0], [1], [2], [0], [5 - 1], [4], [5, 6], [3, 7])
    hosts = {tuple(chain.nodes): chain.host for chain in found.chains}
    assert found.chains[0].host is None
    assert sum(host == 0 for host in hosts.values()) == 1
    assert sum(host == 1 for host in hosts.values()) == 1


def test_pieces_that_hang_on_nothing_are_chains_of_their_own() -> None:
    found = order([-1], [], [1], [0])
    loose = [chain for chain in found.chains if chain.fork is None and chain.join is None]
    assert [chain.nodes for chain in loose[1:]] == [[2, 3]]


def dense_block(growing: bool) -> list[Layer]:
    """Three layers on a map x0; each takes all maps so far, or the last concatenation and the newest."""
    layers = [layer("x0", "Conv2d", [-1], (8, 8, 8))]
    maps, last = [0], 0
    for number in range(1, 4):
        layers.append(layer(f"layer{number}", "Conv2d", [last], (4, 8, 8)))
        new = len(layers) - 1
        maps.append(new)
        taken = [last, new] if growing else maps
        layers.append(layer(f"cat{number}", "cat", taken, (8 + 4 * number, 8, 8)))
        last = len(layers) - 1
    return layers


def test_both_ways_to_write_a_dense_block_are_drawn_alike() -> None:
    runs = []
    for growing in (False, True):
        nodes = nodes_of(inspection(dense_block(growing)))
        (run,) = dense_runs(nodes)
        runs.append((run.nodes, run.parts))
        assert not order_of(nodes, [run]).skips
    assert runs[0] == runs[1]
    # x0 is box 1; layers 2, 4, 6; concatenations 3, 5, 7.
    assert runs[0] == ((3, 5, 7), ((1, 2), (1, 2, 4), (1, 2, 4, 6)))


def test_concatenations_of_branches_are_no_dense_block() -> None:
    layers = [layer("x0", "Conv2d", [-1], MAP)]
    for _ in range(4):
        start = len(layers) - 1
        layers += [layer(f"b{start}{i}", "Conv2d", [start], MAP) for i in range(3)]
        layers.append(layer(f"cat{start}", "cat", [start + 1, start + 2, start + 3], (24, 16, 16)))
    assert dense_runs(nodes_of(inspection(layers))) == []
