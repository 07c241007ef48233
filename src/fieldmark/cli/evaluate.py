"""`fieldmark evaluate RUN`: how good a run or a classifier is, on pictures with known labels."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from fieldmark.cli import measuring
from fieldmark.cli.machine import use
from fieldmark.cli.output import to_json
from fieldmark.cli.parsing import Switch, parse, usage
from fieldmark.errors import UserError

if TYPE_CHECKING:
    from fieldmark.runs.run import Run
    from fieldmark.runs.screen import Screen
    from fieldmark.shipping.classifier import Classifier
    from fieldmark.vocabulary import ImageSet


@dataclass(frozen=True)
class Evaluate:
    """Measure a run or a classifier: loss, accuracy with its interval, balanced accuracy, every class."""

    run: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN", help_behavior_hint="(needed)")] = (
        ""
    )
    """A run or a classifier folder."""
    split: Literal["train", "val", "test", "all"] | None = None
    """none: test; of --data without splits of its own, all."""
    data: str | None = None
    """Other pictures than the run's own: a name, a folder or a table."""
    classes: tuple[str, ...] | None = None
    """Only these classes of the data."""
    label: str | None = None
    """The attribute or column of --data that is the label."""
    file_column: str | None = None
    """The column of --data with the file names or the pictures."""
    split_column: str | None = None
    """The column of --data with the splits."""
    allow_unreadable: Switch = False
    """Leave out however many pictures cannot be read; otherwise more than a tenth is an error."""
    out: Path | None = None
    """Write metrics.json and figures into this folder."""
    overwrite: Switch = False
    """Write into --out even if it has files already."""
    json: Switch = False
    """Print one JSON object on stdout."""
    tta: Switch = False
    """Mean over the picture and its mirror."""
    model: Annotated[str | None, tyro.conf.arg(metavar="MODULE:FUNCTION")] = None
    """Your own network again, for a classifier that was trained with it; nothing is imported by itself."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, mps."""
    threads: int | None = None
    """Processor threads; none lets torch decide."""


def evaluate(words: Sequence[str]) -> int:
    """`fieldmark evaluate`."""
    flags = parse(Evaluate(), words, verb="evaluate")
    if not flags.run:
        raise usage("which run or classifier? fieldmark evaluate RUN.", "evaluate")
    if flags.out is not None:
        measuring.check_new_folder(flags.out, flags.overwrite)

    from fieldmark.cli.opening import open_classifier
    from fieldmark.runs.screen import screen

    device = use(flags.device, flags.threads)
    with closing(screen()) as display:
        run = run_at(flags.run)
        classifier = open_classifier(flags.run, flags.model)
        split = flags.split or default_split(flags, run, display)
        images = pictures(flags, run, classifier, split, display)
        document, predictions = measuring.measure(
            classifier, images, split, tta=flags.tta, device=device, display=display
        )
        if flags.out is not None:
            source = f"{name_of(flags, run)}, {split} split"
            measuring.draw(flags.out, images, predictions, document, source)
            display.note(f"figures and metrics.json: {flags.out}")
    if flags.json:
        print(to_json(document))
    else:
        measuring.show(document)
    return 0


def run_at(path: str) -> Run | None:
    """The run at `path`; None for a classifier folder alone."""
    from fieldmark.runs.run import Run

    return Run(path) if (Path(path) / "run.json").is_file() else None


def name_of(flags: Evaluate, run: Run | None) -> str:
    """What the data is called in figures: a set's name, or the last part of a path."""
    return Path(flags.data or (run.data() if run else "")).name


def default_split(flags: Evaluate, run: Run | None, display: Screen) -> str:
    """test; but all of other data that has no splits, which is said."""
    from fieldmark.data.load import find
    from fieldmark.vocabulary import Listing

    if flags.data is None or (run is not None and _same(flags.data, run)):
        return "test"
    _, found = find(
        flags.data,
        flags.label,
        display.stage,
        file_column=flags.file_column,
        split_column=flags.split_column,
    )
    if not isinstance(found, Listing) or any(split is not None for split in found.splits):
        return "test"
    display.note(f"{flags.data} has no splits: all of it is measured. (If it was trained on: --split test.)")
    return "all"


def pictures(
    flags: Evaluate, run: Run | None, classifier: Classifier, split: str, display: Screen
) -> ImageSet:
    """The pictures to measure on, by the run's settings if they are its own; what was left out is said."""
    from fieldmark.data.load import load_split
    from fieldmark.recipe import Recipe

    if run is None and flags.data is None:
        raise UserError(f"{flags.run} does not know its data. Say which pictures: --data NAME|PATH.")
    same = run is not None and (flags.data is None or _same(flags.data, run))
    recipe = run.recipe if run is not None else Recipe()
    own = recipe if same else Recipe()
    images, unreadable, notes = load_split(
        flags.data if flags.data is not None else run.data() if run else "",
        split,
        classes=classifier.classes,
        preprocessing=classifier.preprocessing,
        select=flags.classes or own.classes,
        label=flags.label or own.label,
        file_column=flags.file_column or own.file_column,
        split_column=flags.split_column or own.split_column,
        group=own.group,
        allow_unreadable=flags.allow_unreadable or own.allow_unreadable,
        limit=own.limit,
        # Other shares would divide the same pictures elsewhere, and measure on some that were trained on.
        val=recipe.val,
        test=recipe.test,
        seed=recipe.seed,
        trained_on=trained_on(run) if same and not asked_otherwise(flags) else None,
        progress=display.stage,
    )
    for note in notes:
        display.note(note)
    for left_out in unreadable:
        display.note(f"left out: {left_out.file}: {left_out.reason}")
    return images


def asked_otherwise(flags: Evaluate) -> bool:
    """Whether flags choose other pictures or labels of the run's data than the run did."""
    return any((flags.classes, flags.label, flags.file_column, flags.split_column))


def trained_on(run: Run | None) -> str | None:
    """The fingerprint of the pictures that the run was trained on."""
    return run.document.get("dataset", {}).get("fingerprint") if run is not None else None


def _same(data: str, run: Run) -> bool:
    """Whether these are the pictures that the run was trained on."""
    known = run.document.get("data")
    return data == known or (Path(data).exists() and str(Path(data).resolve()) == known)
