"""Every metric against scikit-learn, torchmetrics or scipy, on awkward predictions too."""

from __future__ import annotations

import json
import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn import metrics as sk

from fieldmark.errors import UserError
from fieldmark.evaluation.metrics import (
    accuracy,
    balanced_accuracy,
    confusion,
    evaluate,
    loss,
    per_class,
    picture_losses,
    predicted,
    top_k,
    wilson_interval,
)
from fieldmark.vocabulary import Predictions


@st.composite
def some_predictions(draw: st.DrawFn, tied: bool = False) -> Predictions:
    """N from 1 to 60, K from 2 to 7; tied draws logits from four values, so that many are equal."""
    n, k = draw(st.integers(1, 60)), draw(st.integers(2, 7))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    logits = torch.randn(n, k, generator=generator)
    if tied:
        logits = logits.round()
    labels = torch.randint(draw(st.integers(1, k)), (n,), generator=generator)  # high classes may not occur
    return Predictions(logits=logits, labels=labels, index=torch.arange(n))


quick = settings(deadline=None, max_examples=40)


def quiet(function, *arguments, **keywords):
    """An oracle's answer without its warnings about classes that do not occur."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*arguments, **keywords)


@quick
@given(some_predictions())
def test_loss_and_accuracy_are_sklearns(predictions):
    truth, probabilities = predictions.labels.numpy(), predictions.logits.double().softmax(1).numpy()
    k = probabilities.shape[1]
    assert loss(predictions) == pytest.approx(sk.log_loss(truth, probabilities, labels=range(k)), abs=1e-9)
    assert accuracy(predictions) == sk.accuracy_score(truth, probabilities.argmax(1))


@quick
@given(some_predictions(tied=True))
def test_confusion_balanced_accuracy_and_per_class_are_sklearns(predictions):
    k = predictions.logits.shape[1]
    truth, answer = predictions.labels.numpy(), predictions.logits.numpy().argmax(1)  # numpy: first of a tie
    assert (confusion(predictions).numpy() == sk.confusion_matrix(truth, answer, labels=range(k))).all()
    assert balanced_accuracy(predictions) == pytest.approx(quiet(sk.balanced_accuracy_score, truth, answer))
    columns = quiet(
        sk.precision_recall_fscore_support, truth, answer, labels=range(k), zero_division=float("nan")
    )
    rows = per_class(predictions, [f"class {i}" for i in range(k)])
    for row, precision, recall, f1, support in zip(rows, *columns, strict=True):
        for ours, theirs in ((row["precision"], precision), (row["recall"], recall), (row["f1"], f1)):
            assert (ours is None) == math.isnan(theirs)
            assert ours is None or ours == pytest.approx(theirs)
        assert row["support"] == support


@quick
@given(some_predictions(), st.integers(1, 9))
def test_top_k_is_sklearns(predictions, k):
    classes = predictions.logits.shape[1]
    scores = predictions.logits.numpy()
    truth = predictions.labels.numpy()
    if k >= classes:
        assert top_k(predictions, k) == 1.0
    elif classes == 2:
        assert top_k(predictions, 1) == accuracy(predictions)
    else:
        expected = sk.top_k_accuracy_score(truth, scores, k=k, labels=range(classes))
        assert top_k(predictions, k) == pytest.approx(expected)


@quick
@given(some_predictions(tied=True))
def test_top_1_is_the_accuracy_even_with_ties(predictions):
    assert top_k(predictions, 1) == accuracy(predictions)


def test_torchmetrics_agrees_on_a_thousand_pictures():
    from torchmetrics.functional import classification as tm

    generator = torch.Generator().manual_seed(1)
    logits, labels = torch.randn(1000, 5, generator=generator), torch.randint(5, (1000,), generator=generator)
    predictions = Predictions(logits=logits, labels=labels)
    accuracies = {
        average: float(quiet(tm.multiclass_accuracy, logits, labels, 5, average=average))
        for average in ("micro", "macro")
    }
    assert accuracy(predictions) == pytest.approx(accuracies["micro"], abs=1e-6)
    assert balanced_accuracy(predictions) == pytest.approx(accuracies["macro"], abs=1e-6)
    f1 = quiet(tm.multiclass_f1_score, logits, labels, 5, average="none")
    assert [row["f1"] for row in per_class(predictions, "abcde")] == pytest.approx(f1.tolist(), abs=1e-6)
    second = quiet(tm.multiclass_accuracy, logits, labels, 5, average="micro", top_k=2)
    assert top_k(predictions, 2) == pytest.approx(float(second), abs=1e-6)


@pytest.mark.parametrize(
    ("logits", "label", "expected"), [((1.5, 0.8, 2.1), 2, 0.5996), ((0.0, 0.8), 1, 0.3711)]
)
def test_loss_of_the_textbooks(logits, label, expected):
    predictions = Predictions(logits=torch.tensor([logits]), labels=torch.tensor([label]))
    assert round(loss(predictions), 4) == expected


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 100_000), st.floats(0, 1), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_wilson_is_scipys(n, share, confidence):
    correct = round(share * n)
    low, high = wilson_interval(correct, n, confidence)
    expected = binomtest(correct, n).proportion_ci(confidence, method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert 0 <= low <= correct / n <= high <= 1


@pytest.mark.parametrize(
    ("correct", "n", "confidence"), [(1, 0, 0.95), (0, 0, 0.95), (3, 2, 0.95), (-1, 2, 0.95), (1, 2, 1.0)]
)
def test_wilson_refuses_what_is_no_share(correct, n, confidence):
    with pytest.raises(UserError, match=r"no interval for|confidence=1.0"):
        wilson_interval(correct, n, confidence)


@pytest.mark.parametrize("k", [2, 3, 10, 64, 257, 1000])
def test_a_tie_goes_to_the_lowest_index(k):
    logits = torch.zeros(50, k)
    logits[25:, 1:] = 1.0
    assert predicted(Predictions(logits=logits)).tolist() == [0] * 25 + [1] * 25


def test_nothing_undefined_becomes_a_number_and_json_takes_it():
    logits = torch.tensor([[2.0, 1.0, 0.0], [2.0, 1.0, 0.0]])
    predictions = Predictions(logits=logits, labels=torch.tensor([0, 1]))
    never_seen, unseen = per_class(predictions, ["a", "b", "c"])[1:]
    assert never_seen == {"class": "b", "precision": None, "recall": 0.0, "f1": 0.0, "support": 1}
    assert unseen == {"class": "c", "precision": None, "recall": None, "f1": None, "support": 0}
    assert balanced_accuracy(predictions) == 0.5, "the mean over a and b; c does not occur"
    json.dumps(evaluate(predictions, ["a", "b", "c"]), allow_nan=False)


def test_evaluate_has_exactly_the_promised_fields():
    predictions = Predictions(logits=torch.eye(3), labels=torch.tensor([0, 1, 1]))
    result = evaluate(predictions, ["a", "b", "c"], split="val")
    assert list(result) == [
        "split",
        "n",
        "loss",
        "accuracy",
        "accuracy_interval",
        "balanced_accuracy",
        "per_class",
        "confusion",
        "classes",
    ]
    assert result["split"] == "val"
    assert result["n"] == 3
    assert result["confusion"] == [[1, 0, 0], [0, 1, 1], [0, 0, 0]], "[actual][predicted]"
    low, high = result["accuracy_interval"]
    assert low < result["accuracy"] == 2 / 3 < high
    assert result["classes"] == ["a", "b", "c"]


def test_top_5_of_three_classes_is_clipped():
    predictions = Predictions(logits=torch.eye(3), labels=torch.tensor([2, 0, 1]))
    assert evaluate(predictions, "abc", k=5)["top_k"] == {"k": 3, "accuracy": 1.0}
    with pytest.raises(UserError, match="at least 1; got 0"):
        top_k(predictions, 0)


def test_balanced_accuracy_is_not_fooled_by_the_majority():
    labels = torch.tensor([0] * 95 + [1] * 5)
    predictions = Predictions(logits=torch.tensor([[1.0, 0.0]]).repeat(100, 1), labels=labels)
    assert accuracy(predictions) == 0.95
    assert balanced_accuracy(predictions) == 0.5


def test_the_losses_of_a_shuffled_pass_are_paired_with_their_pictures():
    generator = torch.Generator().manual_seed(3)
    logits, labels = torch.randn(40, 4, generator=generator), torch.randint(4, (40,), generator=generator)
    order = torch.randperm(40, generator=generator)
    in_order = Predictions(logits=logits, labels=labels, index=torch.arange(40))
    shuffled = Predictions(logits=logits[order], labels=labels[order], index=order)
    expected = -np.log(torch.softmax(logits, 1).numpy()[np.arange(40), labels.numpy()])
    assert picture_losses(in_order).numpy() == pytest.approx(expected, abs=1e-5)
    assert torch.equal(picture_losses(shuffled), picture_losses(in_order))
    assert loss(shuffled) == pytest.approx(float(picture_losses(shuffled).mean()), abs=1e-6)


def test_a_picture_that_is_there_twice_is_noticed():
    twice = Predictions(logits=torch.eye(2), labels=torch.tensor([0, 1]), index=torch.tensor([0, 0]))
    with pytest.raises(UserError, match="each of the 2 pictures once"):
        picture_losses(twice)


@pytest.mark.parametrize("metric", [loss, accuracy, balanced_accuracy, confusion, picture_losses])
def test_pictures_without_labels_and_no_pictures_are_refused(metric):
    with pytest.raises(UserError, match="no labels"):
        metric(Predictions(logits=torch.eye(2)))
    with pytest.raises(UserError, match="no pictures"):
        metric(Predictions(logits=torch.zeros(0, 2), labels=torch.zeros(0, dtype=torch.int64)))


def test_a_diverged_network_and_the_wrong_class_names_are_refused():
    labels = torch.tensor([0, 1])
    with pytest.raises(UserError, match=r"1 of 2 pictures.*lower learning rate"):
        evaluate(Predictions(logits=torch.tensor([[1.0, float("nan")], [0, 1]]), labels=labels), "ab")
    with pytest.raises(UserError, match="3 class names were given for logits of 2"):
        evaluate(Predictions(logits=torch.eye(2), labels=labels), "abc")
