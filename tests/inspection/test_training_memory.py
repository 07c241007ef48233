"""The memory of a training step against what torch really keeps, on real tensors."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

import fieldmark as fm
from fieldmark.models import create

NETWORKS = [
    ("alexnet", 64, {"width": 8}),
    ("baseline", 32, {}),
    ("deep_residual", 16, {"blocks": 2}),
    ("densenet121", 32, {"growth": 4, "blocks": (2, 3)}),
    ("digits", 28, {}),
    ("dropout", 16, {}),
    ("googlenet", 32, {}),
    ("lenet", 28, {}),
    ("mlp", 8, {}),
    ("nin", 32, {}),
    ("resnet18", 32, {"width": 8, "stochastic_depth": 0.2}),
    ("resnet50", 64, {"width": 4, "stem": "published"}),
    ("smiles", 32, {}),
    ("vgg11_bn", 32, {"width": 8}),
]


class Branching(nn.Module):
    """Views, concatenation, functions in place, a tensor kept by two layers, and attention."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.GroupNorm(2, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.head = nn.Linear(16, 4)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.norm(self.convolution(images)).relu_()
        tokens = maps[:, :, ::2, ::2].flatten(2).mT
        tokens = self.attention(tokens, tokens, tokens)[0]
        return self.head(torch.cat([tokens.mean(1), maps.sigmoid().mean((2, 3))], 1))


def really_kept(network: nn.Module, images: Tensor) -> int:
    """Bytes of the memory that autograd holds on to after a forward pass, weights and buffers aside."""
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        network.train()(images)
    for tensor in [*network.parameters(), *network.buffers()]:
        kept.pop(tensor.untyped_storage().data_ptr(), None)
    return sum(storage.nbytes() for storage in kept.values())


@pytest.mark.parametrize(("name", "side", "options"), NETWORKS, ids=[name for name, _, _ in NETWORKS])
def test_activations_are_what_autograd_keeps(name: str, side: int, options: dict[str, object]) -> None:
    network = create(name, 5, 3, side, **options)
    told = fm.inspect(name, side, num_classes=5, batch_size=3, **options)
    assert told.memory.activations == really_kept(network, torch.rand(3, 3, side, side))
    per_picture = sum(layer.activation_bytes for layer in told.layers)
    assert told.memory.activations - 3 * len(told.layers) <= 3 * per_picture <= told.memory.activations


def test_activations_of_a_network_of_ones_own() -> None:
    network = Branching()
    assert fm.inspect(network, 8, batch_size=4).memory.activations == really_kept(
        network, torch.rand(4, 3, 8, 8)
    )


def test_weights_gradients_and_adam_are_what_a_step_makes() -> None:
    network = create("resnet18", 5, 3, 32, width=8)
    network.features.stem.requires_grad_(False)  # type: ignore[union-attr, operator]
    told = fm.inspect(network, 32, batch_size=2).memory
    optimiser = torch.optim.Adam([p for p in network.parameters() if p.requires_grad])
    network(torch.rand(2, 3, 32, 32)).sum().backward()
    optimiser.step()
    assert told.weights == sum(t.nbytes for t in [*network.parameters(), *network.buffers()])
    assert told.gradients == sum(p.grad.nbytes for p in network.parameters() if p.grad is not None)
    means = [t for state in optimiser.state.values() for name, t in state.items() if name != "step"]
    assert told.optimiser == sum(tensor.nbytes for tensor in means)
    assert told.total == told.weights + told.gradients + told.optimiser + told.activations


def test_recomputing_keeps_less() -> None:
    class Block(nn.Module):
        def __init__(self, again: bool) -> None:
            super().__init__()
            self.again, self.inside = (
                again,
                nn.Sequential(nn.Conv2d(3, 16, 3), nn.Sigmoid(), nn.Conv2d(16, 3, 3)),
            )

        def forward(self, images: Tensor) -> Tensor:
            if not self.again:
                return self.inside(images)
            return torch.utils.checkpoint.checkpoint(self.inside, images, use_reentrant=False)

    plain, again = (fm.inspect(Block(again), 16).memory.activations for again in (False, True))
    assert again < plain
