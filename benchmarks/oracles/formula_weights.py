"""Weights, pictures and sums from a formula: two programs can compare logits without a file of weights.

A tensor is filled by its name and shape alone, the same on every machine: integer arithmetic, then single
correctly rounded operations. All values are float32, so that a float64 network holds the very same ones.
Names are torchvision's. The scales keep activations of order one through 150 layers, and leave every tensor
enough weight that two of the same shape cannot change places unnoticed: the logits change by 1 % of the
largest at least (`swaps.py` tries the pairs).
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

PORTION = 2**14
"""Outputs made at a time: they stay in the processor's cache."""

GAMMA = 0x9E3779B97F4A7C15
"""What the state of splitmix64 (Steele, Lea and Flood 2014, Fast splittable generators) grows by."""

IN_BRANCH = re.compile(r"layer\d+\.\d+\.conv[12]\.weight")
"""Filters within ResNet's branches, half as large: what a block adds must not outgrow what it gets."""


def splitmix64(seed: int, count: int) -> Iterator[NDArray[np.uint64]]:
    """The generator's outputs for `seed`, in order and in portions, `count` or a few more (memory reused).

    >>> next(splitmix64(1234567, 2))[:2].tolist()  # as its authors' program in C prints them
    [6457827717110365317, 3203168211198807973]
    """
    steps = np.arange(1, PORTION + 1, dtype=np.uint64) * np.uint64(GAMMA)  # modulo 2^64, like all of it
    z, shifted = np.empty_like(steps), np.empty_like(steps)
    for begin in range(0, count, PORTION):
        np.add(steps, np.uint64((seed + GAMMA * begin) % 2**64), out=z)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
            z ^= np.right_shift(z, np.uint64(shift), out=shifted)
            z *= np.uint64(factor)
        yield z


def numbers(name: str, count: int, middle: float = 0.0, half: float = 1.0) -> NDArray[np.float32]:
    """`count` numbers spread evenly over [middle - half, middle + half), float32.

    middle + half u, where u is the lower, then the upper half of every output of splitmix64, as a signed
    integer, over 2^31; computed in float64. The seed is the first 8 bytes, little-endian, of the SHA-256 of
    the name.

    >>> numbers("fc.weight", 3).tolist()
    [-0.06067158281803131, 0.9969632029533386, -0.23438973724842072]
    """
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    filled, values = np.empty(count, dtype=np.float32), np.empty(2 * PORTION)
    for portion, outputs in enumerate(splitmix64(seed, (count + 1) // 2)):
        np.multiply(outputs.astype("<u8", copy=False).view("<i4"), half * 2.0**-31, out=values)
        values += middle
        begin = portion * 2 * PORTION
        filled[begin : begin + 2 * PORTION] = values[: count - begin]
    return filled


def interval(name: str, shape: tuple[int, ...]) -> tuple[float, float]:
    """(middle, half the width) of the interval that a tensor's values fill.

    Filters and matrices: 0 and sqrt(6 / fan-in), which keeps the mean square through ReLU (He et al. 2015).
    Batch norm: variances 1 and 0.6, weights 1 and 0.4, means 0 and 1. Biases: -0.4 and 1; were their middle
    0, the sums that ResNet carries along would grow so large that no single bias mattered.
    """
    part = name.rpartition(".")[2]
    if len(shape) > 1:
        return 0.0, (0.5 if IN_BRANCH.fullmatch(name) else 1.0) * math.sqrt(6.0 / math.prod(shape[1:]))
    return {"weight": (1.0, 0.4), "bias": (-0.4, 1.0), "running_mean": (0.0, 1.0), "running_var": (1.0, 0.6)}[
        part
    ]


def formula_tensor(name: str, shape: tuple[int, ...]) -> Tensor:
    """The tensor of that name and shape, float32; a count of batches is int64 and 0."""
    if name.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    return torch.from_numpy(numbers(name, math.prod(shape), *interval(name, shape))).reshape(shape)


def formula_weights(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """A state dict with these names and shapes."""
    return {name: formula_tensor(name, shape) for name, shape in shapes.items()}


def formula_pictures(count: int, height: int, width: int) -> Tensor:
    """Normalised pictures, float32 (count, 3, height, width), of values in [-2, 2)."""
    return torch.from_numpy(numbers("pictures", count * 3 * height * width, half=2.0)).reshape(
        count, 3, height, width
    )


def formula_sums(logits: Tensor) -> list[float]:
    """One number for each row of logits (N, K), which no wrong logit leaves alone: sum_k logit_k u_k."""
    factors = torch.from_numpy(numbers("logits", logits.shape[1])).double()
    return [float(total) for total in (logits.double() * factors).sum(1)]
