"""`fieldmark inspect MODEL|RUN ...`: what a network is made of, or in what two of them differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from tyro.constructors import PrimitiveConstructorSpec

from fieldmark.cli.output import check_free, to_json
from fieldmark.cli.parsing import Switch, parse, usage
from fieldmark.errors import UserError
from fieldmark.files import write_text
from fieldmark.recipe import refuse_settled

if TYPE_CHECKING:
    from fieldmark.inspection.findings import Inspection

SIDE, CHANNELS, CLASSES = 224, 3, 10
"""What a network is inspected for unless told otherwise; the side only where none was published for it."""

Networks = PrimitiveConstructorSpec(
    nargs="*",
    metavar="MODEL|RUN ...",
    instance_from_str=tuple,
    is_instance=lambda value: True,
    str_from_instance=list,
)


@dataclass(frozen=True)
class Inspect:
    """What a network is made of: layers, parameters, FLOPs, memory, what each output sees of the picture.

    MODEL is a name (fieldmark list models), timm:NAME, or module:function of your own; RUN is a run or a
    classifier folder. Two of them are shown side by side, with the rows that differ; of more, the totals.
    """

    networks: Annotated[
        tuple[str, ...], tyro.conf.Positional, Networks, tyro.conf.arg(help_behavior_hint="(needed)")
    ] = ()
    """Networks, one or more."""
    image_size: tuple[int, int] | None = None
    """none: what the network was published for (224 for one of your own), or what RUN takes."""
    channels: int | None = None
    """none: 3, or what RUN takes."""
    classes: int | None = None
    """none: 10, or those of RUN."""
    options: dict[str, Any] = field(default_factory=dict)
    """Of MODEL, such as width=8 stem=published."""
    batch_size: int = 64
    """Pictures in a training step, whose memory is told."""
    depth: int | None = None
    """Parts of a name that are told apart in the table; 0: every layer; none: as many as fit a screen."""
    out: Path | None = None
    """Draw the network into this file, name.svg."""
    overwrite: Switch = False
    """Replace the file --out."""
    json: Switch = False
    """Print one JSON object on stdout; several networks are a list under "models"."""
    model: Annotated[str | None, tyro.conf.arg(metavar="MODULE:FUNCTION")] = None
    """Your own network again, for a RUN that was trained with it; nothing is imported by itself."""


def inspect(words: Sequence[str]) -> int:
    """`fieldmark inspect`."""
    flags = parse(Inspect(), words, verb="inspect")
    check(flags)
    found = [inspected(word, flags) for word in flags.networks]
    if flags.out is not None:
        draw(found[0], flags.out)
    if flags.json:
        from fieldmark.cli.inspect_document import document

        documents = [document(one) for one in found]
        print(to_json(documents[0] if len(found) == 1 else {"models": documents}))
        return 0
    from fieldmark.cli.inspect_side_by_side import side_by_side
    from fieldmark.cli.inspect_table import single

    lines = single(found[0], flags.depth) if len(found) == 1 else side_by_side(found, flags.depth)
    print("\n".join(lines))
    if flags.out is not None:
        print(f"\nDrawing: {flags.out}")
    return 0


def check(flags: Inspect) -> None:
    """Raises UserError and UsageError for what is wrong before any network is made."""
    if not flags.networks:
        raise usage("which network? fieldmark inspect MODEL, or a run or classifier folder.", "inspect")
    for name, value in (("--channels", flags.channels), ("--batch-size", flags.batch_size)):
        if value is not None and value < 1:
            raise UserError(f"{name} {value}: at least 1.")
    if flags.image_size is not None and min(flags.image_size) < 1:
        raise UserError("--image-size: at least 1 pixel along a side.")
    if flags.classes is not None and flags.classes < 2:
        raise UserError(f"--classes {flags.classes}: at least 2.")
    if flags.depth is not None and flags.depth < 0:
        raise UserError(f"--depth {flags.depth}: 1 or more, or 0 for every layer.")
    if flags.model is not None and not any(map(is_folder, flags.networks)):
        raise UserError(f"--model {flags.model} is for a RUN; name {flags.model} itself as the network.")
    refuse_settled(flags.options)
    if "batch_size" in flags.options:
        raise UserError("batch_size is no option of a network; --batch-size is meant.")
    if "model" in flags.options:
        raise UserError(f"{flags.networks[0]} has no option 'model'; name the network itself as the network.")
    if flags.out is None:
        return
    if len(flags.networks) > 1:
        raise UserError(f"--out draws one network; {len(flags.networks)} are given.")
    if flags.out.suffix.lower() != ".svg":
        raise UserError(f"--out {flags.out}: the drawing is an SVG file; end the name in .svg.")
    check_free(flags.out, flags.overwrite)


def inspected(word: str, flags: Inspect) -> Inspection:
    """The inspection of what `word` names. Raises UserError for a word that names nothing."""
    from fieldmark.families import unknown
    from fieldmark.models import MODELS, TIMM, is_own

    if word in MODELS or word.startswith(TIMM):
        return of_model(word, flags)
    if is_folder(word):
        return of_run(word, flags)
    if is_own(word):
        return of_own(word, flags)
    raise UserError(f"there is no folder {word}, and {unknown(word, MODELS, 'model')}")


def is_folder(word: str) -> bool:
    return Path(word).expanduser().is_dir()


def of_model(name: str, flags: Inspect) -> Inspection:
    """Of an architecture by name. The small stem is said where it was not asked for."""
    from fieldmark.inspection.inspector import inspect
    from fieldmark.models import about, settled
    from fieldmark.models.stems import SMALL_BELOW

    size = flags.image_size or (about(name).published_size,) * 2
    options = settled(name, size, flags.options)
    found = inspect(
        name,
        size,
        in_channels=flags.channels or CHANNELS,
        num_classes=flags.classes or CLASSES,
        batch_size=flags.batch_size,
        **options,
    )
    if options.get("stem") != "small" or flags.options.get("stem") is not None:
        return found
    stem = (
        f"stem small: first layer 3x3 stride 1, no early pooling (pictures below {SMALL_BELOW} pixels); "
        "--options stem=published for the paper's."
    )
    return replace(found, notes=(stem, *found.notes))


def of_own(reference: str, flags: Inspect) -> Inspection:
    """Of a network of the user's own, which is imported as he names it himself."""
    from fieldmark.cli.opening import import_from_here
    from fieldmark.inspection.inspector import inspect_module
    from fieldmark.models.building import call, foreign

    import_from_here(reference)
    channels, size = flags.channels or CHANNELS, flags.image_size or (SIDE, SIDE)
    network = call(
        foreign(reference),
        num_classes=flags.classes or CLASSES,
        in_channels=channels,
        image_size=size,
        **flags.options,
    )
    return inspect_module(network, reference, (channels, *size), flags.batch_size)


def of_run(path: str, flags: Inspect) -> Inspection:
    """Of a trained network. Raises UserError for flags that contradict what it was trained for."""
    from fieldmark.cli.opening import open_classifier
    from fieldmark.inspection.inspector import inspect_module

    classifier = open_classifier(path, flags.model)
    takes = classifier.preprocessing
    if flags.options:
        raise UserError(f"{path} has options of its own; leave out --options.")
    for name, given, own in (
        ("--image-size", flags.image_size, takes.image_size),
        ("--channels", flags.channels, takes.channels),
        ("--classes", flags.classes, len(classifier.classes)),
    ):
        if given not in (None, own):
            spelled = "x".join(map(str, own)) if isinstance(own, tuple) else own
            raise UserError(f"{path} was trained with {name} {spelled}; leave out {name}, or give that.")
    return inspect_module(
        classifier.model, classifier.name, (takes.channels, *takes.image_size), flags.batch_size
    )


def draw(found: Inspection, out: Path) -> None:
    from fieldmark.diagram.drawing import draw_network

    write_text(out, draw_network(found))
