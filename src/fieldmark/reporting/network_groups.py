"""The stages of a network, from the dotted names of its layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

Path = tuple[str, ...]
# Of the network's boxes, more than this in one group of (depth - 1) names, and it is opened.
_SHARES = {2: 0.5, 3: 0.85, 4: 0.85}
_MOST_PARTS = 0.75  # per box


@dataclass(frozen=True)
class Group:
    """A bracket under the drawing: name, members (places in the list of paths), level 0 outside, 1 inside."""

    name: str
    members: tuple[int, ...]
    level: int


def path_of(name: str) -> Path:
    """The modules that a layer is in, and itself where it is one; an operation's own name is left out.

    >>> path_of("features.stage1.convolution"), path_of("features.stage1:add"), path_of("flatten#2")
    (('features', 'stage1', 'convolution'), ('features', 'stage1'), ('flatten',))
    """
    module, colon, _ = name.partition(":")
    return tuple((module if colon else module.partition("#")[0]).split(".")) if module else ()


def groups_of(paths: Sequence[Path | None], places: Sequence[int]) -> list[Group]:
    """The stages, and the blocks within them. paths: one per box, None for what is in no module.

    places: the column of each box; blocks that lie beside each other are branches, and no groups.
    A group that holds most of the network ("features") is opened, unless most of its parts are single boxes.
    """
    outer = _parted(paths, range(len(paths)), 1)
    for depth in _SHARES:
        outer = _opened(paths, outer, depth)
    groups = [Group(".".join(prefix), tuple(members), 0) for prefix, members in outer.items()]
    for prefix, members in outer.items():
        depth = len(prefix) + 1
        # A module that has parts is a block; what it does between them is in it too.
        whole = {path[:depth] for index in members if len(path := paths[index] or ()) > depth}
        inner = _parted(paths, members, depth)
        blocks = {path: inside for path, inside in inner.items() if path in whole}
        if len(blocks) > 1 and not _overlap(blocks.values(), places):
            groups += [Group(path[-1], tuple(inside), 1) for path, inside in blocks.items()]
    return groups


def _parted(paths: Sequence[Path | None], members: Iterable[int], depth: int) -> dict[Path, list[int]]:
    """Boxes by the first `depth` names of their path."""
    parts: dict[Path, list[int]] = {}
    for index in members:
        path = paths[index]
        if path:
            parts.setdefault(path[:depth], []).append(index)
    return parts


def _opened(paths: Sequence[Path | None], groups: dict[Path, list[int]], depth: int) -> dict[Path, list[int]]:
    whole = sum(len(members) for members in groups.values())
    opened: dict[Path, list[int]] = {}
    for prefix, members in groups.items():
        parts = _parted(paths, members, depth)
        large = len(members) > _SHARES[depth] * whole
        if len(prefix) == depth - 1 and large and len(parts) <= _MOST_PARTS * len(members):
            opened.update(parts)
        else:
            opened[prefix] = members
    return opened


def _overlap(groups: Iterable[Sequence[int]], places: Sequence[int]) -> bool:
    spans = sorted((min(places[i] for i in group), max(places[i] for i in group)) for group in groups)
    return any(end >= start for (_, end), (start, _) in pairwise(spans))
