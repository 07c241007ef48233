"""Pictures are drawn evenly over the classes, and by chance within them."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.figures.tiles import evenly


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 5), max_size=40), st.integers(0, 50), st.integers(0, 9))
def test_classes_with_pictures_left_give_equally_many(labels: list[int], count: int, seed: int) -> None:
    chosen = evenly(
        torch.tensor(labels, dtype=torch.int64), count, torch.Generator().manual_seed(seed)
    ).tolist()
    assert len(set(chosen)) == len(chosen) == min(count, len(labels))
    taken = [labels[position] for position in chosen]
    assert taken == sorted(taken)
    for label in set(labels):
        if taken.count(label) < labels.count(label):
            assert all(taken.count(other) <= taken.count(label) + 1 for other in set(labels))


def test_the_generator_decides_and_every_picture_has_its_chance() -> None:
    labels = torch.tensor([0, 0, 0, 1, 1, 2])
    draws = [evenly(labels, 2, torch.Generator().manual_seed(seed)).tolist() for seed in range(60)]
    assert draws[0] == evenly(labels, 2, torch.Generator().manual_seed(0)).tolist()
    assert {position for draw in draws for position in draw} == set(range(6))
