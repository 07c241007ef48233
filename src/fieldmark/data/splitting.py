"""Which picture is for training, validation or test: decided by the pixels, never by names or chance.

Pure functions of (hashes, labels). hashes (M,) "S32": SHA-256 over each picture's decoded pixels; labels
int64 (M,). The same pictures give the same splits in whatever order and under whatever names they come.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from fieldmark.vocabulary import SPLITS

Hashes = NDArray[np.bytes_]
Rows = NDArray[np.int64]
TRAIN, VAL, TEST = range(3)


def divide(
    hashes: Hashes,
    labels: Rows,
    given: NDArray[np.str_],
    *,
    val: float,
    test: float,
    groups: NDArray[np.str_] | None = None,
) -> dict[str, Rows]:
    """Divide pictures into splits.

    Args:
        hashes: (M,) "S32", SHA-256 of each picture's pixels.
        labels: int64 (M,).
        given: (M,), "train", "val" or "test"; all of them "" where the source does not say.
        val: the share for validation. Without any given split it is cut from all pictures, and with "train"
            but no "val" from train.
        test: the share for the test, cut where no split is given.
        groups: (M,), pictures of one name are not parted; those of the name "" stand alone.

    Returns:
        Rows int64 of each split, ordered by (hash, label); a split without pictures is left out.

    >>> hashes = np.array([b"c", b"a", b"b"], "S32")
    >>> rows = divide(hashes, np.zeros(3, np.int64), np.array(["train", "test", "train"]), val=0.5, test=0.1)
    >>> {split: rows[split].tolist() for split in rows}
    {'train': [0], 'val': [2], 'test': [1]}
    """
    where = np.full(len(labels), -1, np.int64)
    for code, split in enumerate(SPLITS):
        where[given == split] = code
    if (where == -1).all():
        where = cut(hashes, labels, val=val, test=test, groups=groups)
    else:
        assert (where != -1).all(), "either every picture has a split or none has"
        if not (where == VAL).any():
            rows = np.flatnonzero(where == TRAIN)
            some = None if groups is None else groups[rows]
            where[rows] = cut(hashes[rows], labels[rows], val=val, test=0.0, groups=some)
    order = ordered(hashes, labels)
    parts = {split: order[where[order] == code] for code, split in enumerate(SPLITS)}
    return {split: rows for split, rows in parts.items() if len(rows)}


def ordered(hashes: Hashes, labels: Rows) -> Rows:
    """All rows by hash, equal hashes by label."""
    by_label = np.argsort(labels, kind="stable")
    return by_label[np.argsort(hashes[by_label], kind="stable")]


def units(hashes: Hashes, groups: NDArray[np.str_] | None = None) -> Rows:
    """Number what may not be parted: pictures that are equal or of one group.

    That goes on from picture to picture: a group and another that share a picture are one. Numbers rise with
    the lowest hash of each unit.

    Args:
        hashes: (M,) "S32".
        groups: (M,), "" for a picture that stands alone; None for no groups.

    Returns:
        int64 (M,), one number per unit.

    >>> units(np.array([b"c", b"a", b"b", b"a"], "S32"), np.array(["x", "", "x", "y"])).tolist()
    [1, 0, 1, 0]
    """
    equal: Rows = np.unique(hashes, return_inverse=True)[1]
    if groups is None:
        return equal
    _, member = np.unique(groups, return_inverse=True)
    alone = groups == ""
    member[alone] = len(groups) + np.arange(int(alone.sum()))
    unit = equal
    while True:
        before = unit
        for among in (member, equal):  # each takes the lowest number of those it belongs with
            lowest = np.full(int(among.max(initial=0)) + 1, len(unit))
            np.minimum.at(lowest, among, unit)
            unit = lowest[among]
        if (unit == before).all():
            return unit


def cut(
    hashes: Hashes, labels: Rows, *, val: float, test: float, groups: NDArray[np.str_] | None = None
) -> Rows:
    """Cut each class in the same shares.

    Within a class, pictures go in the order of their hashes: the first round(n * test) to the test, the next
    round(n * val) to validation, the rest to training. At least one goes to validation from two different
    pictures up (if val > 0), at least one to the test from three up (if test > 0). Equal pixels stay
    together, also over classes: then the class that comes first has them all in its count. So do pictures of
    one group (see `units`); they count for the class of the one with the lowest hash. What belongs together
    and is larger than what a split still takes is passed on to the next split.

    Args:
        hashes: (M,) "S32".
        labels: int64 (M,).
        val: the share for validation, 0 to 1.
        test: the share for the test, 0 to 1.
        groups: (M,), see `units`.

    Returns:
        The split of each picture, int64 (M,): 0 train, 1 val, 2 test.

    >>> cut(np.array([b"a", b"b", b"c", b"d"], "S32"), np.zeros(4, np.int64), val=0.25, test=0.25)
    array([2, 1, 0, 0])
    """
    order = ordered(hashes, labels)
    _, first, group, sizes = np.unique(
        units(hashes, groups)[order], return_index=True, return_inverse=True, return_counts=True
    )
    owner = labels[order][first]  # of equal pictures the lowest label
    split_of_group = np.zeros(len(first), np.int64)
    for label in np.unique(owner):
        own = np.flatnonzero(owner == label)
        split_of_group[own] = _cut_class(sizes[own].tolist(), val, test)
    where = np.empty(len(labels), np.int64)
    where[order] = split_of_group[group]
    return where


def _cut_class(sizes: Sequence[int], val: float, test: float) -> list[int]:
    """The split of each group of equal pictures of one class; sizes: pictures per group, by hash."""
    parts = [TRAIN] + [VAL] * (val > 0 and len(sizes) >= 2) + [TEST] * (test > 0 and len(sizes) >= 3)
    room = _quotas(sum(sizes), val if VAL in parts else 0.0, test if TEST in parts else 0.0)
    where = []
    for size in sizes:
        split = TEST if size <= room[TEST] else VAL if size <= room[VAL] else TRAIN
        room[split] -= size
        where.append(split)
    for empty in parts:  # groups too large for every quota: the smallest moves
        if empty not in where:
            full = max(parts, key=where.count)
            smallest = min((i for i, split in enumerate(where) if split == full), key=sizes.__getitem__)
            where[smallest] = empty
    return where


def _quotas(count: int, val: float, test: float) -> list[int]:
    """How many of `count` pictures go to train, val, test; a share above 0 gives at least one."""
    take = [0, *(max(1, int(count * share + 0.5)) if share > 0 else 0 for share in (val, test))]
    while take[VAL] + take[TEST] > count - 1:
        take[VAL if take[VAL] >= take[TEST] else TEST] -= 1
    return [count - take[VAL] - take[TEST], take[VAL], take[TEST]]


def stratified(labels: Rows, count: int, generator: torch.Generator) -> Rows:
    """Draw rows with the classes in their shares and every class at least once.

    Shares are rounded by largest remainder (ties to the lower label).

    Args:
        labels: int64 (M,).
        count: how many; all rows where there are no more.
        generator: draws within each class.

    Returns:
        Rows int64, ascending.

    >>> labels = np.array([0, 0, 0, 0, 1, 1])
    >>> chosen = stratified(labels, 3, torch.Generator().manual_seed(0))
    >>> labels[chosen].tolist()
    [0, 0, 1]
    """
    if count >= len(labels):
        return np.arange(len(labels))
    present, sizes = np.unique(labels, return_counts=True)
    assert count >= len(present), "at least one picture per class"
    exact = sizes * count / len(labels)
    take = np.maximum(1, np.floor(exact).astype(np.int64))
    while (missing := count - int(take.sum())) != 0:
        debt = exact - take
        if missing > 0:
            debt[take == sizes] = -np.inf
            take[np.argmax(debt)] += 1
        else:
            debt[take == 1] = np.inf
            take[np.argmin(debt)] -= 1
    chosen = []
    for label, number in zip(present, take, strict=True):
        rows = np.flatnonzero(labels == label)
        chosen.append(rows[torch.randperm(len(rows), generator=generator)[:number].numpy()])
    return np.sort(np.concatenate(chosen))


def shared(hashes: Hashes, parts: dict[str, Rows]) -> int:
    """How many different pictures lie in more than one of `parts`.

    >>> shared(np.array([b"a", b"b", b"a"], "S32"), {"train": np.array([0, 1]), "test": np.array([2])})
    1
    """
    each = [np.unique(hashes[rows]) for rows in parts.values()]
    _, counts = np.unique(np.concatenate(each), return_counts=True)
    return int((counts > 1).sum())


def parted(groups: NDArray[np.str_], parts: dict[str, Rows]) -> int:
    """How many groups lie in more than one of `parts`; pictures of the group "" stand alone.

    >>> parted(np.array(["x", "y", "x", ""]), {"train": np.array([0, 1]), "test": np.array([2, 3])})
    1
    """
    each = [np.unique(groups[rows]) for rows in parts.values()]
    names, counts = np.unique(np.concatenate(each), return_counts=True)
    return int(((counts > 1) & (names != "")).sum())


def contradictory(hashes: Hashes, labels: Rows) -> int:
    """How many different pictures carry more than one label.

    >>> contradictory(np.array([b"a", b"b", b"a"], "S32"), np.array([0, 0, 1]))
    1
    """
    order = ordered(hashes, labels)
    before, after = order[:-1], order[1:]
    differ = (hashes[before] == hashes[after]) & (labels[before] != labels[after])
    return len(np.unique(hashes[after][differ]))
