"""Our networks with formula weights, which reach them under torchvision's names."""

from __future__ import annotations

from typing import Any

import torch
from formula_weights import formula_weights
from public_tensors import PUBLIC
from torch import Tensor, nn

from fieldmark.models import create, load_public_weights

SIZE = 224
"""What a network is made for: AlexNet's and VGG's first linear layer goes by it, the others take any size."""


def empty_network(name: str, dtype: torch.dtype = torch.float32, **options: Any) -> nn.Module:
    """The network that public weights are for, in `dtype`, its values not set: drawing them takes seconds."""
    if name == "googlenet":
        options = {"kernel5": 3, **options}
    with torch.device("meta"):
        model = create(name, 1000, 3, SIZE, **options)
    return model.to(dtype).to_empty(device="cpu").eval()


def formula_network(
    name: str, dtype: torch.dtype, weights: dict[str, Tensor] | None = None, **options: Any
) -> nn.Module:
    """`empty_network` with formula weights, or with `weights`."""
    model = empty_network(name, dtype, **options)
    load_public_weights(model, formula_weights(PUBLIC[name]()) if weights is None else weights)
    return model
