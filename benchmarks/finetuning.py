"""Fine-tuning against training from scratch, on 200 pictures: 100 birds and 100 airplanes.

One backbone, a narrow resnet18, is trained on the other eight classes of CIFAR-10. Each seed then draws 200
of the training pictures of birds and airplanes, and trains on them twice, with `--from BACKBONE` and without,
for as many epochs, in batches of the same size, with the same augmentation; the last epoch's weights are
kept, so that no other picture chooses anything. Tested once, on the 2,000 birds and airplanes of the test
split. The five runs share the backbone: the interval is over draws, orders and starting weights.

What both ways train with was chosen by --choose: as many settings of each, by the accuracy on 1,000
other training pictures (the validation split), seed 100.

    python benchmarks/finetuning.py --choose --most 9 --seeds 100 \\
        --json benchmarks/results/finetuning_choice.json
    python benchmarks/finetuning.py --json benchmarks/results/finetuning.json
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

from recording import record

from fieldmark.runs.run import Run

OTHERS = ("automobile", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BOTH = ("airplane", "bird")
PICTURES, EPOCHS, BATCH = 200, 60, 25
SAME = [
    *("--batch-size", str(BATCH), "--best", "last", "--label-smoothing", "0"),
    *("--augment", "crop", "alternating_mirror"),
]
NARROW = ["--model", "resnet18", "--options", "width=16"]
BACKBONE = [
    *("--epochs", "15", "--batch-size", "128", "--optimizer", "sgd", "--learning-rate", "0.1"),
    *("--weight-decay", "0.0005", "--label-smoothing", "0", "--init", "default"),
    *("--augment", "crop", "alternating_mirror"),
]

BACKBONE_NAME = Path("BACKBONE")
"""What stands for the backbone's folder in the results."""

FINE_TUNED = {"optimizer": "adamw", "weight_decay": 0.01}
FINE_TUNED_CHOICES = [
    FINE_TUNED | {"learning_rate": rate, "layer_decay": decay, "freeze": freeze}
    for rate, decay, freeze in product((0.001, 0.003, 0.01), (0.5, 0.7, 1.0), (0, 2))
]
SCRATCH_CHOICES = [
    {"optimizer": "adamw", "learning_rate": rate, "weight_decay": decay}
    for rate, decay in product((0.001, 0.003, 0.01), (0.01, 0.1, 0.5))
] + [
    {"optimizer": "sgd", "learning_rate": rate, "weight_decay": decay}
    for rate, decay in product((0.03, 0.1, 0.3), (0.0005, 0.002, 0.01))
]
CHOSEN: dict[str, dict[str, Any]] = {
    "fine-tuned": FINE_TUNED | {"learning_rate": 0.003, "layer_decay": 0.7, "freeze": 2},
    "from scratch": {"optimizer": "adamw", "learning_rate": 0.003, "weight_decay": 0.01},
}
"""From scratch, the best of --choose (benchmarks/results/finetuning_choice.json).

Fine-tuning's were set before it ran; it likes a rate of .001 for all stages and no freezing better (91.9 % of
the validation pictures, where those nearest to these have 89.3 to 90.4), but the test pictures had been read
by then.
"""

T = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
"""Two-sided 95 % point of Student's t for n differences (n - 1 degrees of freedom)."""


def fieldmark(*words: str) -> dict[str, Any]:
    """The JSON object that a fieldmark command prints."""
    done = subprocess.run(
        [sys.executable, "-m", "fieldmark", *words, "--json"], check=True, stdout=subprocess.PIPE, text=True
    )
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def train_backbone(folder: Path, extra: list[str]) -> dict[str, Any]:
    """The network that knows the other eight classes."""
    return fieldmark(
        *("train", "cifar10", "--classes", *OTHERS, *NARROW, *BACKBONE, "--out", str(folder), *extra)
    )


def flags(settings: dict[str, Any]) -> list[str]:
    return [word for name, value in settings.items() for word in ("--" + name.replace("_", "-"), str(value))]


def commands(backbone: Path, epochs: int) -> dict[str, list[str]]:
    """The two ways to train, without seed and folder."""
    both = ["train", "cifar10", "--classes", *BOTH, "--limit", str(PICTURES), "--epochs", str(epochs), *SAME]
    return {
        "fine-tuned": [*both, "--from", str(backbone), *flags(CHOSEN["fine-tuned"])],
        "from scratch": [*both, *NARROW, "--init", "default", *flags(CHOSEN["from scratch"])],
    }


