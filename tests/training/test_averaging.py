import pytest
import torch
from torch import nn

from fieldmark.training.averaging import Average


def test_the_average_of_a_constant_is_the_constant() -> None:
    model = nn.Linear(2, 1)
    average = Average(model, 0.9)
    for _ in range(5):
        average.update(model)
    torch.testing.assert_close(average.tensors["weight"], model.weight.detach())


def test_decay_warms_up_and_then_holds() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    average, expected = Average(model, 0.5), 0.0
    for step in range(1, 30):
        nn.init.constant_(model.weight, float(step))
        average.update(model)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    assert abs(average.tensors["weight"].item() - expected) < 1e-4


def test_running_statistics_are_averaged_and_counts_copied() -> None:
    model = nn.BatchNorm2d(1)
    average = Average(model, 0.5)
    model(torch.full((4, 1, 2, 2), 8.0))
    average.update(model)
    assert average.tensors["num_batches_tracked"].item() == 1
    # Batch norm moves a tenth of the way from 0 to the batch's 8; the average's first decay is 2/11.
    assert model.running_mean.item() == pytest.approx(0.8)
    assert average.tensors["running_mean"].item() == pytest.approx(9 / 11 * 0.8)
