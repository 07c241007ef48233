"""The command line: `fieldmark VERB ...`, one file per verb. Nothing heavy is imported early."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # typing's own would import typing, which takes 5 ms
if TYPE_CHECKING:
    from collections.abc import Sequence

VERBS = {
    "demo": (
        "fieldmark.cli.demo:demo",
        "train on the packaged digits, test, predict: the whole way in a minute",
    ),
    "train": ("fieldmark.cli.train:train", "train a classifier on pictures and write a run folder"),
    "evaluate": (
        "fieldmark.cli.evaluate:evaluate",
        "measure a run or a classifier on pictures with known labels",
    ),
    "predict": ("fieldmark.cli.predict:predict", "name what is on pictures: files, folders, globs"),
    "show": (
        "fieldmark.cli.show:show",
        "draw the pictures of a data set, and what augmentation makes of them",
    ),
    "inspect": (
        "fieldmark.cli.inspect:inspect",
        "what a network is made of: layers, parameters, FLOPs, memory, what each output sees",
    ),
    "convolve": (
        "fieldmark.cli.convolve:convolve",
        "slide a kernel over a picture: blur, sharpen, find edges",
    ),
    "list": (
        "fieldmark.cli.listing:listing",
        "the models, data sets, recipes, augmentations and kernels there are",
    ),
    "cache": ("fieldmark.cli.cache:cache", "list and clear the decoded pictures that are kept on disk"),
}
"""Name to ("module:function", one line). It takes the words after the verb and returns the exit code."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 a wrong value, 2 a wrong flag.

    arguments: the words after `fieldmark`; None takes those of this process.

    >>> main(["--version"])
    fieldmark ...
    0
    """
    try:
        from fieldmark.cli.endings import endings
    except KeyboardInterrupt:
        return 130
    with endings():
        return _main(list(sys.argv[1:] if arguments is None else arguments))


def _main(words: Sequence[str]) -> int:
    _never_fail_to_print()
    if not words or words[0] in ("-h", "--help", "help"):
        print(help_text())
        return 0
    if words[0] in ("-V", "--version"):
        from fieldmark import __version__

        print(f"fieldmark {__version__}")
        return 0
    return _run(words[0], words[1:])


def help_text() -> str:
    """What `fieldmark --help` prints."""
    width = max(len(verb) for verb in VERBS)
    return "\n".join(
        [
            "usage: fieldmark VERB ...",
            "",
            "Train image classifiers, see what they do, ship them.",
            "",
            *(f"  {verb:<{width}}  {summary}" for verb, (_, summary) in VERBS.items()),
            "",
            "  fieldmark VERB --help says more. Start with: fieldmark demo",
        ]
    )


def _run(verb: str, words: Sequence[str]) -> int:
    from fieldmark.cli.failures import debugging, describe, hush_pipe
    from fieldmark.cli.output import say
    from fieldmark.cli.parsing import Finished, UsageError
    from fieldmark.families import resolve, unknown

    try:
        if verb not in VERBS:
            raise UsageError(unknown(verb, VERBS, "verb"))
        command = resolve({name: target for name, (target, _) in VERBS.items()}, verb, "verb")
        code: int = command(words)
        sys.stdout.flush()
        return code
    except Finished:
        return 0
    except (Exception, KeyboardInterrupt) as error:
        if debugging():
            import traceback

            traceback.print_exc()
        line, code = describe(error)
        if line:
            say(f"fieldmark: {line}")
        else:
            hush_pipe()
        return code


def _never_fail_to_print() -> None:
    # A file name may hold what the terminal's encoding does not have.
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