def compare(backbone: Path, seeds: list[int], epochs: int, folder: Path) -> dict[str, Any]:
    """Test accuracies of both ways over the seeds, and their paired difference with a 95 % interval."""
    ways = commands(backbone, epochs)
    runs = []
    for seed in seeds:
        row: dict[str, Any] = {"seed": seed}
        for name, words in ways.items():
            out = folder / f"{name.replace(' ', '-')}-{seed}"
            run = fieldmark(*words, "--seed", str(seed), "--out", str(out))
            test = fieldmark("evaluate", str(out), "--split", "test")
            row[name] = {"test_accuracy": test["accuracy"], "n": test["n"], "seconds": run["seconds"]}
        runs.append(row)
        print(
            f"seed {seed}: fine-tuned {100 * row['fine-tuned']['test_accuracy']:.2f} %, "
            f"from scratch {100 * row['from scratch']['test_accuracy']:.2f} %",
            flush=True,
        )
    accuracies = {name: [row[name]["test_accuracy"] for row in runs] for name in ways}
    differences = [a - b for a, b in zip(*accuracies.values(), strict=True)]
    return {
        "commands": {
            name: f"fieldmark {' '.join(words)}" for name, words in commands(BACKBONE_NAME, epochs).items()
        },
        "runs": runs,
        "mean": {name: statistics.mean(values) for name, values in accuracies.items()},
        "difference": {"mean": statistics.mean(differences), "interval": interval(differences)},
    }


def interval(values: list[float]) -> list[float] | None:
    """[low, high] of the mean at 95 %, by Student's t; None of a single value.

    mean -+ t * s / sqrt(n)
    """
    if len(values) < 2:
        return None
    half = T[len(values)] * statistics.stdev(values) / math.sqrt(len(values))
    return [statistics.mean(values) - half, statistics.mean(values) + half]


def choose(backbone: Path, seeds: list[int], epochs: int, most: int) -> dict[str, Any]:
    """Mean validation accuracy of every setting of both ways, best first."""
    import fieldmark as fm
    from fieldmark.runs.suggestion import suggested
    from fieldmark.training.session import Session
    from fieldmark.weights import origin_of
    from fieldmark.weights.first_weights import completed

    same = {"epochs": epochs, "batch_size": BATCH, "best": "last", "augment": ("crop", "alternating_mirror")}
    bases = {
        "fine-tuned": suggested(None, backbone).replace(**same, label_smoothing=0.0),
        "from scratch": fm.Recipe(model="resnet18", options={"width": 16}, **same),
    }
    data = {seed: fm.load("cifar10", classes=BOTH, limit=PICTURES, seed=seed) for seed in seeds}
    found: dict[str, Any] = {}
    for name, settings in (("fine-tuned", FINE_TUNED_CHOICES), ("from scratch", SCRATCH_CHOICES)):
        rows = []
        for setting in settings[:most]:
            accuracies = []
            for seed in seeds:
                recipe, origin = bases[name].replace(seed=seed, **setting), None
                if name == "fine-tuned":
                    origin = origin_of(recipe, backbone, lambda note: None)
                    assert origin is not None
                    recipe = completed(recipe, origin, print)
                history = list(Session.begin(data[seed], recipe, origin=origin).epochs())
                accuracies.append(history[-1]["val_accuracy"])
            rows.append(setting | {"val_accuracy": statistics.mean(accuracies), "each": accuracies})
            print(f"{name}: {setting}: {100 * rows[-1]['val_accuracy']:.2f} %", flush=True)
        found[name] = sorted(rows, key=lambda row: -row["val_accuracy"])
    return found


def table(results: dict[str, Any]) -> str:
    """The rows of the README."""
    lines = ["| 200 birds and airplanes | test accuracy |", "|---|---|"]
    lines += [f"| {name} | {100 * mean:.2f} % |" for name, mean in results["mean"].items()]
    low, high = (f"{100 * bound:+.2f}" for bound in results["difference"]["interval"] or (math.nan, math.nan))
    lines.append(
        f"| difference, 95 % interval | {100 * results['difference']['mean']:+.2f} [{low}, {high}] |"
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", help="0 to 4; with --choose 100 to 102")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--backbone", type=Path, help="a run that is there already, instead of a new one")
    parser.add_argument("--backbone-flags", nargs="*", default=[], metavar="WORD", help="e.g. epochs=1")
    parser.add_argument("--choose", action="store_true", help="the settings, on validation pictures")
    parser.add_argument(
        "--most", type=int, default=100, help="at most this many settings of each with --choose"
    )
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        backbone, results = arguments.backbone or folder / "backbone", {}
        if arguments.backbone is None:
            extra = flags(dict(word.split("=") for word in arguments.backbone_flags))
            made = train_backbone(backbone, extra)
        else:
            made = Run(arguments.backbone).summary()
        results["backbone"] = {
            "command": "fieldmark " + " ".join(["train cifar10 --classes", *OTHERS, *NARROW, *BACKBONE]),
            "val_accuracy": made["val"]["accuracy"],
            "seconds": made["seconds"],
        }
        print(f"backbone: {100 * made['val']['accuracy']:.2f} % of eight classes", flush=True)
        if arguments.choose:
            results |= choose(backbone, arguments.seeds or [100, 101, 102], arguments.epochs, arguments.most)
        else:
            results |= compare(backbone, arguments.seeds or [0, 1, 2, 3, 4], arguments.epochs, folder)
            print(table(results))
    record(results, arguments.json)


if __name__ == "__main__":
    main()
