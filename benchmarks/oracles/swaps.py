"""Would two tensors of the same shape that changed places be noticed? Tries pairs in torchvision's networks.

For each pair the change of the logits (the largest, over all classes and two pictures, as a share of the
largest logit) must be 1 % at least. With up to --exact pairs, all are swapped. With more, every pair is
estimated to first order from the gradients of --outputs logits, and half of --exact are the pairs with the
smallest estimates, half are drawn with seed 0 from the others.

One kind of pair cannot be told apart by any weights, and is left out: where a ResNet block's shortcut has a
batch norm, its bias and that of the branch's last batch norm are added, in either order.

    .venv-peers/bin/python benchmarks/oracles/swaps.py [resnet18 ...] [--exact 1500] [--outputs 8]
        [--json results.json]
"""

from __future__ import annotations

import argparse
import json
import math
import random
from collections import defaultdict
from itertools import combinations
from pathlib import Path
from typing import Any

import torch
from formula_weights import formula_pictures
from public_logits import PICTURES, sizes_of, torchvisions
from public_tensors import PUBLIC
from torch import Tensor, nn

Pair = tuple[str, str]


def tensors_of(model: nn.Module) -> dict[str, Tensor]:
    """All tensors that count, by name, sharing memory with the model."""
    return {name: each for name, each in model.state_dict().items() if each.is_floating_point()}


def alike(tensors: dict[str, Tensor]) -> list[list[str]]:
    """Names of the tensors of each shape."""
    names = defaultdict(list)
    for name, tensor in tensors.items():
        names[tensor.shape].append(name)
    return list(names.values())


def pairs_of(tensors: dict[str, Tensor]) -> list[Pair]:
    """Every two of the same shape, but for the biases that are added to each other."""
    added = set()
    for name in tensors:
        if name.endswith("downsample.1.bias"):
            block = name.removesuffix(".downsample.1.bias")
            last = max(number for number in (2, 3) if f"{block}.bn{number}.bias" in tensors)
            added.add((f"{block}.bn{last}.bias", name))
    return [pair for names in alike(tensors) for pair in combinations(names, 2) if pair not in added]


@torch.no_grad()
def change(model: nn.Module, tensors: dict[str, Tensor], images: Tensor, logits: Tensor, pair: Pair) -> float:
    """The largest change of a logit over the largest logit, when the pair changes places."""
    first, second = (tensors[name] for name in pair)
    kept = first.clone()
    first.copy_(second)
    second.copy_(kept)
    share = float((model(images) - logits).abs().max() / logits.abs().max())
    second.copy_(first)
    first.copy_(kept)
    return math.inf if math.isnan(share) else share  # the root of a negative variance is noticed


def gradients(model: nn.Module, logit: Tensor) -> dict[str, Tensor]:
    """dlogit/dtensor for all tensors; those of the running statistics by hand, as autograd leaves them out.

    y = (x - mean) / sqrt(variance + eps) * weight + bias
    """
    parameters = dict(model.named_parameters())
    found = dict(
        zip(parameters, torch.autograd.grad(logit, list(parameters.values()), retain_graph=True), strict=True)
    )
    for name, module in model.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            variance = module.running_var + module.eps
            slope = module.weight.detach()
            found[f"{name}.running_mean"] = -found[f"{name}.bias"] * slope / variance.sqrt()
            found[f"{name}.running_var"] = -0.5 * found[f"{name}.weight"] * slope / variance
    return found


def estimates(model: nn.Module, tensors: dict[str, Tensor], image: Tensor, outputs: int) -> dict[Pair, float]:
    """The change by each pair's swap to first order, the largest over the image's first `outputs` logits.

    (g_a - g_b) . (b - a), for tensors a and b with gradients g
    """
    found: dict[Pair, float] = defaultdict(float)
    logits = model(image)[0]
    for logit in logits[:outputs]:
        slopes = gradients(model, logit)
        for names in alike(tensors):
            values = torch.stack([tensors[name].flatten() for name in names])
            products = (
                torch.stack([slopes[name].flatten() for name in names]) @ values.T
            )  # [i, j] = g_i . v_j
            own = products.diagonal()
            changes = (
                products + products.T - own[:, None] - own[None, :]
            ).abs() / logits.detach().abs().max()
            for (i, first), (j, second) in combinations(enumerate(names), 2):
                found[first, second] = max(found[first, second], float(changes[i, j]))
    return found


def try_pairs(name: str, exact: int, outputs: int) -> dict[str, Any]:
    """The least change of the logits by a swap in one network, and how many swaps were made."""
    model = torchvisions(name, torch.float32)
    tensors = tensors_of(model)
    images = formula_pictures(PICTURES, *sizes_of(name)[0])
    pairs = pairs_of(tensors)
    tried = pairs
    estimated = None
    if len(pairs) > exact:
        guesses = estimates(model, tensors, images[:1], outputs)
        weakest = sorted(pairs, key=guesses.__getitem__)
        estimated = guesses[weakest[0]]
        half = exact // 2
        tried = weakest[:half] + random.Random(0).sample(weakest[half:], exact - half)
    with torch.no_grad():
        logits = model(images)
    least, pair = min((change(model, tensors, images, logits, pair), pair) for pair in tried)
    row = {"model": name, "pairs": len(pairs), "swapped": len(tried), "least_change": least, "by": pair}
    if estimated is not None:
        row["least_estimate"] = estimated
    print(row, flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*", default=list(PUBLIC))
    parser.add_argument("--exact", type=int, default=1500)
    parser.add_argument("--outputs", type=int, default=8)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = [try_pairs(name, arguments.exact, arguments.outputs) for name in arguments.models]
    if arguments.json:
        arguments.json.write_text(json.dumps({"torch": torch.__version__, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
