"""How long a folder of 12,000 PNGs keeps training waiting: the first start decodes, the second opens the
store.

Writes CIFAR-10's birds and airplanes as PNG files in train/ and test/, then starts training on the folder
several times, each in a process of its own, and reports the seconds from the call to the first step,
imports aside. Also trains two epochs from the binary file and from the folder and compares the weights byte
by byte.

    python benchmarks/second_start.py [--starts 7] [--json results.json]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

import fieldmark as fm

PROGRAM = """
import sys, time
from pathlib import Path
import fieldmark as fm
from fieldmark.runs import sitting
from fieldmark.runs.watcher import Quiet
from fieldmark.training import session
import fieldmark.data.store.store

class Watch(Quiet):
    def start(self, total_steps, epochs):
        print(time.perf_counter() - began, flush=True)
        raise SystemExit

began = time.perf_counter()
sitting.train_run(sys.argv[1], fm.preset("baseline"), out=Path(sys.argv[2]), progress=Watch())
"""


def write_pictures(folder: Path) -> None:
    """The 10,000 + 2,000 pictures as PNG files, a folder per split and class."""
    dataset = fm.load("cifar10", classes=("airplane", "bird"))
    assert dataset.test is not None
    for name, split, part in (
        ("a", "train", dataset.train),
        ("b", "train", dataset.val),
        ("c", "test", dataset.test),
    ):
        for position in range(len(part)):
            target = folder / split / part.classes[int(part.labels[position])]
            target.mkdir(parents=True, exist_ok=True)
            pixels = part.images[position].permute(1, 2, 0).numpy()
            Image.fromarray(pixels).save(target / f"{name}{position}.png")


def seconds_to_first_step(pictures: Path, out: Path) -> float:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(pictures), str(out)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--starts", type=int, default=7)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["FIELDMARK_CACHE"] = str(folder / "stores")
        write_pictures(folder / "pictures")
        times = [
            seconds_to_first_step(folder / "pictures", folder / f"run-{start}")
            for start in range(arguments.starts + 1)
        ]
        weights = []
        for source in ("binary", "pictures"):
            data = fm.load("cifar10", classes=("airplane", "bird")) if source == "binary" else folder / source
            run = fm.train(data, model="baseline", epochs=2, out=folder / f"weights-{source}", progress=False)
            weights.append((run.folder / "classifier" / "weights.safetensors").read_bytes())
    result = {
        "first_start_seconds": round(times[0], 2),
        "second_start_seconds": round(statistics.median(times[1:]), 2),
        "second_start_range": [round(min(times[1:]), 2), round(max(times[1:]), 2)],
        "n": arguments.starts,
        "same_weights": weights[0] == weights[1],
    }
    print(json.dumps(result))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
