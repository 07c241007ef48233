"""Make the packaged sample: 600 + 100 of each MNIST digit, drawn from train and test with seed 0.

    python benchmarks/make_sample.py [FILE]

Reads MNIST as `fieldmark.load("mnist")` does. Without FILE it writes src/fieldmark/data/sources/sample.npz:
train_images, test_images uint8 (N, 28, 28) and train_labels, test_labels uint8 (N,), deflated, no pickle.
The same bytes come out every time.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

from fieldmark.data.sources.idx import mnist
from fieldmark.data.sources.sample import FILE

PER_CLASS = {"train": 600, "test": 100}
LARGEST = 2_000_000  # bytes


def main(target: Path = FILE) -> None:
    arrays = {}
    for split, part in mnist().items():
        generator = torch.Generator().manual_seed(0)
        rows = []
        for digit in range(10):
            candidates = (part.labels == digit).nonzero().flatten()
            rows.append(candidates[torch.randperm(len(candidates), generator=generator)[: PER_CLASS[split]]])
        chosen = torch.cat(rows).sort().values
        arrays[f"{split}_images"] = part.images[chosen, 0].numpy()
        arrays[f"{split}_labels"] = part.labels[chosen].numpy().astype(np.uint8)
    np.savez_compressed(target, **arrays)
    size = target.stat().st_size
    assert size <= LARGEST, size
    print(f"{target}: {size:,} bytes")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
