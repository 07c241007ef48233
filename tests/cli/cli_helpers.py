"""Made-up pictures, flags of a short training, and what a program imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

SMALL = ["--model", "baseline", "--epochs", "3", "--batch-size", "8", "--learning-rate", "0.01", "--out"]


def make_pictures(folder: Path, count: int, brightness: int, size: tuple[int, int] = (12, 12)) -> None:
    folder.mkdir(parents=True)
    generator = np.random.default_rng(brightness)
    for number in range(1, count + 1):
        pixels = generator.integers(brightness, brightness + 50, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


def imported_by(code: str) -> set[str]:
    program = f"import sys; {code}; print(','.join(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stderr.strip().split(",")}
