"""One member of each family, trained for four minutes each: what a hundred layers buy under one clock.

    python examples/architectures.py                         # 14 runs, about an hour on two cores
    python examples/architectures.py --data cifar10 --models resnet lenet --minutes 1

Fashion-MNIST and CIFAR-10, seed 0, each model's own preset, bf16 where the processor has it. The members are
narrow: a width was taken with which one pass over CIFAR-10 takes at most 48 seconds on two cores, so that a
run sees every picture five times or more. Before a run a short one measures its speed, and the run gets as
many epochs as fit into the clock, because a schedule that is cut off never reaches its small rates; the clock
itself (--max-minutes) holds in any case. Validation pictures choose the epoch; the test split is read once,
after the last run of a set, and the interval is Wilson's for 95 %.

The table in docs/architectures.md is what this prints; --json keeps the figures, from
which architectures_plot.py draws the picture.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from pathlib import Path
from typing import Any

import fieldmark as fm

MEMBERS: dict[str, tuple[str, dict[str, Any]]] = {
    "lenet": ("lenet", {}),
    "alexnet": ("alexnet", {"width": 16, "hidden": 512}),
    "vgg": ("vgg11_bn", {"width": 16, "hidden": 256}),
    "nin": ("nin", {"width": 24}),
    "googlenet": ("googlenet", {"width": 16}),
    "resnet": ("resnet18", {"width": 16}),
    "densenet": ("densenet121", {"growth": 8, "width": 16, "blocks": [4, 4, 4, 4]}),
}
"""Family to (model, options)."""

DATA = ("fashion-mnist", "cifar10")
TRIAL = 3000
"""Pictures of the short run that measures the speed; it takes them three times."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--models", nargs="+", choices=list(MEMBERS), default=list(MEMBERS))
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument(
        "--json", type=Path, help="write the figures here, too; what it holds already is kept"
    )
    arguments = parser.parse_args()
    kept = json.loads(arguments.json.read_text()) if arguments.json and arguments.json.exists() else []
    rows = [row for row in kept if row["data"] not in arguments.data or row["family"] not in arguments.models]
    for data in arguments.data:
        with tempfile.TemporaryDirectory() as folder:
            dataset = fm.load(data)
            runs = {
                family: train(dataset, family, arguments.minutes, Path(folder)) for family in arguments.models
            }
            rows += [{"data": data, "family": family, **measure(run)} for family, run in runs.items()]
        if arguments.json:
            arguments.json.write_text(json.dumps(rows, indent=1) + "\n")
    print(table(rows))


def train(dataset: fm.Dataset, family: str, minutes: float, folder: Path) -> fm.Run:
    """As many epochs as fit into the clock, by the speed of a short run."""
    model, options = MEMBERS[family]
    trial = fm.load(dataset.name, limit=TRIAL)
    settings: dict[str, Any] = {"model": model, "options": options, "seed": 0}
    short = fm.train(trial, **settings, epochs=3, out=folder / f"{family}-trial", progress=False)
    fastest = max(short_rows(short), key=lambda row: row["images_per_second"])
    speed = fastest["images_per_second"]
    validation = fastest["seconds"] - len(trial.train) / speed  # its pictures are all there in the trial, too
    seconds = len(dataset.train) / speed + validation
    epochs = max(1, int(60 * minutes / seconds))
    print(f"{dataset.name}, {model}: {epochs} epochs of about {seconds:.0f} s", flush=True)
    return fm.train(
        dataset, **settings, epochs=epochs, max_minutes=minutes, out=folder / family, progress=False
    )


def short_rows(run: fm.Run) -> list[dict[str, float]]:
    """The epochs of a run's history.csv, as numbers."""
    names, *lines = (line.split(",") for line in (run.folder / "history.csv").read_text().splitlines())
    return [dict(zip(names, map(float, line), strict=True)) for line in lines]


def measure(run: fm.Run) -> dict[str, Any]:
    """What the table says of a run; reads the test split."""
    test, summary, rows = run.evaluate("test"), run.summary(), short_rows(run)
    parameters = sum(parameter.numel() for parameter in run.classifier.model.parameters())
    ends = itertools.accumulate(row["seconds"] / 60 for row in rows)
    return {
        "model": run.recipe.model,
        "options": run.recipe.options,
        "parameters": parameters,
        "epochs": len(rows),
        "minutes": sum(row["seconds"] for row in rows) / 60,
        "images_per_second": summary["images_per_second"],
        "val_accuracy": summary["val"]["accuracy"],
        "test_accuracy": test["accuracy"],
        "interval": test["accuracy_interval"],
        "n": test["n"],
        "history": [[round(end, 3), row["val_accuracy"]] for end, row in zip(ends, rows, strict=True)],
    }


def table(rows: list[dict[str, Any]]) -> str:
    """The rows in Markdown, a line per family and set."""
    lines = [
        "| data | model | options | parameters | epochs | minutes | test accuracy (95 % interval) |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        given = {name: value for name, value in row["options"].items() if name != "stem"}
        options = ", ".join(f"{name} {value}" for name, value in given.items()) or "as published"
        low, high = (100 * edge for edge in row["interval"])
        lines.append(
            f"| {row['data']} | `{row['model']}` | {options} | {row['parameters']:,} | {row['epochs']} "
            f"| {row['minutes']:.1f} | {100 * row['test_accuracy']:.2f} % ({low:.1f} to {high:.1f}) |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
