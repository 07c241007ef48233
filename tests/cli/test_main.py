from __future__ import annotations

import errno
import json
import math
import subprocess
import sys
from collections.abc import Callable, Sequence

import pytest
from cli.cli_helpers import imported_by

import fieldmark
from fieldmark import cli
from fieldmark.cli.output import print_table, to_json
from fieldmark.errors import UserError
from fieldmark.families import resolve
from fieldmark.printable import printable

HEAVY = ("torch", "numpy", "PIL", "matplotlib", "tyro", "rich")


def test_the_help_imports_nothing_heavy() -> None:
    assert not imported_by("from fieldmark.cli import main; main(['--help'])") & set(HEAVY)


@pytest.mark.parametrize("words", [["--help"], ["-h"], []])
def test_the_help_names_every_verb(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 0
    shown = capsys.readouterr().out
    assert all(verb in shown and summary in shown for verb, (_, summary) in cli.VERBS.items())
    assert max(map(len, shown.splitlines())) <= 100


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"fieldmark {fieldmark.__version__}\n"


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_is_there_and_has_a_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([verb, "--help"]) == 0
    captured = capsys.readouterr()
    assert f"fieldmark {verb}" in captured.out
    assert captured.err == ""


@pytest.mark.parametrize("verb", cli.VERBS)
def test_a_wrong_flag_is_one_line_and_exit_code_2(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([verb, "--jsno"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        f"fieldmark: there is no flag --jsno. Closest: --json. All flags: fieldmark {verb} --help\n"
    )


def test_an_unknown_verb_names_the_closest(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["trian", "photos"]) == 2
    assert "'trian' is not a verb. Closest: train." in capsys.readouterr().err


def fails_with(error: BaseException) -> Callable[[Sequence[str]], int]:
    def verb(words: Sequence[str]) -> int:
        raise error

    return verb


class OutOfMemoryError(RuntimeError):
    """Named as torch's, and raised where no GPU is."""


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (UserError("no such path: a\nb."), 1, "no such path: a\\nb."),
        (KeyboardInterrupt(), 130, "stopped"),
        (OutOfMemoryError("CUDA out of memory. Tried to allocate\n2 GiB"), 1, "--accumulate"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), 1, "--batch-size"),
        (MemoryError(), 1, "--batch-size"),
        (OSError(errno.ENOSPC, "No space left on device", "runs/x"), 1, "no space left on the disk: runs/x"),
        (PermissionError(errno.EACCES, "Permission denied", "runs/x"), 1, "Permission denied: runs/x"),
        (ZeroDivisionError("division by zero"), 1, "ZeroDivisionError: division by zero"),
        (ZeroDivisionError("division by zero"), 1, "FIELDMARK_DEBUG=1"),
    ],
)
def test_every_failure_is_one_line(
    error: BaseException,
    code: int,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "failing", fails_with(error), raising=False)
    monkeypatch.setitem(cli.VERBS, "fail", (f"{__name__}:failing", "fails"))
    assert cli.main(["fail"]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("fieldmark: ")
    assert told in captured.err


def test_the_traceback_is_there_for_who_asks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "failing", fails_with(KeyError("lost")), raising=False)
    monkeypatch.setitem(cli.VERBS, "fail", (f"{__name__}:failing", "fails"))
    monkeypatch.setenv("FIELDMARK_DEBUG", "1")
    assert cli.main(["fail"]) == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_complaint() -> None:
    command = f"{sys.executable} -m fieldmark list models | true"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stderr == ""


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_name_in_the_table_resolves(verb: str) -> None:
    assert callable(resolve({name: target for name, (target, _) in cli.VERBS.items()}, verb, "verb"))


def test_json_has_no_nan() -> None:
    document = {"loss": math.nan, "rows": [{"score": math.inf}, (1, 2.5)], "name": "a\udc80\n"}
    text = to_json(document)
    assert json.loads(text) == {"loss": None, "rows": [{"score": None}, [1, 2.5]], "name": "a\udc80\n"}
    assert text.isascii()
    assert "\n" not in text


def test_names_cannot_move_the_cursor() -> None:
    assert printable("a\x1b[31m\n\udc80\u00e9") == "a\\x1b[31m\\n\\udc80\u00e9"


def test_a_piped_table_keeps_long_names_whole(capsys: pytest.CaptureFixture[str]) -> None:
    name = "photos/" + "x" * 90 + "[bold].jpg"
    print_table(["file", "score"], [[name, "0.5"]], numbers=["score"])
    assert name in capsys.readouterr().out
