"""What decoding raises for a picture that it cannot give."""

from __future__ import annotations

from typing import Literal

Status = Literal["missing", "unreadable", "unsupported", "too_large"]


class Undecodable(Exception):  # noqa: N818 - it names a picture, and becomes a row in the answer, not an error
    """A picture that cannot be decoded, and why.

    reason: one line, without the path. status: "missing" (no such file), "unreadable" (broken, empty, no
    picture), "unsupported" (a known format or kind of pixels that is not decoded), or "too_large".

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
