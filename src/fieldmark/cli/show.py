"""`fieldmark show DATA`: pictures of what the network gets, before any training."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from fieldmark.cli.output import check_free, to_json
from fieldmark.cli.parsing import Switch, parse, usage
from fieldmark.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from torch import Tensor

    from fieldmark.vocabulary import Dataset

    Traces = Sequence[tuple[str, Tensor]]


@dataclass(frozen=True)
class Show:
    """Draw a labelled grid of the pictures; with --augment, one picture per row through each step.

    Each step is told with its strength, and how many of the pictures it changed.
    Where the pictures are files of other shapes than the network takes, a second figure shows what it
    receives under the rules crop, pad and stretch.
    """

    data: Annotated[
        str, tyro.conf.Positional, tyro.conf.arg(metavar="DATA", help_behavior_hint="(needed)")
    ] = ""
    """A name, a folder or a table."""
    augment: tuple[str, ...] = ()
    """Steps in order (fieldmark list augmentations)."""
    out: Path = Path("grid.png")
    """The figure; the second one is put beside it, with -resize in its name."""
    overwrite: Switch = False
    """Replace files that are there."""
    split: Literal["train", "val", "test"] = "train"
    """Which part of the data."""
    rows: int | None = None
    """none: 5, or 8 with --augment."""
    columns: int = 10
    """Of the grid."""
    classes: tuple[str, ...] | None = None
    """Only these classes, in this order."""
    label: str | None = None
    """The attribute or column that is the label."""
    file_column: str | None = None
    """The column of a table with the file names or the pictures."""
    split_column: str | None = None
    """The column of a table with the splits."""
    allow_unreadable: Switch = False
    """Leave out however many pictures cannot be read; otherwise more than a tenth is an error."""
    image_size: tuple[int, int] | None = None
    """What the network receives; none: native if all agree and are at most 64, else the size of --model."""
    model: str = "baseline"
    """The architecture whose picture size is taken."""
    resize: Literal["crop", "pad", "stretch"] = "crop"
    """How a picture of another shape is made to fit."""
    seed: int = 0
    """Draws the pictures and the augmentation."""
    json: Switch = False
    """Print one JSON object on stdout."""


def show(words: Sequence[str]) -> int:
    """`fieldmark show`."""
    flags = parse(Show(), words, verb="show")
    if not flags.data:
        raise usage("which pictures? fieldmark show DATA, say sample, mnist, or a folder.", "show")
    check(flags)

    from fieldmark.data.load import load
    from fieldmark.models import ABOUT
    from fieldmark.runs.screen import screen
    from fieldmark.training.augmentation import build, describe

    margin = build(flags.augment).margin
    with closing(screen()) as display:
        dataset = load(
            flags.data,
            classes=flags.classes,
            label=flags.label,
            file_column=flags.file_column,
            split_column=flags.split_column,
            allow_unreadable=flags.allow_unreadable,
            image_size=flags.image_size,
            default_size=ABOUT[flags.model].published_size,
            resize=flags.resize,
            margin=margin,
            progress=display.stage,
        )
        for note in dataset.notes:
            display.note(note)
        written, traces = write(flags, dataset)
        steps = told(flags.augment, traces, describe)
        for step in steps:
            display.note(sentence(step))
    if flags.json:
        print(to_json({"files": [str(path) for path in written], "steps": steps}))
    else:
        print("\n".join(str(path) for path in written))
    return 0


def check(flags: Show) -> None:
    """Raises UserError for what can be seen to be wrong before anything is read."""
    from fieldmark.families import unknown
    from fieldmark.models import ABOUT

    for path in (flags.out, beside(flags.out)):
        if path.suffix.lower() != ".png":
            raise UserError(f"--out {flags.out}: figures are PNG files; end the name in .png.")
        check_free(path, flags.overwrite)
    if flags.model not in ABOUT:
        raise UserError(unknown(flags.model, ABOUT, "model"))
    for name, value in (("--rows", flags.rows), ("--columns", flags.columns)):
        if value is not None and not 1 <= value <= 100:
            raise UserError(f"{name} {value}: from 1 to 100.")
    if flags.seed < 0:
        raise UserError(f"--seed {flags.seed}: 0 or more.")


def beside(out: Path) -> Path:
    """Where the figure of the resize rules goes.

    >>> beside(Path("grid.png")).name
    'grid-resize.png'
    """
    return out.with_name(f"{out.stem}-resize{out.suffix}")


def told(names: Sequence[str], traces: Traces, describe: Any) -> list[dict[str, Any]]:
    """Each step with its settings, and how many of the pictures it changed."""
    from fieldmark.training.augmentation import build

    settings = [describe(step) for step in build(names).steps]
    found = []
    for place, ((_, before), (name, after)) in enumerate(pairwise(traces)):
        same = before.shape == after.shape
        changed = int((before != after).flatten(1).any(1).sum()) if same else len(after)
        own = settings[place] if place < len(settings) else {"name": name}  # last "size", which is no step
        found.append({**own, "changed": changed, "pictures": len(after)})
    return found


def sentence(step: dict[str, Any]) -> str:
    """A step in words.

    >>> sentence({"name": "rotate", "degrees": 10.0, "changed": 0, "pictures": 8})
    'rotate (degrees 10): changes nothing here, none of the 8 pictures'
    """
    left_out = ("name", "changed", "pictures")
    strength = ", ".join(
        f"{name} {' to '.join(map(spelled, value)) if isinstance(value, list) else spelled(value)}"
        for name, value in step.items()
        if name not in left_out
    )
    what = f"{step['name']} ({strength})" if strength else str(step["name"])
    if not step["changed"]:
        return f"{what}: changes nothing here, none of the {step['pictures']} pictures"
    return f"{what}: changed {step['changed']} of {step['pictures']} pictures"


def spelled(value: object) -> str:
    """A setting in as few digits as tell it."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def write(flags: Show, dataset: Dataset) -> tuple[list[Path], Traces]:
    """Draw and save; returns the files, and the pictures before and after each step of the augmentation."""
    from fieldmark.figures.gallery import resize_rules
    from fieldmark.figures.page import save

    figure, traces = main_figure(flags, dataset)
    written = [save(figure, flags.out)]
    originals = other_shapes(flags, dataset.image_size)
    if originals:
        figure = resize_rules(originals, dataset.image_size, source=dataset.name)
        written.append(save(figure, beside(flags.out)))
    return written, traces


