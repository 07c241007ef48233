"""The logits that torchvision's networks give for formula weights: tests/models/public_logits.json.

For each architecture and picture size, two formula pictures (`formula_weights.py`) in float64 and float32:
the first logits of each, the sum that every logit enters, and the largest. Sizes below 224 save time where
the network takes the mean over the map at the end, and are uneven to show where windows begin and end. The
names and shapes in `public_tensors.py` are compared with torchvision's on the way.

    make public-logits
"""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import torch
import torchvision
from formula_weights import formula_pictures, formula_sums, formula_weights
from public_tensors import PUBLIC, auxiliary_heads
from torch import Tensor, nn

EXPECTED = Path(__file__).parents[2] / "tests" / "models" / "public_logits.json"

PICTURES = 2

UNEVEN = (79, 96)
"""Height and width: odd, not square, small, and such that every one of GoogLeNet's pools has to round up."""

FULL = (224, 224)
"""What AlexNet's and VGG's first linear layer needs."""

KEPT = 8
"""Logits stored of each picture; the sum covers the others."""


def sizes_of(name: str) -> tuple[tuple[int, int], ...]:
    """The picture sizes that a network is compared at."""
    if name.startswith(("alexnet", "vgg")):
        return (FULL,)
    return (UNEVEN, FULL) if name in ("resnet18", "googlenet", "densenet121") else (UNEVEN,)


def torchvisions(name: str, dtype: torch.dtype, **options: Any) -> nn.Module:
    """torchvision's network with formula weights, for prediction."""
    if name == "googlenet":
        options = {"init_weights": False, "aux_logits": False, **options}
    with torch.device("meta"):
        model = torchvision.models.get_model(name, weights=None, **options)
    shapes = {each: tuple(tensor.shape) for each, tensor in model.state_dict().items()}
    written = PUBLIC[name]() | (auxiliary_heads() if options.get("aux_logits") else {})
    assert shapes == written, f"public_tensors.py differs from torchvision for {name}"
    model = model.to(dtype).to_empty(device="cpu")
    model.load_state_dict(formula_weights(shapes))
    return model.eval()


@torch.no_grad()
def logits_of(model: nn.Module, size: tuple[int, int], dtype: torch.dtype) -> Tensor:
    """(PICTURES, 1000)."""
    return torch.cat([model(image[None]) for image in formula_pictures(PICTURES, *size).to(dtype)])


def facts(name: str, **options: Any) -> list[dict[str, Any]]:
    """What is stored of one network, for each size and dtype."""
    found = []
    for dtype in (torch.float64, torch.float32):
        model = torchvisions(name, dtype, **options)
        for size in sizes_of(name):
            logits = logits_of(model, size, dtype)
            found.append(
                {
                    "model": name,
                    **options,
                    "size": size,
                    "dtype": str(dtype).removeprefix("torch."),
                    "logits": logits[:, :KEPT].tolist(),
                    "sums": formula_sums(logits),
                    "largest": logits.abs().max().item(),
                }
            )
            print(found[-1]["model"], options, size, found[-1]["dtype"], found[-1]["largest"], flush=True)
    return found


def main() -> None:
    rows = [row for name in PUBLIC for row in facts(name)] + facts("googlenet", transform_input=True)
    header = {
        "command": "make public-logits",
        "formula": "benchmarks/oracles/formula_weights.py",
        "torchvision": torchvision.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    lines = ",\n".join(json.dumps(row) for row in rows)  # a line for each, so that a change can be read
    EXPECTED.write_text(f'{{"made_by": {json.dumps(header)},\n"rows": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
