"""`fieldmark list models|data|recipes|augmentations|kernels`: what there is, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from fieldmark.cli.output import print_table, to_json
from fieldmark.cli.parsing import Switch, parse, usage
from fieldmark.errors import UserError
from fieldmark.families import unknown


@dataclass(frozen=True)
class Family:
    """Say what there is: models, data, recipes, augmentations or kernels."""

    family: Annotated[
        str, tyro.conf.Positional, tyro.conf.arg(metavar="FAMILY", help_behavior_hint="(needed)")
    ] = ""
    """models, data, recipes, augmentations or kernels."""
    json: Switch = False
    """Print one JSON object on stdout."""


def listing(words: Sequence[str]) -> int:
    """`fieldmark list`."""
    flags = parse(Family(), words, verb="list")
    if not flags.family:
        raise usage(f"list what? fieldmark list {'|'.join(FAMILIES)}.", "list")
    if flags.family not in FAMILIES:
        raise UserError(unknown(flags.family, FAMILIES, "family"))
    rows = FAMILIES[flags.family]()
    if flags.json:
        print(to_json({flags.family: rows}))
        return 0
    columns = list(rows[0])
    numbers = [column for column in columns if type(rows[0][column]) is int]
    titles = [column.replace("_", " ") for column in columns]
    print_table(
        titles,
        [[["", "yes"][cell] if isinstance(cell, bool) else cell for cell in row.values()] for row in rows],
        numbers=[column.replace("_", " ") for column in numbers],
    )
    return 0


def models() -> list[dict[str, Any]]:
    """The architectures, the picture side each was published for and the smallest it takes, in pixels.

    `pretrained` says whether published weights are found by the name alone.
    """
    from fieldmark.models import ABOUT
    from fieldmark.weights.public_files import PUBLIC_FILES

    return [
        {
            "name": name,
            "published_size": about.published_size,
            "smallest": about.smallest,
            "pretrained": name in PUBLIC_FILES,
            "summary": about.summary,
        }
        for name, about in ABOUT.items()
    ]


def data() -> list[dict[str, Any]]:
    """The named sets; a folder or a table goes by its path."""
    from fieldmark.data.sources import ABOUT

    return [
        {
            "name": name,
            "pictures": about.pictures,
            "size": "x".join(map(str, about.size)),
            "classes": about.classes,
            "summary": about.summary,
        }
        for name, about in ABOUT.items()
    ]


def recipes() -> list[dict[str, Any]]:
    """The recipes for `--recipe`, and the models that train with each unless told otherwise."""
    from fieldmark.families import resolve
    from fieldmark.training.presets import PRESETS, RECIPES

    rows = []
    for name in sorted(RECIPES):
        make = resolve(RECIPES, name, "recipe")
        models = [model for model, chosen in PRESETS.items() if chosen == name]
        summary = (make.__doc__ or "").strip().splitlines()
        rows.append({"name": name, "default_of": ", ".join(models), "summary": summary[0] if summary else ""})
    return rows


def augmentations() -> list[dict[str, Any]]:
    """The steps for `--augment`."""
    from fieldmark.training.augmentation import ABOUT

    return [{"name": name, "summary": summary} for name, summary in ABOUT.items()]


def kernels() -> list[dict[str, Any]]:
    """The kernels for `fieldmark convolve`, and the options that each takes, with their defaults."""
    from fieldmark.cli.taps import taken_by
    from fieldmark.conv.kernels import KERNELS
    from fieldmark.families import resolve

    rows = []
    for name in KERNELS:
        summary = (resolve(KERNELS, name, "kernel").__doc__ or "").strip().splitlines()
        options = ", ".join(
            option if default is None else f"{option} {default:g}"
            for option, default in taken_by(name).items()
        )
        rows.append({"name": name, "options": options, "summary": summary[0] if summary else ""})
    return rows


FAMILIES: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "models": models,
    "data": data,
    "recipes": recipes,
    "augmentations": augmentations,
    "kernels": kernels,
}
