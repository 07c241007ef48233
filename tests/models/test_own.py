"""How networks of the user's own are called: logits out of probabilities, errors as the user's."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fieldmark.errors import UserError
from fieldmark.evaluation.prediction import predict
from fieldmark.models.own import logits_of, settle_lazy, told

MEAN, STD = (0.5, 0.5, 0.5), (0.2, 0.2, 0.2)


class Ending(nn.Module):
    """A linear layer, then a softmax: always, or in evaluation only, as some networks have it."""

    def __init__(self, only_evaluation: bool = False) -> None:
        super().__init__()
        self.linear, self.only_evaluation = nn.Linear(3, 4), only_evaluation

    def forward(self, images: Tensor) -> Tensor:
        gates = torch.sigmoid(images)  # which ends nothing
        logits = self.linear((images * gates).mean((2, 3)))
        return logits if self.training and self.only_evaluation else F.softmax(logits, dim=1)


@pytest.mark.parametrize("only_evaluation", [False, True])
def test_training_prediction_and_answers_all_take_the_logits_before_a_softmax(only_evaluation: bool) -> None:
    network, pixels = Ending(only_evaluation), torch.randint(256, (5, 3, 4, 4), dtype=torch.uint8)
    images = (pixels / 255 - 0.5) / 0.2
    expected = network.linear((images * images.sigmoid()).mean((2, 3)))
    for mode in (True, False):
        torch.testing.assert_close(logits_of(network.train(mode), images), expected)
    torch.testing.assert_close(predict(network, pixels, mean=MEAN, std=STD).logits, expected.detach())


def test_gradients_are_those_of_the_logits_even_where_probabilities_are_0_and_1() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(1, 1), nn.Sigmoid())
    with torch.no_grad():
        network[1].weight.fill_(200)
    picture = torch.ones(1, 1, 1, 1)
    assert network(picture) == 1, "in float32 nothing is left of the distance to 1"
    logit = logits_of(network, picture)
    F.binary_cross_entropy_with_logits(logit, torch.zeros(1, 1)).backward()
    assert network[1].weight.grad.item() == pytest.approx(1)


def test_transposed_probabilities_are_not_taken_for_the_logits_transposed() -> None:
    square = torch.arange(4.0).reshape(2, 2)

    class Transposed(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return torch.sigmoid(images).t()

    assert torch.equal(logits_of(Transposed(), square), square.sigmoid().t())


def test_prediction_gives_rows_of_pixels_as_view_needs_them() -> None:
    class Viewing(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images.view(len(images), -1)[:, :2]

    for channels in (1, 3):
        pixels = torch.randint(256, (3, channels, 4, 5), dtype=torch.uint8)
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        found = predict(Viewing(), pixels, mean=MEAN[:channels], std=STD[:channels])
        torch.testing.assert_close(found.logits, ((pixels / 255 - 0.5) / 0.2)[:, 0, 0, :2])


def test_what_a_network_raises_in_use_is_the_users_with_its_line() -> None:
    class Fails(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            raise LookupError("nothing here")

    line = Fails.forward.__code__.co_firstlineno + 1
    with pytest.raises(UserError) as caught:
        predict(Fails(), torch.zeros(2, 3, 4, 4, dtype=torch.uint8), mean=MEAN, std=STD)
    assert str(caught.value).startswith(
        "your network Fails fails on pictures (2, 3, 4, 4): LookupError: nothing"
    )
    assert str(caught.value).endswith(f"{Path(__file__).name}:{line}).")


def test_memory_that_runs_out_is_not_the_networks_fault() -> None:
    class Greedy(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            raise MemoryError

    with pytest.raises(MemoryError):
        logits_of(Greedy(), torch.zeros(1, 3, 2, 2))


def test_a_long_message_is_cut() -> None:
    assert len(told(ValueError("word " * 10_000))) < 400


def test_lazy_layers_get_shapes_without_a_trace() -> None:
    network = nn.Sequential(
        nn.LazyConv2d(2, 3), nn.LazyBatchNorm2d(), nn.Dropout(), nn.Flatten(), nn.LazyLinear(2)
    )
    network[2].eval()
    state = torch.get_rng_state()
    settle_lazy(network, (3, 5, 5))
    assert network[4].weight.shape == (2, 18)
    assert network[1].num_batches_tracked == 0
    assert [module.training for module in network] == [True, True, False, True, True]
    assert torch.equal(torch.get_rng_state(), state)
    with pytest.raises(UserError, match="your network Sequential fails"):
        settle_lazy(nn.Sequential(nn.LazyConv2d(2, 9)), (3, 5, 5))
