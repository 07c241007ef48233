"""From the words of a command line to a dataclass of flags, by tyro; every complaint becomes one line."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import io
import itertools
import os
import re
import typing
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import tyro
from tyro.constructors import PrimitiveConstructorSpec

from fieldmark.cli.values import Wrong, reader, registry
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


MARK = "\0"
"""Put before words that are no flags, whatever they look like: no word of a command line can hold it."""

HELP = ("-h", "--help")
NEGATIVE = re.compile(r"-\.?\d")
"""How a negative number begins; there are no such flags."""


class UsageError(Exception):
    """A flag that there is none of, or one without its value: one line, exit code 2."""


class Finished(Exception):  # noqa: N818 - not an error: the help is printed and nothing is left to do
    """The help was asked for and printed; exit code 0."""


def parse(default: Flags, words: Sequence[str], *, verb: str) -> Flags:
    """`default` with the flags given in `words`.

    default: a dataclass, its nested ones marked `tyro.conf.OmitArgPrefixes`; the docstring under each field
    is its help. No word behind "--" is a flag. Raises UsageError for an unknown flag or a missing value, and
    for a flag that may be a file's name (see `sorted_out`), UserError for words that do not fit their flag,
    Finished once the help is printed.
    """
    plain, given = sorted_out(words, type(default), verb)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            flags, too_many = tyro.cli(
                type(default),
                args=[*(MARK + word for word in plain), *given],
                prog=f"fieldmark {verb}",
                default=default,
                return_unknown_args=True,
                registry=registry(),
            )
    except SystemExit as stop:
        if not stop.code:
            raise Finished from None
        raise usage(f"these words do not fit together: {' '.join(words)}.", verb) from None
    if too_many:
        raise usage(f"'{too_many[0].removeprefix(MARK)}' is one word too many.", verb)
    flags = _unmarked(flags)
    _check(flags)
    return flags


def sorted_out(words: Sequence[str], kind: Any, verb: str) -> tuple[list[str], list[str]]:
    """The words that are no flags, and the flags with their values, each in their order.

    All behind "--" are no flags. A shell puts the names of files where somebody writes a *, and a name may
    look like a flag (--model=module:function). So a flag is refused that is the name of a file in this
    folder, and one that stands among words of which there may be any number. Raises UsageError for both, for
    an unknown flag, and for one without its value.
    """
    known = takes(kind)
    end = list(words).index("--") if "--" in words else len(words)
    # Behind this many words comes the list of them, if the verb takes one.
    first = known.positional.index("*") if "*" in known.positional else end
    plain: list[str] = []
    given: list[str] = []
    among, position = "", 0
    while position < end:
        word = words[position]
        if not looks_like_a_flag(word):
            if among:
                raise usage(
                    f"the flag {among} stands between {plain[-1]} and {word}. Flags come before all such "
                    f"words or behind them. A file of that name: ./{among}, or behind --.",
                    verb,
                )
            plain.append(word)
            position += 1
            continue
        if os.path.lexists(word):
            raise usage(
                f"{word} is the name of a file in this folder, so a * may have put it where a flag stands. "
                f"The file: ./{word}, or behind --. The flag: from another folder.",
                verb,
            )
        found = _with_values(words[position:end], known.flags, names(kind), verb)
        given += found
        position += len(found)
        among = word if len(plain) > first else ""
    return [*plain, *words[end + 1 :]], given


def _with_values(
    words: Sequence[str], counts: dict[str, int | str], flags: Sequence[str], verb: str
) -> list[str]:
    """The flag that `words` begin with, and the words behind it that are its values."""
    name, joined, value = words[0].partition("=")
    name = name.replace("_", "-")
    if name not in counts:
        raise usage(_about_unknown(name, flags), verb)
    count = counts[name]
    if count == 0 and joined:
        raise usage(f"{name} takes no value; got '{value}'.", verb)
    if count == 0 or joined:
        return [words[0]]
    most = len(words) - 1 if count == "*" else 1
    values = list(itertools.takewhile(lambda word: not looks_like_a_flag(word), words[1 : most + 1]))
    if count == 1 and not values:
        raise usage(f"{name} needs a value behind it.", verb)
    return [words[0], *values]


def looks_like_a_flag(word: str) -> bool:
    """Whether it begins with a dash, and is neither - (stdin) nor a negative number.

    >>> [looks_like_a_flag(word) for word in ("--out", "-h", "-", "-0.5", "-.5", "out")]
    [True, True, False, False, False, False]
    """
    return word.startswith("-") and word != "-" and NEGATIVE.match(word) is None


@dataclasses.dataclass(frozen=True)
class Takes:
    """How many words follow what: 0, 1, or "*" for any number.

    flags: by flag; positional: of the words without a flag, in their order.
    """

    flags: dict[str, int | str]
    positional: list[int | str]


def takes(kind: Any) -> Takes:
    """How many words the flags of a dataclass take.

    >>> from fieldmark.recipe import Recipe
    >>> found = takes(Recipe).flags
    >>> found["--epochs"], found["--mean"], found["--no-channels-last"]
    (1, '*', 0)
    """
    found = Takes(dict.fromkeys(HELP, 0), [])
    hints, kinds = typing.get_type_hints(kind, include_extras=True), typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        plain = kinds[field.name]
        if dataclasses.is_dataclass(plain):
            found.flags.update(takes(plain).flags)
            continue
        extras = getattr(hints[field.name], "__metadata__", ())
        read = reader(plain)
        count: int | str = 0 if read is None else "*" if read.many else 1
        if any(isinstance(one, PrimitiveConstructorSpec) for one in extras):
            count = "*"
        if tyro.conf.Positional in extras:
            found.positional.append(count)
            continue
        found.flags[flag(field)] = count
        if hints[field.name] is bool:
            found.flags[flag(field).replace("--", "--no-", 1)] = 0
    return found


def _unmarked(flags: Flags) -> Flags:
    """The flags with the words as they were typed."""
    changed: dict[str, Any] = {}
    for field in dataclasses.fields(flags):  # type: ignore[arg-type]  # a dataclass, as `parse` says
        value = getattr(flags, field.name)
        if isinstance(value, str):
            changed[field.name] = value.removeprefix(MARK)
        elif isinstance(value, tuple):
            changed[field.name] = tuple(
                word.removeprefix(MARK) if isinstance(word, str) else word for word in value
            )
    return dataclasses.replace(flags, **changed)  # type: ignore[type-var]


def usage(sentence: str, verb: str) -> UsageError:
    """The error for a command line that lacks something, with the pointer to the help."""
    return UsageError(f"{sentence} All flags: fieldmark {verb} --help")


def names(kind: Any) -> list[str]:
    """The flags that a dataclass has, as typed.

    >>> from fieldmark.recipe import Recipe
    >>> names(Recipe)[:3]
    ['--model', '--options', '--init']
    """
    return [name for name in takes(kind).flags if name not in HELP]


def flag(field: dataclasses.Field[Any]) -> str:
    """How a field is typed; `metadata={"flag": ...}` names one whose word Python keeps for itself."""
    return "--" + str(field.metadata.get("flag", field.name)).replace("_", "-")


def value_of(name: str, words: Sequence[str]) -> str | None:
    """What `words` gives for the flag `name`, the last time it is there; None without it.

    Behind "--" there are no flags.

    >>> value_of("--model", ["photos", "--model", "deep", "--model=wide", "--", "--model=other"])
    'wide'
    """
    found = None
    for position, word in enumerate(words):
        if word == "--":
            break
        if word == name and position + 1 < len(words):
            found = words[position + 1]
        elif word.startswith(name + "="):
            found = word.partition("=")[2]
    return found


def with_value(
    words: Sequence[str], name: str, standing_for: str, is_value: Callable[[str], bool]
) -> list[str]:
    """`words`, with the value that the flag `name` stands for put behind it where it has none.

    The next word is its value if `is_value` says so and it is no flag; name=value always is one. Behind "--"
    there are no flags.

    >>> with_value(["--fast", "photos", "--", "--fast"], "--fast", "very", str.isdigit)
    ['--fast', 'very', 'photos', '--', '--fast']
    """
    end = list(words).index("--") if "--" in words else len(words)
    result = []
    for word, following in zip(words[:end], [*words[1:end], "--"][:end], strict=True):
        result.append(word)
        if word == name and (following.startswith("-") or not is_value(following)):
            result.append(standing_for)
    return [*result, *words[end:]]


def _check(flags: Any) -> None:
    for field in dataclasses.fields(flags):
        value = getattr(flags, field.name)
        if isinstance(value, Wrong):
            raise UserError(value.sentence(flag(field)))
        if dataclasses.is_dataclass(value):
            _check(value)


def _about_unknown(typed: str, known: Sequence[str]) -> str:
    ours = FAMILIAR.get(typed)
    close = [ours] if ours in known else difflib.get_close_matches(typed, known, n=1, cutoff=0.5)
    closest = f" Closest: {close[0]}." if close else ""
    return f"there is no flag {typed}.{closest}"
