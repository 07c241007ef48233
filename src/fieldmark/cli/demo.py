"""`fieldmark demo`: the whole way on the packaged digits, and five lines about it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldmark import world
from fieldmark.cli import measuring
from fieldmark.cli.machine import check_threads, use
from fieldmark.cli.output import STOPPED, percent, to_json
from fieldmark.cli.parsing import Switch, parse

if TYPE_CHECKING:
    from fieldmark.runs.run import Run
    from fieldmark.runs.screen import Screen
    from fieldmark.vocabulary import ImageSet

PICTURES = 5
"""How many test pictures are written as files and predicted."""


@dataclass(frozen=True)
class Demo:
    """Train on the packaged digits, measure once on the test pictures, predict a few; no network needed."""

    out: Path | None = None
    """The run folder; none takes the next free runs/demo-N."""
    overwrite: Switch = False
    """Replace the run that is in --out."""
    json: Switch = False
    """Print one JSON object on stdout when done."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, mps."""
    threads: int | None = None
    """Processor threads; none lets torch decide."""


def demo(words: Sequence[str]) -> int:
    """`fieldmark demo`."""
    flags = parse(Demo(), words, verb="demo")
    check_threads(flags.threads)
    world.refuse_many()

    from fieldmark.runs import sitting
    from fieldmark.runs.record import process_start
    from fieldmark.runs.screen import screen
    from fieldmark.training.presets import find_recipe

    with closing(screen()) as display:
        run = sitting.train_run(
            "sample",
            find_recipe("demo"),
            out=flags.out,
            stem="demo",
            overwrite=flags.overwrite,
            device=flags.device,
            threads=flags.threads,
            began=process_start(),
            progress=display,
        )
        summary = run.summary()
        if summary["status"] == "stopped":
            print(
                to_json(summary) if flags.json else f"Stopped. Go on: fieldmark train --resume {run.folder}"
            )
            return STOPPED
        images = run.images("test")
        test, answers = tested(run, images, flags, display)
    if flags.json:
        print(to_json(summary | {"test": test, "predictions": answers}))
    else:
        print(told(summary, test, answers))
    return 0


def tested(
    run: Run, images: ImageSet, flags: Demo, display: Screen
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The figures on the test pictures, drawn into test/ of the run, and what a few are taken for."""
    device = use(flags.device, flags.threads)
    classifier = run.classifier
    document, predictions = measuring.measure(
        classifier, images, "test", tta=False, device=device, display=display
    )
    measuring.draw(run.folder / "test", images, predictions, document, "sample, test split")
    files = write_pictures(images, run.folder / "pictures")
    return document, [one.to_json() for one in classifier.predict(files, top_k=3, device=device)]


def write_pictures(images: ImageSet, folder: Path) -> list[str]:
    """A picture of each of the first few classes as a PNG file, the class in its name."""
    from PIL import Image

    from fieldmark.figures.page import write_png

    folder.mkdir()
    files = []
    for label in range(PICTURES):
        position = int((images.labels == label).nonzero()[0])
        path = folder / f"is-a-{images.classes[label]}.png"
        write_png(Image.fromarray(images.images[position, 0].numpy()), path)  # (H, W)
        files.append(str(path))
    return files


def told(summary: dict[str, Any], test: dict[str, Any], answers: Sequence[dict[str, Any]]) -> str:
    """What happened, where to look, what to try next: five lines."""
    run, (low, high) = summary["run"], test["accuracy_interval"]
    named = ", ".join(f"{Path(row['file']).name} {row['label']} ({percent(row['score'])})" for row in answers)
    return "\n".join(
        [
            f"Trained the network '{summary['model']}' on the packaged digits in {summary['seconds']:.0f} s: "
            f"epoch {summary['best_epoch']} of {summary['epochs']} is kept.",
            f"Test accuracy {percent(test['accuracy'])} on {test['n']:,} digits it had never seen "
            f"(95 %: {percent(low)} to {percent(high)}).",
            f"Predicted from files: {named}.",
            f"Look at {run}: figures/ of training, test/ with the mistakes, classifier/ is what you ship.",
            f"Try next: fieldmark predict {run} {run}/pictures, or your own: fieldmark train FOLDER",
        ]
    )
