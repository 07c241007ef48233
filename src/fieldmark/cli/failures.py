"""What went wrong, as one line and an exit code.

1 a value, 2 a flag, 130 Ctrl-C, 141 a closed pipe, 143 SIGTERM.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from pathlib import Path

from fieldmark.cli.output import STOPPED
from fieldmark.cli.parsing import UsageError
from fieldmark.errors import UserError
from fieldmark.runs.interruption import Terminated

DEBUG = "FIELDMARK_DEBUG"

_MEMORY = "Try a smaller --batch-size (and --accumulate for the same step), or a smaller --image-size."


def describe(error: BaseException) -> tuple[str, int]:
    """The line and the exit code for an error that ended a verb. No line for a pipe that was closed.

    >>> describe(UserError("no such path: photos."))
    ('no such path: photos.', 1)
    """
    if isinstance(error, UsageError):
        return str(error), 2
    if isinstance(error, UserError):
        return str(error), 1
    if isinstance(error, Terminated):
        return "ended by SIGTERM.", 143
    if isinstance(error, KeyboardInterrupt):
        return "stopped.", STOPPED
    if isinstance(error, BrokenPipeError):
        return "", 141
    if out_of_memory(error):
        where = "the GPU" if type(error).__name__ == "OutOfMemoryError" else "this machine"
        return f"{where} has not enough memory for this. {_MEMORY}", 1
    if isinstance(error, OSError) and error.errno is not None:
        return _about_files(error), 1
    return _about_bug(error), 1


def debugging() -> bool:
    """Whether tracebacks were asked for."""
    return os.environ.get(DEBUG, "") not in ("", "0")


def out_of_memory(error: BaseException) -> bool:
    """Whether that is what the error says, of the GPU's memory or the machine's."""
    # By name, because asking torch for its class would import it. On a CPU torch raises a plain RuntimeError.
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error))
    )


def _about_files(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return f"no space left on the disk{_at(error)}. Free some, or put --out on another disk."
    return f"{error.strerror or error}{_at(error)}."


def _at(error: OSError) -> str:
    return f": {error.filename}" if error.filename is not None else ""


def _about_bug(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if f"{os.sep}fieldmark{os.sep}" in frame.filename]
    place = f" at {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    return (
        f"this is a bug of fieldmark: {type(error).__name__}: {error}{place}. "
        f"Run it again with {DEBUG}=1 for the traceback, and report it."
    )


def hush_pipe() -> None:
    """Point stdout at nothing, so that the interpreter's last flush does not complain of the closed pipe."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)
