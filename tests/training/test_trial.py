import random
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fieldmark.errors import TrainingError
from fieldmark.models import create
from fieldmark.training.trainable import Trial, try_out

CPU = torch.device("cpu")


class Gives(nn.Module):
    """Logits of the mean colours, then whatever `after` makes of them, in training or in both modes."""

    def __init__(self, units: int, after: Any = lambda logits: logits, only_training: bool = False) -> None:
        super().__init__()
        self.linear, self.after, self.only_training = nn.Linear(3, units), after, only_training

    def forward(self, images: Tensor) -> Any:
        logits = self.linear(images.mean((2, 3)))
        return self.after(logits) if self.training or not self.only_training else logits


def tried(
    network: nn.Module, num_classes: int = 4, channels: int = 3, size: int = 8, **more: Any
) -> str | None:
    return try_out(network, Trial(num_classes, channels, (size, size), CPU, **more))


def refused(network: nn.Module, **more: Any) -> str:
    with pytest.raises(TrainingError) as caught:
        tried(network, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("num_classes", "units"), [(2, 1), (2, 2), (5, 5)])
def test_a_logit_per_class_is_right_and_for_two_classes_one_alone(num_classes: int, units: int) -> None:
    assert tried(Gives(units), num_classes) is None


@pytest.mark.parametrize("only_training", [False, True])
@pytest.mark.parametrize(
    ("after", "got"),
    [
        (lambda logits: logits[:, :1], r"(2, 1)"),
        (lambda logits: logits[..., None, None], "(2, 4, 1, 1)"),
        (lambda logits: logits[:, 0], "(2,)"),
        (lambda logits: logits.argmax(1, keepdim=True).expand(2, 4), "(2, 4) int64"),
        (lambda logits: (logits, logits), "a tuple"),
        (lambda logits: {"logits": logits}, "a dict"),
        (lambda logits: None, "a NoneType"),
    ],
)
def test_any_other_answer_is_named_with_the_one_that_is_wanted(
    after: Any, got: str, only_training: bool
) -> None:
    told = refused(Gives(4, after, only_training))
    mode = " in training" if only_training else ""
    assert f"your network Gives makes {got} of pictures (2, 3, 8, 8){mode}; (2, 4) is wanted" in told


def test_an_error_in_torch_names_the_layer_its_shape_and_a_size_that_works() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 5), nn.Flatten(), nn.Linear(2 * 24 * 24, 4))
    told = refused(network, channels=1, size=32)
    assert told.startswith("your network Sequential fails on pictures (2, 1, 32, 32): RuntimeError: ")
    assert "mat1 and mat2" in told
    assert "Layer 2 gets 1568. The network takes 28x28 pictures: --image-size 28." in told


@pytest.mark.parametrize("only_training", [False, True])
def test_an_error_of_the_users_is_shown_as_his_with_its_line(only_training: bool) -> None:
    def fails(logits: Tensor) -> Tensor:
        raise KeyError("no such\nlayer")

    line = fails.__code__.co_firstlineno + 1
    told = refused(Gives(4, fails, only_training))
    mode = " in training" if only_training else ""
    assert f"your network Gives fails on pictures (2, 3, 8, 8){mode}: KeyError: 'no such" in told
    assert f"{Path(__file__).name}:{line})." in told


