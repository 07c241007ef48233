"""From the words of a command line to a dataclass of flags, by tyro; every complaint becomes one line."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import io
import re
import typing
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import tyro

from fieldmark.cli.values import Wrong, registry
from fieldmark.errors import UserError

Flags = TypeVar("Flags")

Switch = Annotated[bool, tyro.conf.FlagCreatePairsOff]
"""A flag that is off unless given; a plain bool also has its --no- twin."""

FAMILIAR = {
    "--lr": "--learning-rate",
    "--wd": "--weight-decay",
    "--bs": "--batch-size",
    "--size": "--image-size",
    "--augmentation": "--augment",
    "--weights": "--pretrained",
    "--finetune": "--pretrained",
    "--output": "--out",
    "--force": "--overwrite",
}
"""What other tools call a flag of ours, where no likeness in spelling would lead to it."""


class UsageError(Exception):
    """A flag that there is none of, or one without its value: one line, exit code 2."""


class Finished(Exception):  # noqa: N818 - not an error: the help is printed and nothing is left to do
    """The help was asked for and printed; exit code 0."""


def parse(default: Flags, words: Sequence[str], *, verb: str) -> Flags:
    """`default` with the flags given in `words`.

    default: a dataclass, its nested ones marked `tyro.conf.OmitArgPrefixes`; the docstring under each field
    is its help. Raises UsageError for an unknown flag or a missing value, UserError for words that do not fit
    their flag, Finished once the help is printed.
    """
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            flags, unknown = tyro.cli(
                type(default),
                args=list(words),
                prog=f"fieldmark {verb}",
                default=default,
                return_unknown_args=True,
                registry=registry(),
            )
    except SystemExit as stop:
        if not stop.code:
            raise Finished from None
        raise usage(_unboxed(complaint.getvalue()), verb) from None
    if unknown:
        raise usage(_about_unknown(unknown, names(type(default))), verb)
    _check(flags)
    return flags


def usage(sentence: str, verb: str) -> UsageError:
    """The error for a command line that lacks something, with the pointer to the help."""
    return UsageError(f"{sentence} All flags: fieldmark {verb} --help")


def names(kind: Any) -> list[str]:
    """The flags that a dataclass has, as typed.

    >>> from fieldmark.recipe import Recipe
    >>> names(Recipe)[:3]
    ['--model', '--options', '--init']
    """
    found: list[str] = []
    hints, kinds = typing.get_type_hints(kind, include_extras=True), typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        if dataclasses.is_dataclass(kinds[field.name]):
            found += names(kinds[field.name])
        else:
            found.append(flag(field))
            if hints[field.name] is bool:
                found.append(flag(field).replace("--", "--no-", 1))
    return found


def flag(field: dataclasses.Field[Any]) -> str:
    """How a field is typed; `metadata={"flag": ...}` names one whose word Python keeps for itself."""
    return "--" + str(field.metadata.get("flag", field.name)).replace("_", "-")


def value_of(name: str, words: Sequence[str]) -> str | None:
    """What `words` gives for the flag `name`, the last time it is there; None without it.

    >>> value_of("--model", ["photos", "--model", "deep", "--model=wide"])
    'wide'
    """
    found = None
    for position, word in enumerate(words):
        if word == name and position + 1 < len(words):
            found = words[position + 1]
        elif word.startswith(name + "="):
            found = word.partition("=")[2]
    return found


def with_value(
    words: Sequence[str], name: str, standing_for: str, is_value: Callable[[str], bool]
) -> list[str]:
    """`words`, with the value that the flag `name` stands for put behind it where it has none.

    The next word is its value if `is_value` says so and it is no flag; name=value always is one.

    >>> with_value(["--fast", "photos"], "--fast", "very", str.isdigit)
    ['--fast', 'very', 'photos']
    """
    result = []
    for word, following in zip(words, [*words, "--"][1:], strict=True):
        result.append(word)
        if word == name and (following.startswith("-") or not is_value(following)):
            result.append(standing_for)
    return result


def _check(flags: Any) -> None:
    for field in dataclasses.fields(flags):
        value = getattr(flags, field.name)
        if isinstance(value, Wrong):
            raise UserError(value.sentence(flag(field)))
        if dataclasses.is_dataclass(value):
            _check(value)


def _about_unknown(words: Sequence[str], known: Sequence[str]) -> str:
    flags = [word.partition("=")[0] for word in words if word.startswith("-") and len(word) > 1]
    if not flags:
        return f"'{words[0]}' is one word too many."
    typed = flags[0].replace("_", "-")
    ours = FAMILIAR.get(typed)
    close = [ours] if ours in known else difflib.get_close_matches(typed, known, n=1, cutoff=0.5)
    closest = f" Closest: {close[0]}." if close else ""
    return f"there is no flag {flags[0]}.{closest}"


def _unboxed(text: str) -> str:
    """tyro's message without the frame around it, its title, and its pointer to the help."""
    plain = re.sub(r"\x1b\[[0-9;]*m|[^\x20-\x7e\n]", "", text)
    lines = [line.strip("| ") for line in plain.splitlines()]
    told = [line for line in lines if line and not set(line) <= set("-+|")]
    body = [line for line in told[1:] if not line.startswith(("For full", "See ", "fieldmark "))] or told
    return " ".join(body)
