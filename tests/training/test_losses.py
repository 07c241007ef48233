import pytest
import torch
from torch.nn import functional

from fieldmark.training.losses import CrossEntropy, accuracy_count, balanced_weights, penalty


def test_textbook_values() -> None:
    # Raschka, Liu, Mirjalili, ch. 14: logit 0.8 against 1, and logits (1.5, 0.8, 2.1) against class 2.
    assert CrossEntropy()(torch.tensor([[0.8]]), torch.tensor([1])).item() == pytest.approx(0.3711, abs=5e-5)
    three = CrossEntropy()(torch.tensor([[1.5, 0.8, 2.1]]), torch.tensor([2]))
    assert three.item() == pytest.approx(0.5996, abs=5e-5)


def test_a_single_unit_is_binary_cross_entropy() -> None:
    logits = torch.randn(9, 1, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 1, 0, 1, 0, 0, 1, 1])
    expected = functional.binary_cross_entropy_with_logits(logits[:, 0], labels.float())
    torch.testing.assert_close(CrossEntropy()(logits, labels), expected)


def test_hard_and_one_hot_labels_agree_with_smoothing_and_weights() -> None:
    logits = torch.randn(8, 3, generator=torch.Generator().manual_seed(1))
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 2, 2])
    one_hot = functional.one_hot(labels, 3).float()
    loss = CrossEntropy(label_smoothing=0.1)
    torch.testing.assert_close(loss(logits, labels), loss(logits, one_hot))
    by_hand = -(0.9 * one_hot + 0.1 / 3) * logits.log_softmax(1)
    torch.testing.assert_close(loss(logits, labels), by_hand.sum(1).mean())
    weights = torch.tensor([1.0, 2.0, 4.0])
    expected = functional.cross_entropy(logits, labels, weight=weights)
    torch.testing.assert_close(CrossEntropy(class_weights=weights)(logits, labels), expected)


def test_balanced_weights_give_every_class_the_same_say() -> None:
    labels = torch.tensor([0] * 6 + [1] * 3 + [3])
    weights = balanced_weights(labels, 4)
    assert weights[2] == 0
    shares = weights * labels.bincount(minlength=4)
    assert shares.tolist() == pytest.approx([2.5, 2.5, 0, 2.5])


def test_weight_decay_in_sgd_is_the_gradient_of_the_l2_penalty_with_half_of_it() -> None:
    start, lam = torch.tensor([1.0, -3.0, 0.5]), 0.01
    decayed, penalised = start.clone().requires_grad_(), start.clone().requires_grad_()
    one = torch.optim.SGD([decayed], lr=0.1, weight_decay=2 * lam)
    two = torch.optim.SGD([penalised], lr=0.1)
    (decayed.sum()).backward()
    extra = penalty([penalised], l1=0, l2=lam)
    assert extra is not None
    (penalised.sum() + extra).backward()
    one.step()
    two.step()
    torch.testing.assert_close(decayed, penalised)


def test_no_penalty_is_none() -> None:
    assert penalty([torch.ones(3)], 0, 0) is None


def test_accuracy_count_takes_hard_and_mixed_labels() -> None:
    logits = torch.tensor([[2.0, 1.0], [0.0, 1.0], [3.0, 0.0]])
    assert accuracy_count(logits, torch.tensor([0, 1, 1])).item() == 2
    assert accuracy_count(logits, torch.tensor([[0.7, 0.3], [0.6, 0.4], [1.0, 0.0]])).item() == 2
    assert accuracy_count(torch.tensor([[0.3], [-0.3]]), torch.tensor([1, 0])).item() == 2
