"""Small published weights: torchvision's names for a narrow resnet18, drawn with a seed."""

from __future__ import annotations

import re

import torch
from torch import Tensor

from fieldmark.models import create

WIDTH = 4
OPTIONS = {"width": WIDTH}


def public_weights(num_classes: int = 1000) -> dict[str, Tensor]:
    """Names as torchvision has them, tensors of the shapes that our resnet18 of width 4 has."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        network = create("resnet18", num_classes, 3, 64, stem="published", **OPTIONS)
    ours = network.state_dict()
    for name, tensor in ours.items():  # fresh batch norms are all alike, which would hide a swap
        if name.endswith(("running_mean", "running_var")):
            tensor.copy_(torch.linspace(0.5, 1.5, len(tensor)))
    blocks = [f"layer{stage}.{block}." for stage in (1, 2, 3, 4) for block in (0, 1)]
    layers = [
        "conv1",
        "bn1",
        "fc",
        *(f"{b}{layer}" for b in blocks for layer in ("conv1", "bn1", "conv2", "bn2")),
    ]
    layers += [f"layer{stage}.0.downsample.{part}" for stage in (2, 3, 4) for part in (0, 1)]
    found = {}
    for layer in layers:
        for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
            for pattern, replacement in network.public_names:
                matched = re.fullmatch(pattern, f"{layer}.{part}")
                if matched and matched.expand(replacement) in ours:
                    found[f"{layer}.{part}"] = ours[matched.expand(replacement)]
    assert len(found) == len(ours)
    return found
