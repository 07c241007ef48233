from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import pytest
import tyro

from fieldmark.cli.parsing import FAMILIAR, Finished, UsageError, names, parse, value_of
from fieldmark.cli.train import Train
from fieldmark.errors import UserError


@dataclass(frozen=True)
class Inner:
    """Settings."""

    epochs: int = 20
    """Passes."""
    channels_last: bool = True
    """Layout."""
    augment: tuple[str, ...] = ()
    """Steps."""

    def __post_init__(self) -> None: ...


@dataclass(frozen=True)
class Outer:
    """Do it."""

    data: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="DATA")] = ""
    """Pictures."""
    inner: Annotated[Inner, tyro.conf.OmitArgPrefixes] = field(default_factory=Inner)
    start: Annotated[Path | None, tyro.conf.arg(name="from")] = field(default=None, metadata={"flag": "from"})
    """A run."""


def flags(*words: str, default: Outer | None = None) -> Outer:
    return parse(default or Outer(), words, verb="try")


def test_flags_given_win_over_the_default_and_the_rest_stays() -> None:
    default = Outer(inner=Inner(epochs=3, augment=("mirror",)))
    got = flags("photos", "--no-channels-last", "--from", "runs/a", default=default)
    assert got == Outer("photos", Inner(3, False, ("mirror",)), Path("runs/a"))


def test_names_go_on_to_the_next_flag() -> None:
    assert flags("x", "--augment", "mirror", "crop", "--epochs", "2").inner == Inner(
        2, True, ("mirror", "crop")
    )


def test_an_unknown_flag_is_named_with_the_closest_and_the_help() -> None:
    with pytest.raises(UsageError, match=r"--epohs\. Closest: --epochs\. All flags: fieldmark try --help"):
        flags("photos", "--epohs", "3")


def test_what_other_tools_call_a_flag_is_understood() -> None:
    assert set(FAMILIAR.values()) <= set(names(Train))
    with pytest.raises(UsageError, match=r"--lr\. Closest: --learning-rate\."):
        parse(Train(), ["photos", "--lr", "0.1"], verb="train")


def test_an_unknown_switch_finds_the_closest_negated_one() -> None:
    with pytest.raises(UsageError, match="--no-channels-last"):
        flags("photos", "--no-chanels-last")


def test_a_word_too_many_is_named() -> None:
    with pytest.raises(UsageError, match="'more'"):
        flags("photos", "more")


@pytest.mark.parametrize("words", [("--epochs",), ("--epochs", "--augment", "mirror")])
def test_a_flag_without_its_value_is_named(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="--epochs") as caught:
        flags(*words)
    assert "\n" not in str(caught.value)
    assert str(caught.value).isascii()


def test_a_value_that_does_not_fit_is_a_user_error_naming_flag_and_value() -> None:
    with pytest.raises(UserError, match="--epochs takes a whole number; got 'ten'"):
        flags("photos", "--epochs", "ten")


def test_the_help_shows_the_defaults_that_hold(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Finished):
        flags("--help", default=Outer(inner=Inner(epochs=77)))
    shown = capsys.readouterr().out
    assert "(default: 77)" in shown
    assert "Passes." in shown


@pytest.mark.parametrize(
    ("words", "value"),
    [(["--model", "deep"], "deep"), (["--model=deep"], "deep"), (["--model"], None), (["x"], None)],
)
def test_the_value_of_a_flag_is_found_before_parsing(words: list[str], value: str | None) -> None:
    assert value_of("--model", words) == value
