"""`fieldmark predict RUN PATHS...`: a row per picture."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.constructors import PrimitiveConstructorSpec

from fieldmark.cli import answers
from fieldmark.cli.machine import use
from fieldmark.cli.output import check_free, print_file, say, to_json
from fieldmark.cli.parsing import Switch, parse, usage
from fieldmark.errors import UserError

FORMATS = ("table", "csv", "json", "parquet")

Paths = PrimitiveConstructorSpec(
    nargs="*",
    metavar="PATHS...",
    instance_from_str=tuple,
    is_instance=lambda value: True,
    str_from_instance=list,
)
"""Words as they are: a file may have any name."""


@dataclass(frozen=True)
class Predict:
    """Name what is on pictures.

    PATHS are files, folders (searched through, in natural order), globs, tables of file names (.csv, .tsv,
    .parquet), or - for file names on stdin, one a line. A file named explicitly always gets a row, and so
    does a folder that cannot be listed. Exit code 0 if any picture could be read, else 1.
    """

    run: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN", help_behavior_hint="(needed)")] = (
        ""
    )
    """A run or a classifier folder."""
    paths: Annotated[
        tuple[str, ...], tyro.conf.Positional, Paths, tyro.conf.arg(help_behavior_hint="(needed)")
    ] = ()
    """Pictures."""
    top_k: int = 3
    """So many classes for each picture, at most as many as there are."""
    format: Literal["table", "csv", "json", "parquet"] | None = None
    """none: what the name of --out ends in, else a table. parquet needs --out."""
    json: Switch = False
    """Print one JSON object on stdout; the same as --format json."""
    out: Path | None = None
    """Write into this file instead of to stdout."""
    overwrite: Switch = False
    """Replace the file --out."""
    tta: Switch = False
    """Mean over the picture and its mirror."""
    strict: Switch = False
    """Exit code 1 if any picture could not be read."""
    any_extension: Switch = False
    """Know pictures in folders by their content, whatever they are called."""
    file_column: str | None = None
    """The column of a table with the file names or the pictures; none: found by its name."""
    model: Annotated[str | None, tyro.conf.arg(metavar="MODULE:FUNCTION")] = None
    """Your own network again, for a classifier that was trained with it; nothing is imported by itself."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, mps."""
    threads: int | None = None
    """Processor threads; none lets torch decide."""


def predict(words: Sequence[str]) -> int:
    """`fieldmark predict`."""
    flags = parse(Predict(), words, verb="predict")
    if not flags.run or not flags.paths:
        raise usage("which classifier, and which pictures? fieldmark predict RUN PATHS...", "predict")
    form = chosen_format(flags)
    rows = predictions(flags)
    top_k = max([len(row["scores"]) for row in rows] + [1])
    if flags.out is not None:
        answers.write(rows, flags.out, form, top_k)
    elif form == "csv":
        print_file(answers.to_csv(rows, top_k))
    elif form == "json":
        print(to_json({"predictions": rows}))
    else:
        answers.show(rows)
    return exit_code(rows, flags)


def predictions(flags: Predict) -> list[answers.Row]:
    """A row for every file that was found. Raises UserError when there is none."""
    from fieldmark.cli.inputs import find
    from fieldmark.cli.opening import open_classifier
    from fieldmark.runs.screen import screen

    device = use(flags.device, flags.threads)
    classifier = open_classifier(flags.run, flags.model)
    found = find(flags.paths, sys.stdin, any_extension=flags.any_extension, file_column=flags.file_column)
    if found.others:
        kinds = ", ".join(
            f"{count} {kind or 'without extension'}" for kind, count in found.others.most_common()
        )
        by = "content" if flags.any_extension else "extension"
        hint = "" if flags.any_extension else " --any-extension looks into them."
        say(f"left out, as they are no pictures by their {by}: {found.others.total()} ({kinds}).{hint}")
    if not found.files:
        raise UserError(f"no pictures in {' '.join(flags.paths)}.")
    with closing(screen()) as display:
        found_rows = classifier.predict(
            found.files, top_k=flags.top_k, tta=flags.tta, device=device, progress=display.stage
        )
    rows = [one.to_json() for one in found_rows]
    for row in rows:
        if row["file"] in found.reasons:
            row["reason"] = found.reasons[row["file"]]
    return rows


def chosen_format(flags: Predict) -> str:
    """The format asked for, or the one that --out ends in. Raises UserError when they do not go together."""
    if flags.top_k < 1:
        raise UserError(f"--top-k {flags.top_k}: at least 1.")
    by_name = flags.out.suffix.lstrip(".").lower() if flags.out is not None else "table"
    form = flags.format or ("json" if flags.json else by_name)
    if flags.json and form != "json":
        raise UserError(f"--json and --format {form} contradict each other; leave one out.")
    if flags.out is None and form == "parquet":
        raise UserError("--format parquet needs --out FILE.")
    if flags.out is not None:
        if form not in FORMATS[1:]:
            raise UserError(f"--out {flags.out}: in which format? End its name in .csv, .json or .parquet.")
        check_free(flags.out, flags.overwrite)
    return form


def exit_code(rows: Sequence[answers.Row], flags: Predict) -> int:
    """0 if any row is ok, or with --strict if all are; what failed is counted on stderr."""
    counts = Counter(row["status"] for row in rows)
    if counts.total() > counts["ok"]:
        say(
            f"{counts.total()} picture{'s' if counts.total() > 1 else ''}: "
            + ", ".join(f"{count} {status}" for status, count in counts.items())
        )
    return int(counts["ok"] < (len(rows) if flags.strict else 1))
