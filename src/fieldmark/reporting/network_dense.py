"""Dense blocks: runs of concatenations in which each holds all that the one before held, and one map more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fieldmark.reporting.network_graph import Node
from fieldmark.reporting.network_kinds import Kind

_FEWEST = 3  # concatenations in a run; two that overlap are not yet a dense block


@dataclass(frozen=True)
class DenseRun:
    """nodes: the concatenations. parts: what each holds, oldest first, none of it a concatenation of the run.

    covered: the lines of the graph that the block's arcs stand for, as (from, to).
    """

    nodes: tuple[int, ...]
    parts: tuple[tuple[int, ...], ...]
    covered: frozenset[tuple[int, int]]


def dense_runs(nodes: Sequence[Node]) -> list[DenseRun]:
    """The dense blocks of a graph.

    A layer may take a concatenation of all maps so far, or the last concatenation and the newest map: both
    mean the same, and come out the same.
    """
    parts = _parts(nodes)
    runs: list[list[int]] = []
    for index in sorted(parts):
        if runs and _grows(parts[runs[-1][-1]], parts[index]):
            runs[-1].append(index)
        else:
            runs.append([index])
    return [_run(nodes, run, parts) for run in runs if len(run) >= _FEWEST]


def _parts(nodes: Sequence[Node]) -> dict[int, tuple[int, ...]]:
    """What each concatenation holds, those within it opened."""
    parts: dict[int, tuple[int, ...]] = {}
    for index, node in enumerate(nodes):
        if node.kind is Kind.CONCATENATION:
            opened: dict[int, None] = {}
            for taken in node.inputs:
                plain = taken in parts and not nodes[taken].after
                opened.update(dict.fromkeys(parts[taken] if plain else (taken,)))
            parts[index] = tuple(sorted(opened))
    return parts


def _grows(before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    return len(after) == len(before) + 1 and after[:-1] == before


def _run(nodes: Sequence[Node], run: Sequence[int], parts: dict[int, tuple[int, ...]]) -> DenseRun:
    # The newest map reaches its concatenation by the chain; every other line is one of the block's arcs.
    covered = {(taken, index) for index in run for taken in nodes[index].inputs if taken != parts[index][-1]}
    return DenseRun(tuple(run), tuple(parts[index] for index in run), frozenset(covered))
