"""A shell puts file names where somebody writes a *, and a name may look like a flag."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fieldmark.cli import VERBS
from fieldmark.cli.convolve import Convolve
from fieldmark.cli.inspect import Inspect
from fieldmark.cli.parsing import UsageError, parse, value_of
from fieldmark.cli.predict import Predict
from fieldmark.cli.train import Train, starting_recipe
from fieldmark.families import resolve

PLANTED = "--model=evil:f"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_no_word_behind_two_dashes_is_a_flag() -> None:
    flags = parse(Predict(), ["run", "--top-k", "2", "--", PLANTED, "--", "-x.png"], verb="predict")
    assert (flags.paths, flags.top_k, flags.model) == ((PLANTED, "--", "-x.png"), 2, None)
    assert parse(Convolve(), ["--kernel", "box", "--", "-p.png"], verb="convolve").picture == "-p.png"
    assert parse(Train(), ["--", PLANTED], verb="train").data == PLANTED
    assert starting_recipe(["--", "--model=digits", "--recipe", "gone.json"]) == starting_recipe([])
    assert value_of("--model", ["x", "--", "--model", "evil:f"]) is None


@pytest.mark.parametrize(
    "words", [["run", PLANTED, "a.png"], ["run", "a.png", PLANTED], ["--model", "evil:f"]]
)
def test_a_flag_that_is_the_name_of_a_file_here_is_refused(words: list[str]) -> None:
    Path(next(word for word in words if word.startswith("--"))).touch()
    with pytest.raises(UsageError, match=r"--model.* is the name of a file .*\./--model.*, or behind --"):
        parse(Predict(), words, verb="predict")


@pytest.mark.parametrize("planted", [PLANTED, "--tta", "--top-k=9"])
def test_a_flag_that_stands_among_files_is_refused(planted: str) -> None:
    with pytest.raises(UsageError, match=rf"{planted} stands between photos/a\.png and z\.png"):
        parse(Predict(), ["run", "photos/a.png", planted, "z.png"], verb="predict")
    with pytest.raises(UsageError, match="--json stands between deep and wide"):
        parse(Inspect(), ["deep", "--json", "wide"], verb="inspect")


def test_flags_before_and_behind_all_files_are_flags() -> None:
    for words in (["--tta", "run", "a", "b"], ["run", "--tta", "a", "b"], ["run", "a", "b", "--tta"]):
        flags = parse(Predict(), words, verb="predict")
        assert (flags.run, flags.paths, flags.tta) == ("run", ("a", "b"), True)


def test_negative_numbers_and_a_single_dash_are_words() -> None:
    assert parse(Predict(), ["run", "-", "-1.png"], verb="predict").paths == ("-", "-1.png")
    assert parse(Convolve(), ["p", "--degrees", "-4.5e1"], verb="convolve").degrees == -45
    assert parse(Convolve(), ["p", "--weights", "-1 0"], verb="convolve").weights == "-1 0"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_refuses_a_planted_file_name(verb: str) -> None:
    Path(PLANTED).touch()
    command: Any = resolve({name: target for name, (target, _) in VERBS.items()}, verb, "verb")
    with pytest.raises(UsageError, match="is the name of a file in this folder"):
        command(["a", PLANTED] if verb in ("predict", "inspect") else [PLANTED])
