"""`fieldmark train DATA`: the flags of a run, the recipe they make, and what is said when it is done."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro

from fieldmark import world
from fieldmark.cli.failures import out_of_memory
from fieldmark.cli.machine import check_threads
from fieldmark.cli.opening import check_own
from fieldmark.cli.output import STOPPED, percent, to_json
from fieldmark.cli.parsing import Switch, flag, parse, usage, value_of, with_value
from fieldmark.cli.values import NOTHING
from fieldmark.errors import TrainingError, UserError
from fieldmark.printable import printable
from fieldmark.recipe import PUBLIC, Recipe
from fieldmark.runs.suggestion import suggested
from fieldmark.training.presets import find_recipe

LIMITS = ("max_minutes", "patience")
"""The settings that may be given with --resume (fieldmark.runs.sitting.resume)."""

AMPLE = (512, 512)
"""A picture size that every architecture takes."""

WEIGHTS, TABLES = (".pth", ".pt", ".bin", ".ckpt", ".safetensors"), (".csv", ".tsv", ".parquet")
"""How files of weights are called, and tables of pictures."""

ENDS = {
    "stopped": "Stopped. Go on: fieldmark train --resume {run}",
    "time": "The time of --max-minutes was up before all epochs were done. Give it more: fieldmark train "
    "--resume {run} --max-minutes MORE",
    "patience": "Stopped by --patience: no lower validation loss for that long.",
}
"""What is said of a run that ended before its last epoch."""


@dataclass(frozen=True)
class Settings(Recipe):
    """The defaults shown are those of the model, of fine-tuning (--from, --pretrained), or of --recipe."""

    pretrained: Annotated[str | None, tyro.conf.arg(metavar="[FILE]")] = None
    """Start from published weights: those of the model's name, or a FILE of them (.pth, .safetensors)."""

    def __post_init__(self) -> None:
        """Check nothing yet: words that do not fit are told by their flag, all else by `Recipe`."""


@dataclass(frozen=True)
class Train:
    """Train a classifier on pictures and write a run folder.

    DATA is the name of a set (fieldmark list data), a folder with a subfolder per class, or a table of file
    names and labels.
    """

    data: Annotated[
        str,
        tyro.conf.Positional,
        tyro.conf.arg(metavar="DATA", help_behavior_hint="(needed, save with --resume)"),
    ] = ""
    """A name, a folder or a table."""
    recipe: Annotated[str | None, tyro.conf.arg(metavar="NAME|FILE")] = None
    """Settings to start from: a name (fieldmark list recipes), or a recipe.json such as a run has."""
    out: Path | None = None
    """The run folder; none takes the next free runs/DATA-MODEL-N."""
    overwrite: Switch = False
    """Replace the run that is in --out."""
    start_from: Annotated[Path | None, tyro.conf.arg(name="from")] = field(
        default=None, metadata={"flag": "from"}
    )
    """Start from the weights of a run, a classifier folder, a .safetensors file or a state_dict file."""
    resume: Path | None = None
    """Go on with this run where it was stopped; DATA and settings are its own, save for the limits
    --max-minutes and --patience, which may be raised."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, mps."""
    threads: int | None = None
    """Processor threads; none lets torch decide."""
    tensorboard: Switch = False
    """Write TensorBoard files into the run folder, too."""
    json: Switch = False
    """Print one JSON object on stdout when done."""
    settings: Annotated[Settings, tyro.conf.OmitArgPrefixes] = field(default_factory=Settings)


def train(words: Sequence[str]) -> int:
    """`fieldmark train`."""
    world.refuse_many()
    words = with_value(words, "--pretrained", PUBLIC, may_be_weights)
    base = starting_recipe(words)
    flags = parse(Train(settings=Settings(**_fields(base))), words, verb="train")
    _refuse_commas(flags.settings)
    recipe = Recipe(**_fields(flags.settings))
    chosen = given(words)
    _check(flags, chosen)

    named = value_of("--model", words)
    check_own(recipe.model, named)
    check_network(recipe)

    from fieldmark.runs import sitting
    from fieldmark.runs.record import process_start
    from fieldmark.runs.screen import screen

    with closing(screen()) as display, fitting(recipe):
        if flags.resume is not None:
            run = sitting.resume(
                flags.resume,
                model=named,
                device=flags.device,
                threads=flags.threads,
                tensorboard=flags.tensorboard,
                began=process_start(),
                progress=display,
                **{name: getattr(recipe, name) for name in chosen},
            )
        else:
            run = sitting.train_run(
                flags.data,
                recipe,
                given=None if flags.recipe is not None else chosen,
                model=named,
                out=flags.out,
                overwrite=flags.overwrite,
                device=flags.device,
                threads=flags.threads,
                start_from=flags.start_from,
                in_use=[] if flags.recipe is None else [Path(flags.recipe)],
                tensorboard=flags.tensorboard,
                began=process_start(),
                progress=display,
            )
    summary = run.summary()
    print(to_json(summary) if flags.json else told(summary))
    return STOPPED if summary["status"] == "stopped" else 0