def test_an_error_on_the_way_back_is_the_users_too() -> None:
    class Odd(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x.clone()

        @staticmethod
        def backward(ctx: Any, *gradients: Tensor) -> Tensor:
            raise ZeroDivisionError("by nothing")

    told = refused(Gives(4, Odd.apply))
    assert "fails on pictures (2, 3, 8, 8) on the way back" in told
    assert "ZeroDivisionError: by nothing (" in told
    overwritten = refused(Gives(4, lambda logits: logits.exp().mul_(logits.exp()).add_(1).log_().sigmoid_()))
    assert "your network Gives" in overwritten


class Bare(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.mean((2, 3))


class Complex(Bare):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(3, dtype=torch.complex64))


def frozen() -> nn.Module:
    return Gives(3).requires_grad_(False)


@pytest.mark.parametrize(
    ("network", "told"),
    [
        (Bare(), "learns: it has no parameters"),
        (Complex(), "has weights in complex64"),
        (frozen(), "learns: all its 2 parameters are frozen"),
        (
            Gives(3, lambda logits: logits.detach()),
            "no gradient leads from what it gives back to its weights",
        ),
    ],
)
def test_a_network_in_which_nothing_learns_is_refused(network: nn.Module, told: str) -> None:
    assert told in refused(network, num_classes=3)


def test_weights_made_in_inference_mode_are_refused() -> None:
    with torch.inference_mode():
        network = Gives(4)
    assert "made inside torch.inference_mode()" in refused(network)


class Remembers(Gives):
    def get_extra_state(self) -> object:
        return {"calls": 3}

    def set_extra_state(self, state: object) -> None: ...


class Masked(Gives):
    def __init__(self, persistent: bool) -> None:
        super().__init__(4)
        self.register_buffer("mask", torch.tensor([0.0, -torch.inf]), persistent)


def test_state_that_no_classifier_folder_holds_is_refused_before_training() -> None:
    assert "keeps a dict in _extra_state (get_extra_state)" in refused(Remembers(4))
    assert "mask of your network Masked holds numbers that are not finite" in refused(Masked(True))
    assert tried(Masked(False)) is None


def test_batch_norm_of_one_value_is_refused_where_batches_are_of_one_picture() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 8), nn.BatchNorm2d(4), nn.Flatten())
    told = refused(network, batch_size=1)
    assert "in training: ValueError: Expected more than 1 value per channel" in told
    assert told.endswith("Batch norm needs batches of 2 pictures or more: --batch-size 2.")
    assert tried(network, batch_size=2) is None
    ours = create("resnet18", 4, 3, 8, stem="published")
    assert "the network ResNet fails on pictures (1, 3, 8, 8)" in refused(ours, batch_size=1)


@pytest.mark.parametrize(
    ("units", "after", "name"),
    [
        (1, nn.Sigmoid(), "sigmoid"),
        (4, nn.Sigmoid(), "sigmoid"),
        (4, nn.Softmax(1), "softmax"),
        (4, lambda logits: F.softmax(logits, dim=1), "softmax"),
        (4, lambda logits: logits.softmax(-1).view(-1, 4), "softmax"),
        (4, lambda logits: torch.sigmoid(logits).float().squeeze(), "sigmoid"),
        (1, nn.LogSigmoid(), "log-sigmoid"),
        (4, nn.LogSoftmax(1), None),
        (4, lambda logits: torch.sigmoid(logits) * logits, None),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_network_that_ends_in_probabilities_is_recognised(
    units: int, after: Any, name: str | None, dtype: torch.dtype
) -> None:
    assert tried(Gives(units, after), 4 if units == 4 else 2, dtype=dtype) == name


@pytest.mark.parametrize(
    ("units", "after"),
    [
        (4, lambda logits: logits.exp() / logits.exp().sum(1, keepdim=True)),
        (4, lambda logits: F.softmin(logits, 1)),
        (1, lambda logits: torch.sigmoid(logits).clamp(1e-6, 1 - 1e-6)),
        (2, lambda logits: torch.stack([1 - logits[:, 0].sigmoid(), logits[:, 0].sigmoid()], 1)),
        (4, lambda logits: F.log_softmax(logits, 1).exp()),
    ],
)
def test_probabilities_whose_logits_are_not_at_hand_are_refused(units: int, after: Any) -> None:
    told = refused(Gives(units, after), num_classes=max(units, 2))
    assert "gives probabilities, and training needs the values they are made of (logits)" in told


def test_a_softmax_over_the_pictures_of_a_batch_is_refused() -> None:
    assert "a softmax that is not over the classes: give it dim=1" in refused(Gives(4, nn.Softmax(0)))


def test_nothing_is_changed_by_it() -> None:
    network = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(), nn.Flatten(), nn.Linear(12, 4))
    network[0].eval()
    network[3].weight.grad = torch.ones(4, 12)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    parameters = list(network.parameters())
    state, python = torch.random.get_rng_state(), random.getstate()
    for size in (2, 3):
        try:
            tried(network, size=size)
        except TrainingError:
            assert size == 3, "the linear layer takes 2x2 pictures"
        assert (network.training, network[0].training) == (True, False)
        assert torch.equal(torch.random.get_rng_state(), state)
        assert random.getstate() == python
        assert torch.equal(network[3].weight.grad, torch.ones(4, 12))
        assert network[0].weight.grad is None
        assert all(one is other for one, other in zip(network.parameters(), parameters, strict=True))
        for name, tensor in network.state_dict().items():
            assert torch.equal(tensor, before[name])


def test_lazy_layers_have_their_shapes_afterwards() -> None:
    network = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(4))
    assert tried(network) is None
    assert network[3].weight.shape == (4, 144)
    assert network[1].running_mean.tolist() == [0.0] * 4
