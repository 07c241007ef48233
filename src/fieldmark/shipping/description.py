"""What classifier.json says, checked to the last value."""

from __future__ import annotations

import re
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fieldmark.errors import ClassifierError
from fieldmark.recipe import MOST_PIXELS, ResizeRule
from fieldmark.vocabulary import Preprocessing

FORMAT = 1
DESCRIPTION, WEIGHTS = "classifier.json", "weights.safetensors"
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
"""A name inside the folder: never a path, never hidden."""


@dataclass(frozen=True)
class Description:
    """A classifier without its weights. files: SHA-256 of every other file in the folder, by name.

    model: an architecture's name, or module:class of a foreign network. temperature and threshold are always
    null in this version: they stand in the format, so that fitting them later does not change it.
    """

    model: str
    options: dict[str, Any]
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    metrics: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The document, not yet sealed."""
        return {
            "format": FORMAT,
            "model": self.model,
            "options": self.options,
            "classes": list(self.classes),
            "preprocessing": self.preprocessing.to_json(),
            "temperature": None,
            "threshold": None,
            "metrics": self.metrics,
            "files": self.files,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Description:
        """What `to_json` made. Raises ClassifierError naming the first thing that is wrong."""
        names = ["format", *CHECKS, "temperature", "threshold"]
        for name in names:
            if name not in document:
                raise ClassifierError(f"'{name}' is missing")
        for name in document:
            if name not in names:
                raise ClassifierError(f"{shown(name)} is nothing that format {FORMAT} has")
        for name in ("temperature", "threshold"):
            if document[name] is not None:
                raise ClassifierError(f"{name} is {shown(document[name])}, which needs a newer fieldmark")
        values = {name: check(document[name]) for name, check in CHECKS.items()}
        return cls(**values)


def check_format(document: dict[str, Any]) -> None:
    """Raises ClassifierError for a format that this version does not know."""
    found = document.get("format")
    if type(found) is not int or found != FORMAT:
        raise ClassifierError(f"its format is {shown(found)}; this fieldmark reads {FORMAT}. Try a newer one")


def shown(value: object) -> str:
    """A value from a file as it may stand in a message: on one line, shortened.

    >>> shown("a\\nb"), len(shown("x" * 1000))
    ("'a\\\\nb'", 60)
    """
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."


def model_name(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ClassifierError(f"model is {shown(value)}, not a name")
    return value


def json_object(name: str) -> Callable[[Any], dict[str, Any]]:
    def check(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ClassifierError(f"{name} is {shown(value)}, not an object")
        return value

    return check


def class_names(value: Any) -> tuple[str, ...]:
    """Raises ClassifierError unless there are two or more names, all different, none empty."""
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) and name for name in value):
        raise ClassifierError(f"classes is {shown(value)}, not a list of names")
    try:
        "".join(value).encode("utf-8", "surrogateescape")  # as the names of folders may be that are no text
    except UnicodeEncodeError:
        raise ClassifierError(f"classes is {shown(value)}, which no text file can hold") from None
    if len(value) < 2 or len(set(value)) < len(value):
        raise ClassifierError(f"classes is {shown(value)}; it takes two names or more, all different")
    return tuple(value)


def preprocessing(value: Any) -> Preprocessing:
    """Raises ClassifierError for anything but a size, channels, a mean and std per channel, and a rule."""
    names = {"image_size", "channels", "mean", "std", "resize"}
    if not isinstance(value, dict) or set(value) != names:
        raise ClassifierError(f"preprocessing is {shown(value)}; it takes {', '.join(sorted(names))}")
    size, channels, rule = value["image_size"], value["channels"], value["resize"]
    if not isinstance(size, list) or len(size) != 2 or not all(type(side) is int for side in size):
        raise ClassifierError(f"image_size is {shown(size)}, not [height, width]")
    if min(size) < 1 or size[0] * size[1] > MOST_PIXELS:
        raise ClassifierError(f"image_size is {shown(size)}, outside 1 to {MOST_PIXELS:,} pixels")
    if type(channels) is not int or channels not in (1, 3):
        raise ClassifierError(f"channels is {shown(channels)}; it takes 1 (grey) or 3 (RGB)")
    for name, least in (("mean", -1e6), ("std", 1e-6)):
        numbers = value[name]
        if not isinstance(numbers, list) or len(numbers) != channels:
            raise ClassifierError(f"{name} is {shown(numbers)}, not {channels} number(s)")
        if not all(type(number) in (int, float) and least <= number <= 1e6 for number in numbers):
            raise ClassifierError(f"{name} is {shown(numbers)}; each takes a number from {least:g} to 1e6")
    if rule not in typing.get_args(ResizeRule):
        raise ClassifierError(f"resize is {shown(rule)}; it takes {', '.join(typing.get_args(ResizeRule))}")
    return Preprocessing.from_json(value)


def file_table(value: Any) -> dict[str, str]:
    """Raises ClassifierError unless every name stays inside the folder and every checksum looks like one."""
    if not isinstance(value, dict) or WEIGHTS not in value or DESCRIPTION in value:
        raise ClassifierError(f"files is {shown(value)}; it takes a table of checksums with {WEIGHTS}")
    for name, checksum in value.items():
        if not FILE_NAME.fullmatch(name):
            raise ClassifierError(f"files names {shown(name)}, which is no plain file name")
        if not isinstance(checksum, str) or not re.fullmatch("[0-9a-f]{64}", checksum):
            raise ClassifierError(f"files has {shown(checksum)} for {name}, not a SHA-256")
    return value


CHECKS: dict[str, Callable[[Any], Any]] = {
    "model": model_name,
    "options": json_object("options"),
    "classes": class_names,
    "preprocessing": preprocessing,
    "metrics": json_object("metrics"),
    "files": file_table,
}
"""What reads each value of the document, in the order of the fields."""