def starting_recipe(words: Sequence[str]) -> Recipe:
    """The recipe whose values are the flags' defaults: of --resume, of --recipe, or what suits --model, with
    --from or --pretrained for fine-tuning.

    Raises UserError when what they name is not there.
    """
    model, named = value_of("--model", words), value_of("--recipe", words)
    resumed, started = value_of("--resume", words), value_of("--from", words)
    pretrained = value_of("--pretrained", words)
    if resumed is not None:
        return Recipe.load(_recipe_of(resumed))
    if named is not None:
        return find_recipe(named)
    weights = None if pretrained == NOTHING else pretrained
    return suggested(model, None if started is None else Path(started), weights)


def given(words: Sequence[str]) -> set[str]:
    """The settings of a recipe that the words name, be it with the value that they would have anyway.

    >>> sorted(given(["photos", "--batch-size=256", "--no-channels-last", "--out", "run"]))
    ['batch_size', 'channels_last']
    """
    typed = {word.partition("=")[0].replace("_", "-") for word in words}
    switched = {word.replace("--no-", "--", 1) for word in typed}
    return {field.name for field in dataclasses.fields(Recipe) if flag(field) in typed | switched}


def may_be_weights(word: str) -> bool:
    """Whether the word after --pretrained is its FILE, and not DATA, which may stand there, too.

    >>> may_be_weights("resnet18-f37072fd.pth"), may_be_weights("photos/")
    (True, False)
    """
    path = Path(word).expanduser()
    suffix = path.suffix.lower()
    return word in (PUBLIC, NOTHING) or suffix in WEIGHTS or (suffix not in TABLES and path.is_file())


def check_network(recipe: Recipe) -> None:
    """Raises UserError for a network that cannot be made, before the pictures are decoded for it."""
    import torch

    from fieldmark.models import create, is_own
    from fieldmark.models.building import foreign

    if is_own(recipe.model):
        foreign(recipe.model)
        return
    with torch.device("meta"):
        create(recipe.model, 2, 3, recipe.image_size or AMPLE, **recipe.network_options())


@contextmanager
def fitting(recipe: Recipe) -> Iterator[None]:
    """Turn running out of memory into the flags that need half of it and give the same steps."""
    try:
        yield
    except Exception as error:
        if not out_of_memory(error) or recipe.batch_size == 1:
            raise
        half, double = recipe.batch_size // 2, recipe.accumulate * 2
        raise TrainingError(
            f"not enough memory for batches of {recipe.batch_size} pictures. "
            f"Try --batch-size {half} --accumulate {double}, which makes steps of the same size."
        ) from error


def told(summary: dict[str, object]) -> str:
    """What a person reads when a run is over."""
    run, val = printable(summary["run"]), summary["val"]
    assert isinstance(val, dict)
    kept = f"epoch {summary['best_epoch']} of {summary['epochs']} is kept"
    if summary["epochs"] == 0:
        kept = "no epoch was finished; the weights are kept as they were"
    lines = [
        f"{run}: {kept}, "
        f"validation accuracy {percent(val['accuracy'])}, {float(str(summary['seconds'])):.0f} s in all.",
    ]
    if summary["status"] in ENDS:
        lines.append(ENDS[str(summary["status"])].format(run=run))
    lines.append(f"Figures: {run}/figures. Next: fieldmark evaluate {run}")
    return "\n".join(lines)


def _fields(recipe: Recipe) -> dict[str, Any]:
    # Not asdict, which copies deeply and turns tuples' members about.
    return {f.name: getattr(recipe, f.name) for f in dataclasses.fields(Recipe)}


def _recipe_of(run: str) -> Path:
    path = Path(run).expanduser() / "recipe.json"
    if not path.is_file():
        raise UserError(
            f"{run} is not a run: it has no recipe.json. A run is the folder that training wrote."
        )
    return path


def _check(flags: Train, chosen: Collection[str]) -> None:
    check_threads(flags.threads)
    if flags.resume is None:
        if not flags.data:
            raise usage("which pictures? fieldmark train DATA, say sample, mnist, or a folder.", "train")
        return
    own = {"DATA": flags.data, "--out": flags.out, "--recipe": flags.recipe, "--from": flags.start_from}
    besides = [name for name, value in own.items() if value]
    besides += [flag(f) for f in dataclasses.fields(Recipe) if f.name in chosen and f.name not in LIMITS]
    if besides:
        raise usage(
            f"--resume goes on with the run's own data and settings; leave out {besides[0]}. Only "
            f"{' and '.join('--' + name.replace('_', '-') for name in LIMITS)} may be given.",
            "train",
        )


def _refuse_commas(settings: Settings) -> None:
    for name in ("classes", "augment"):
        given: tuple[Any, ...] = getattr(settings, name) or ()
        if len(given) == 1 and isinstance(given[0], str) and "," in given[0]:
            raise UserError(f"--{name} {given[0]}: more than one is given with spaces between, no commas.")
