"""How the words behind a flag become a value: one reader per kind of value."""

from __future__ import annotations

import ast
import difflib
import json
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

NOTHING = "none"
"""The word that switches a setting off: `--patience none`, `--augment none`."""


@dataclass(frozen=True)
class Wrong:
    """Words that could not be read; kept until the name of their flag is known."""

    text: str
    expects: str
    choices: tuple[str, ...] = ()

    def sentence(self, flag: str) -> str:
        """What was given to `flag`, and what it takes.

        >>> Wrong("ten", "a whole number").sentence("--epochs")
        "--epochs takes a whole number; got 'ten'."
        """
        close = difflib.get_close_matches(self.text, self.choices, n=1, cutoff=0.5)
        closest = f" Closest: {close[0]}." if close else ""
        return f"{flag} takes {self.expects}; got '{self.text}'.{closest}"


@dataclass(frozen=True)
class Reader:
    """metavar: how the help shows the words; many: any number of words, else one; read undoes show."""

    metavar: str
    read: Callable[[list[str]], Any]
    show: Callable[[Any], list[str]]
    many: bool = False


def registry() -> ConstructorRegistry:
    """tyro's rules, with ours for every kind of value that a flag of fieldmark has (switches apart)."""
    rules = ConstructorRegistry()

    @rules.primitive_rule
    def ours(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
        found = reader(info.type)
        if found is None:
            return None
        return PrimitiveConstructorSpec(
            nargs="*" if found.many else 1,
            metavar=found.metavar,
            instance_from_str=found.read,
            is_instance=lambda value: True,
            str_from_instance=found.show,
        )

    return rules


def reader(kind: Any) -> Reader | None:
    """The reader for an annotation: int, float, str, Path, Literal, names, a size, key=value pairs, `| None`.

    None for a kind that has no reader (bool: switches are tyro's).

    >>> reader(tuple[int, int]).read(["64x48"])
    (64, 48)
    >>> reader(int | None).read(["none"]) is None
    True
    """
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _either([choice for choice in arguments if choice is not type(None)], type(None) in arguments)
    if origin is Literal:
        return _choice(arguments)
    if kind == tuple[int, int]:
        return Reader("H[xW]", _read_size, lambda size: ["x".join(str(side) for side in size)])
    if kind == tuple[float, ...]:
        return Reader("FLOAT ...", _read_numbers, _show_numbers, many=True)
    if origin is tuple and arguments[-1:] == (...,):
        return Reader("NAME ...", _read_names, _show_names, many=True)
    if origin is dict:
        return Reader("KEY=VALUE ...", _read_pairs, _show_pairs, many=True)
    simple = {
        int: Reader("INT", _number(int, "a whole number"), _show_one),
        float: Reader("FLOAT", _number(float, "a number"), _show_one),
        str: Reader("TEXT", lambda words: words[0], _show_one),
        Path: Reader("PATH", lambda words: Path(words[0]).expanduser(), _show_one),
    }
    return simple.get(kind)


def _either(choices: list[Any], may_be_nothing: bool) -> Reader | None:
    readers = [reader(choice) for choice in choices]
    if not readers or any(one is None for one in readers):
        return None
    known = [one for one in readers if one is not None]

    def read(words: list[str]) -> Any:
        if may_be_nothing and words == [NOTHING]:
            return None
        tried = [one.read(words) for one in known]
        right = [value for value in tried if not isinstance(value, Wrong)]
        return right[0] if right else _wrong_by_all(tried, may_be_nothing)

    def show(value: Any) -> list[str]:
        return [NOTHING] if value is None else known[0].show(value)

    metavar = "|".join([one.metavar for one in known] + [NOTHING] * may_be_nothing)
    return Reader(metavar, read, show, many=known[0].many)


def _wrong_by_all(tried: Sequence[Wrong], may_be_nothing: bool) -> Wrong:
    expects = [wrong.expects for wrong in tried]
    if may_be_nothing and not expects[-1].endswith(f"or {NOTHING}"):
        expects.append(NOTHING)
    return Wrong(
        tried[0].text, " or ".join(expects), tuple(name for wrong in tried for name in wrong.choices)
    )


def _number(kind: type[int] | type[float], expects: str) -> Callable[[list[str]], Any]:
    def read(words: list[str]) -> Any:
        try:
            return kind(words[0])
        except ValueError:
            return Wrong(words[0], expects)

    return read


def _choice(choices: tuple[str, ...]) -> Reader:
    def read(words: list[str]) -> Any:
        expects = "one of " + ", ".join(choices) if len(choices) > 1 else choices[0]
        return words[0] if words[0] in choices else Wrong(words[0], expects, choices)

    return Reader("{" + ",".join(choices) + "}" if len(choices) > 1 else choices[0], read, _show_one)


def _read_size(words: list[str]) -> Any:
    sides = words[0].lower().split("x")
    if len(sides) > 2 or not all(side.isascii() and side.isdigit() for side in sides):
        return Wrong(words[0], "a size in pixels such as 64, or height x width such as 64x48")
    return int(sides[0]), int(sides[-1])


def _read_names(words: list[str]) -> Any:
    if words == [NOTHING]:
        return ()
    return tuple(words) if words else Wrong("", f"names, one or more, or {NOTHING}")


def _read_numbers(words: list[str]) -> Any:
    read = _number(float, "numbers")
    numbers = [read([word]) for word in words or [""]]
    wrong = [number for number in numbers if isinstance(number, Wrong)]
    return wrong[0] if wrong else tuple(numbers)


def _read_pairs(words: list[str]) -> Any:
    if words == [NOTHING]:
        return {}
    for word in words:
        if not word.partition("=")[0].isidentifier() or "=" not in word:
            return Wrong(word, "key=value pairs such as width=32")
    return {key: literal(text) for key, _, text in (word.partition("=") for word in words)}


def literal(text: str) -> Any:
    """What the text means as JSON or Python, or else the text itself.

    >>> [literal(text) for text in ("32", "0.5", "true", "(3, 5)", "xavier")]
    [32, 0.5, True, (3, 5), 'xavier']
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _show_one(value: Any) -> list[str]:
    return [str(value)]


def _show_names(names: tuple[Any, ...]) -> list[str]:
    return [name if isinstance(name, str) else json.dumps(name) for name in names] or [NOTHING]


def _show_numbers(numbers: tuple[float, ...]) -> list[str]:
    return [f"{number:g}" for number in numbers]


def _show_pairs(pairs: dict[str, Any]) -> list[str]:
    return [f"{key}={value}" for key, value in pairs.items()] or [NOTHING]
