"""Our networks beside timm's, where timm has the same ones."""

from __future__ import annotations

import pytest
import torch
from formula_weights import formula_weights
from models.formula_networks import empty_network, formula_network
from public_tensors import PUBLIC
from torch import nn

from fieldmark.models.public_weights import renamed

pytestmark = pytest.mark.peers

NAMES = [name for name in PUBLIC if name not in ("alexnet", "googlenet")]  # timm has neither
TOLERANCES = {torch.float64: 1e-9, torch.float32: 1e-4}
VGG_LINEAR = {"pre_logits.fc1": "classifier.0", "pre_logits.fc2": "classifier.3", "head.fc": "classifier.6"}
"""What timm renamed; it also makes the first two convolutions of the size of their map."""


def public_name(timms: str) -> str:
    """torchvision's name for one of timm's."""
    module, _, part = timms.rpartition(".")
    return f"{VGG_LINEAR.get(module, module)}.{part}"


def peer_of(name: str) -> nn.Module:
    """timm's network on the meta device, for prediction."""
    import timm

    with torch.device("meta"):
        return timm.create_model(name, pretrained=False).eval()


@pytest.mark.parametrize("name", NAMES)
def test_parameters(name):
    network = empty_network(name)
    found = {
        renamed(public_name(key), network.public_names): each.numel()
        for key, each in peer_of(name).state_dict().items()
    }
    assert found == {key: each.numel() for key, each in network.state_dict().items()}


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("vgg") or name == "vgg16_bn"])
def test_logits(name):
    from public_logits import logits_of, sizes_of

    weights = formula_weights(PUBLIC[name]())
    for dtype, tolerance in TOLERANCES.items():
        peer = peer_of(name).to(dtype).to_empty(device="cpu")
        named = {
            key: weights[public_name(key)].reshape(each.shape) for key, each in peer.state_dict().items()
        }
        peer.load_state_dict(named)
        size = sizes_of(name)[0]
        expected = logits_of(peer, size, dtype)
        logits = logits_of(formula_network(name, dtype, weights), size, dtype)
        assert (logits - expected).abs().max() <= tolerance * expected.abs().max()
