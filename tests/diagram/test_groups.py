"""Stages and blocks from the names of layers."""

from __future__ import annotations

from fieldmark.diagram.graph import Group, groups_of, path_of


def groups(*names: str) -> list[Group]:
    return groups_of([path_of(name) for name in names], range(len(names)))


def outer(*names: str) -> list[str]:
    return [group.name for group in groups(*names) if group.level == 0]


def test_features_are_opened_into_stages() -> None:
    stages = [f"features.stage{i}.{part}" for i in (1, 2) for part in ("convolution", "pool")]
    assert outer(*stages, "hidden", "head") == ["features.stage1", "features.stage2", "hidden", "head"]


def test_a_flat_list_of_layers_stays_one_group() -> None:
    assert outer(*(f"features.{i}" for i in range(12)), "head") == ["features", "head"]


def test_wrappers_are_opened_however_deep() -> None:
    names = [f"encoder.layers.layer{i}.{part}" for i in range(6) for part in ("norm", "linear")]
    assert outer(*names, "head") == [*(f"encoder.layers.layer{i}" for i in range(6)), "head"]


def test_a_large_stage_is_not_opened() -> None:
    blocks = [f"features.stage{1 + (i > 1)}.block{i}.{part}" for i in range(6) for part in ("one", "two")]
    assert outer(*blocks) == ["features.stage1", "features.stage2"]


def test_blocks_take_their_own_operations_in() -> None:
    found = groups(
        *(
            f"features.stage{s}.block{b}{part}"
            for s in (1, 2)
            for b in (0, 1)
            for part in (".one", ".two", ":add")
        )
    )
    assert [(group.name, group.members) for group in found if group.level == 1] == [
        ("block0", (0, 1, 2)),
        ("block1", (3, 4, 5)),
        ("block0", (6, 7, 8)),
        ("block1", (9, 10, 11)),
    ]


def test_branches_beside_each_other_are_no_blocks() -> None:
    names = [f"stage{s}.{branch}.{part}" for s in (1, 2) for branch in "ab" for part in "xy"]
    places = [0, 1, 0, 1, 2, 3, 2, 3]
    found = groups_of([path_of(name) for name in names], places)
    assert [group.name for group in found] == ["stage1", "stage2"]


def test_what_is_in_no_module_is_in_no_group() -> None:
    assert groups_of([None, None], [0, 1]) == []
    assert groups_of([path_of(""), path_of(":add")], [0, 1]) == []