def main_figure(flags: Show, dataset: Dataset) -> tuple[Figure, Traces]:
    """The grid, or the rows of the augmentation, with the pictures after each of its steps."""
    import torch

    from fieldmark.figures.gallery import augmentation_rows, grid
    from fieldmark.figures.tiles import evenly
    from fieldmark.training.augmentation import build

    images = dataset.split(flags.split)
    if images is None:
        raise UserError(f"{dataset.name} has no {flags.split} pictures.")
    generator = torch.Generator().manual_seed(flags.seed)
    source = f"{dataset.name}, {flags.split} split"
    if not flags.augment:
        rows = flags.rows or 5
        return grid(images, source=source, generator=generator, rows=rows, columns=flags.columns), []
    index = evenly(images.labels, flags.rows or 8, generator)
    shown = images.select(index)
    steps = build(flags.augment, dataset.image_size).trace(shown.images, index, 0, generator)
    labels = [images.classes[label] for label in shown.labels.tolist()]
    traces = [("original", shown.images), *steps]
    return augmentation_rows(traces, labels, source=source), traces


def other_shapes(flags: Show, size: tuple[int, int], most: int = 6) -> list[np.ndarray]:
    """A few picture files as they are, uint8 (H, W, C); none if all of them have the shape `size`."""
    import torch

    from fieldmark.data.decode.decoder import decode
    from fieldmark.data.load import find
    from fieldmark.figures.tiles import evenly
    from fieldmark.vocabulary import Listing, Undecodable

    _, found = find(flags.data, flags.label, file_column=flags.file_column, split_column=flags.split_column)
    if not isinstance(found, Listing):
        return []
    generator = torch.Generator().manual_seed(flags.seed)
    pictures = []
    for row in evenly(torch.tensor(found.labels), most, generator).tolist():
        try:
            pictures.append(decode(found.root / found.files[row]))
        except Undecodable:
            continue  # loading has told of it already
    return pictures if any(picture.shape[:2] != size for picture in pictures) else []
