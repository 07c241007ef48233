"""The packaged sample: 6,000 + 1,000 digits of MNIST (LeCun, Cortes, Burges; CC BY-SA 3.0).

`benchmarks/make_sample.py` made the file from MNIST: 600 and 100 of each digit, drawn with seed 0.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from fieldmark.data.sources import no_label
from fieldmark.vocabulary import ImageSet, Progress

FILE = Path(__file__).with_name("sample.npz")
CLASSES = tuple("0123456789")


def sample(label: str | None = None, progress: Progress | None = None) -> dict[str, ImageSet]:
    """The packaged digits, "train" and "test", 28x28 grey.

    Args:
        label: must be None, as every picture has one label.
        progress: not called, as nothing is downloaded.

    Raises:
        UserError: `label` is given.

    >>> {split: len(part) for split, part in sample().items()}
    {'train': 6000, 'test': 1000}
    """
    no_label("sample", label)
    with np.load(FILE, allow_pickle=False) as arrays:
        return {
            split: ImageSet(
                torch.from_numpy(arrays[f"{split}_images"]).unsqueeze(1),
                torch.from_numpy(arrays[f"{split}_labels"]).to(torch.int64),
                CLASSES,
            )
            for split in ("train", "test")
        }
