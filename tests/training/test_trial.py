import pytest
import torch
from torch import nn

from fieldmark.errors import TrainingError
from fieldmark.training.trial import try_out

CPU = torch.device("cpu")


class Gives(nn.Module):
    """A network that gives the same whatever the pictures are."""

    def __init__(self, answer: object) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, images: torch.Tensor) -> object:
        return self.answer


@pytest.mark.parametrize(("num_classes", "units"), [(2, 1), (2, 2), (5, 5)])
def test_a_logit_per_class_is_right_and_for_two_classes_one_alone(num_classes: int, units: int) -> None:
    try_out(Gives(torch.zeros(2, units)), num_classes, 3, (8, 8), CPU)


@pytest.mark.parametrize("answer", [torch.zeros(2, 1), torch.zeros(2, 4, 1, 1), torch.zeros(4), "text", None])
def test_any_other_answer_is_named_with_the_one_that_is_wanted(answer: object) -> None:
    with pytest.raises(TrainingError, match=r"your network Gives makes .*; \(2, 4\) is wanted"):
        try_out(Gives(answer), 4, 3, (8, 8), CPU)


def test_what_the_network_raises_is_one_line() -> None:
    with pytest.raises(
        TrainingError, match=r"Linear fails on pictures \(2, 3, 8, 6\): RuntimeError"
    ) as caught:
        try_out(nn.Linear(5, 4), 4, 3, (8, 6), CPU)
    assert "\n" not in str(caught.value)


def test_the_layer_that_fails_is_named_with_its_shape_and_a_size_that_works() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 5), nn.Flatten(), nn.Linear(2 * 24 * 24, 4))
    with pytest.raises(TrainingError) as caught:
        try_out(network, 4, 1, (32, 32), CPU)
    assert "Layer 2 gets 1568. The network takes 28x28 pictures: --image-size 28." in str(caught.value)


def test_nothing_is_changed_by_it() -> None:
    network = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(), nn.Flatten(), nn.Linear(12, 4))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state = torch.random.get_rng_state()
    try_out(network, 4, 3, (2, 2), CPU)
    assert network.training
    assert torch.equal(torch.random.get_rng_state(), state)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])
