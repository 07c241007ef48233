"""Our networks beside torchvision's own: names, parameters, starting weights, logits, gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from models.formula_networks import SIZE, empty_network, formula_network
from public_tensors import PUBLIC, as_in_old_files
from torch import Tensor, nn
from torch.nn import functional

from fieldmark.models import create
from fieldmark.models.public_weights import renamed

pytestmark = pytest.mark.peers

every_network = pytest.mark.parametrize("name", PUBLIC)
TOLERANCES = {torch.float64: 1e-9, torch.float32: 1e-4}


def theirs(name: str, **options: Any) -> nn.Module:
    """torchvision's network as it starts."""
    import torchvision

    if name == "googlenet":
        options = {"aux_logits": False, "init_weights": True, **options}
    return torchvision.models.get_model(name, weights=None, **options)


def ours(name: str, **options: Any) -> nn.Module:
    """Our network as it starts."""
    return create(name, 1000, 3, SIZE, **({"kernel5": 3} if name == "googlenet" else {}), **options)


def size_of(name: str) -> tuple[int, int]:
    from public_logits import sizes_of

    return sizes_of(name)[0]


def same_logits(network: nn.Module, peer: nn.Module, size: tuple[int, int], dtype: torch.dtype) -> None:
    from public_logits import logits_of

    expected = logits_of(peer, size, dtype)
    assert (logits_of(network, size, dtype) - expected).abs().max() <= TOLERANCES[
        dtype
    ] * expected.abs().max()


@every_network
def test_parameters(name):
    with torch.device("meta"):
        peer = theirs(name)
    network = empty_network(name)
    state = network.state_dict()
    shapes = {
        renamed(key, network.public_names): tuple(each.shape) for key, each in peer.state_dict().items()
    }
    assert shapes == {key: tuple(each.shape) for key, each in state.items()}
    assert {key: tuple(each.shape) for key, each in peer.state_dict().items()} == PUBLIC[name]()
    assert sum(each.numel() for each in network.parameters()) == sum(
        each.numel() for each in peer.parameters()
    )


@pytest.mark.parametrize("dtype", TOLERANCES)
@every_network
def test_logits_with_formula_weights(name, dtype):
    from public_logits import torchvisions

    same_logits(formula_network(name, dtype), torchvisions(name, dtype), size_of(name), dtype)


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_googlenet_with_its_input_rescaled(dtype):
    from public_logits import torchvisions

    network = formula_network("googlenet", dtype, transform_input=True)
    same_logits(network, torchvisions("googlenet", dtype, transform_input=True), (79, 96), dtype)


@pytest.mark.parametrize("size", [(224, 224), (97, 64), (130, 255)])
@pytest.mark.parametrize("name", ["googlenet", "resnet18", "resnet50", "densenet121"])
def test_logits_at_other_sizes(name, size):
    from public_logits import torchvisions

    dtype = torch.float64
    same_logits(formula_network(name, dtype), torchvisions(name, dtype), size, dtype)


@pytest.mark.parametrize("name", ["alexnet", "vgg11_bn"])
def test_logits_of_larger_pictures(name):
    """The map is averaged down to what the first linear layer takes."""
    from public_logits import torchvisions

    dtype = torch.float64
    same_logits(formula_network(name, dtype), torchvisions(name, dtype), (260, 301), dtype)


@pytest.mark.parametrize("name", ["densenet121", "googlenet"])
def test_old_files(name):
    from public_logits import torchvisions

    options = {"aux_logits": True} if name == "googlenet" else {}
    peer = torchvisions(name, torch.float64, **options)
    network = formula_network(name, torch.float64, as_in_old_files(peer.state_dict()))
    same_logits(network, peer, (79, 96), torch.float64)


FAMILIES = ("alexnet", "vgg11_bn", "googlenet", "resnet18", "resnet50", "densenet121")


@pytest.mark.parametrize("name", FAMILIES)
def test_networks_start_alike(name):
    """Constants are the same; what is drawn has the same mean and spread, within five standard errors."""
    torch.manual_seed(0)
    network, peer = ours(name), theirs(name)
    state = network.state_dict()
    for key, expected in peer.state_dict().items():
        found = state[renamed(key, network.public_names)]
        expected, found = expected.double(), found.double()
        if expected.numel() < 2 or expected.std() == 0:
            assert torch.equal(found, expected), key
        else:
            error = expected.numel() ** -0.5
            assert abs(found.mean() - expected.mean()) < 5 * 2**0.5 * error * expected.std(), key
            assert abs(found.std() / expected.std() - 1) < 5 * error, key


def step(model: nn.Module, images: Tensor) -> Tensor:
    """Loss and gradients of one training step."""
    loss = functional.cross_entropy(model.train()(images), torch.tensor([3, 700]))
    loss.backward()
    return loss


@pytest.mark.parametrize("name", FAMILIES)
def test_a_training_step(name):
    """The same loss, gradients and running statistics, with dropout off."""
    from public_logits import torchvisions

    options = {} if name.startswith(("resnet", "densenet")) else {"dropout": 0.0}
    peer = torchvisions(name, torch.float64, **options)
    network = formula_network(name, torch.float64, **options)
    images = torch.randn(
        2, 3, *size_of(name), dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    assert step(network, images).item() == pytest.approx(step(peer, images).item(), rel=1e-12)
    gradients = {key: each.grad for key, each in network.named_parameters()}
    largest = max(each.grad.abs().max() for each in peer.parameters())
    for key, each in peer.named_parameters():
        difference = (gradients[renamed(key, network.public_names)] - each.grad).abs().max()
        assert difference <= 1e-9 * largest, key
    state = network.state_dict()
    for key, expected in peer.state_dict().items():
        torch.testing.assert_close(
            state[renamed(key, network.public_names)], expected, rtol=1e-9, atol=1e-12, msg=key
        )
