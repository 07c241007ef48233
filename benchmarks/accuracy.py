"""Test accuracy and wall-clock time of whole commands, from process start to the run folder complete.

Each seed is one `fieldmark train ... --json` and one `fieldmark evaluate --json` on the test split, in
processes of their own, on this machine. Seeds are stated, not searched; presets were chosen on validation
pictures only.

    python benchmarks/accuracy.py                    # every row of the README (about 15 minutes on two cores)
    python benchmarks/accuracy.py birds --seeds 0 1  # one row
    python benchmarks/accuracy.py demo --json benchmarks/results/accuracy_demo.json
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from recording import record

ROWS: dict[str, tuple[list[str], list[int]]] = {
    "demo": (["sample", "--recipe", "demo"], [0, 1, 2, 3, 4]),
    "sample": (["sample", "--model", "digits"], [0, 1, 2, 3, 4]),
    "mnist": (["mnist", "--model", "digits"], [0, 1, 2, 3, 4]),
    "fashion": (["fashion-mnist", "--model", "digits"], [0, 1, 2]),
    "birds": (["cifar10", "--classes", "airplane", "bird", "--model", "baseline"], [0, 1, 2, 3, 4]),
    "cats-mlp": (["cifar10", "--classes", "cat", "dog", "--model", "mlp"], [0, 1, 2]),
    "cats-deep": (["cifar10", "--classes", "cat", "dog", "--model", "deep"], [0, 1, 2]),
}


def fieldmark(*words: str) -> dict[str, Any]:
    """The JSON object that a fieldmark command prints."""
    done = subprocess.run(
        [sys.executable, "-m", "fieldmark", *words, "--json"], check=True, stdout=subprocess.PIPE, text=True
    )
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def measure(words: list[str], seeds: list[int], folder: Path) -> dict[str, Any]:
    """Accuracies and seconds over the seeds."""
    runs = []
    for seed in seeds:
        run = fieldmark("train", *words, "--seed", str(seed), "--out", str(folder / f"seed-{seed}"))
        test = fieldmark("evaluate", run["run"], "--split", "test")
        runs.append(
            {
                "seed": seed,
                "test_accuracy": test["accuracy"],
                "val_accuracy": run["val"]["accuracy"],
                "best_epoch": run["best_epoch"],
                "epochs": run["epochs"],
                "seconds": run["seconds"],
                "n": test["n"],
            }
        )
    accuracies = [run["test_accuracy"] for run in runs]
    return {
        "command": "fieldmark train " + " ".join(words),
        "mean": statistics.mean(accuracies),
        "standard_deviation": statistics.stdev(accuracies) if len(accuracies) > 1 else None,
        "longest_seconds": max(run["seconds"] for run in runs),
        "runs": runs,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="*", help=f"of {', '.join(ROWS)}; all without one")
    parser.add_argument("--seeds", type=int, nargs="+")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    results = {}
    for name in arguments.rows or list(ROWS):
        words, seeds = ROWS[name]
        with tempfile.TemporaryDirectory() as folder:
            results[name] = row = measure(words, arguments.seeds or seeds, Path(folder))
        each = ", ".join(f"{100 * run['test_accuracy']:.2f}" for run in row["runs"])
        told = ", ".join(str(run["seed"]) for run in row["runs"])
        print(
            f"{row['command']}: test {100 * row['mean']:.2f} % over seeds {told} ({each}), "
            f"at most {row['longest_seconds']:.0f} s",
            flush=True,
        )
    record(results, arguments.json)


if __name__ == "__main__":
    main()
