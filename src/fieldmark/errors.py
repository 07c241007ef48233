"""The errors a person can act on: one line with what was found, where, and what to do."""

from __future__ import annotations

from typing import Literal


class UserError(ValueError):
    """Something the user gave cannot be used. The command line prints it as one line and exits with 1.

    >>> raise UserError("no such path: photos. Check the spelling.")
    Traceback (most recent call last):
    fieldmark.errors.UserError: no such path: photos. Check the spelling.
    """


class DataError(UserError):
    """The pictures, tables or archives given cannot be used as they are."""


class ClassifierError(UserError):
    """A run or classifier folder is missing, broken or altered."""


class TrainingError(UserError):
    """Training cannot go on: a non-finite loss, no memory, settings that contradict each other."""


Status = Literal["missing", "unreadable", "unsupported", "too_large"]


class Undecodable(Exception):  # noqa: N818 - it names a picture, and becomes a row in the answer, not an error
    """A picture that cannot be decoded, and why.

    Attributes:
        reason: one line, without the path.
        status: "missing" (no such file), "unreadable" (broken, empty, no picture), "unsupported" (a known
            format or kind of pixels that is not decoded), or "too_large".

    >>> error = Undecodable("the file is empty", "unreadable")
    >>> error.status, str(error)
    ('unreadable', 'the file is empty')
    """

    def __init__(self, reason: str, status: Status) -> None:
        super().__init__(" ".join(reason.split()))
        self.status: Status = status

    @property
    def reason(self) -> str:
        return str(self)
