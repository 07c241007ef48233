"""For the reference: the examples in docstrings, lines with `>>>` and what they print, become blocks of code.

Markdown would take `>>>` for three nested quotations. mkdocstrings runs this over every docstring it reads.
"""

from __future__ import annotations

import textwrap
from typing import Any

from griffe import Extension, Object


def fenced(docstring: str) -> str:
    """The docstring with a fence around each example, from its first `>>>` to the next empty line."""
    lines: list[str] = []
    inside = False
    for line in docstring.splitlines():
        if not inside and line.lstrip().startswith(">>>"):
            margin = line[: len(line) - len(line.lstrip())]
            lines += ["", f"{margin}```pycon"]
            inside = True
        elif inside and not line.strip():
            lines.append(f"{margin}```")
            inside = False
        lines.append(line)
    return "\n".join(lines) + (f"\n{margin}```" if inside else "")


class Doctests(Extension):
    """Fences the examples of every docstring."""

    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        if obj.docstring is not None and ">>>" in obj.docstring.value:
            obj.docstring.value = fenced(textwrap.dedent(obj.docstring.value))
