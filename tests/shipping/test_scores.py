"""A row of an answer."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from fieldmark.shipping.scores import answer


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-50, 50, width=32), min_size=2, max_size=12), st.integers(1, 20))
def test_the_best_classes_first_with_scipys_probabilities(logits, top_k):
    classes = [f"class {i}" for i in range(len(logits))]
    row = answer("a.png", torch.tensor(logits), classes, top_k)
    expected = dict(zip(classes, softmax(torch.tensor(logits).double().numpy()), strict=True))
    ranked = sorted(classes, key=lambda name: (-logits[classes.index(name)], classes.index(name)))
    assert [score.label for score in row.scores] == ranked[:top_k]
    assert all(abs(score.score - expected[score.label]) < 1e-12 for score in row.scores)
    assert (row.label, row.score, row.status) == (ranked[0], row.scores[0].score, "ok")


def test_huge_logits_do_not_overflow():
    row = answer("a.png", torch.tensor([1e30, -1e30, 0.0]), ["a", "b", "c"], 3)
    assert [score.score for score in row.scores] == [1.0, 0.0, 0.0]


def test_a_thousand_equal_scores_stay_in_class_order():
    classes = [f"class {i}" for i in range(1000)]
    assert [score.label for score in answer("a.png", torch.zeros(1000), classes, 7).scores] == classes[:7]
