from __future__ import annotations

import io

import pytest

from fieldmark.runs.screen import HEADER, Bars, Lines, epoch_line, screen
from fieldmark.vocabulary import History

ROW = dict(zip(History.COLUMNS, (3.0, 0.25, 0.9, 0.125, 0.955, 0.01, 1.25, 12345.6), strict=True))


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_an_epoch_is_one_line_under_the_header() -> None:
    line = epoch_line(ROW)
    assert line.split() == ["3", "0.2500", "90.00", "%", "0.1250", "95.50", "%", "0.01", "1.2", "12,346"]
    assert len(line) == len(HEADER)


def test_figures_that_are_no_numbers_are_dashes() -> None:
    assert "nan" not in epoch_line(ROW | {"val_loss": float("nan")})


def test_without_a_terminal_there_are_plain_lines_one_per_epoch() -> None:
    stream = io.StringIO()
    display = screen(stream)
    display.start(total_steps=100, epochs=2)
    for step in range(1, 101):
        display.step(step, 0.5, 1000.0)
        if step % 50 == 0:
            display.epoch(ROW)
    display.close()
    assert stream.getvalue().splitlines() == [HEADER, epoch_line(ROW), epoch_line(ROW)]
    assert "\x1b" not in stream.getvalue()


def test_a_long_stage_gives_a_line_every_ten_seconds() -> None:
    stream, clock = io.StringIO(), Clock()
    display = Lines(stream, clock)
    for done in range(0, 2601, 100):
        clock.now = done / 100
        display.stage("decoding", done, 12000)
    assert stream.getvalue().splitlines() == ["decoding: 1,000 of 12,000", "decoding: 2,000 of 12,000"]


def test_a_short_stage_gives_none() -> None:
    stream, clock = io.StringIO(), Clock()
    display = Lines(stream, clock)
    for done in range(10):
        clock.now = done
        display.stage("decoding", done, 10)
    assert stream.getvalue() == ""


def test_a_long_epoch_says_where_it_is_once_a_minute() -> None:
    stream, clock = io.StringIO(), Clock()
    display = Lines(stream, clock)
    display.start(1000, 1)
    for clock.now in (30.0, 61.0, 90.0):
        display.step(int(clock.now), 0.5, 1000.0)
    assert stream.getvalue().splitlines()[1:] == ["step 61 of 1,000: loss 0.5000, 1,000 images/s"]


def test_on_a_terminal_a_bar_shows_speed_loss_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    stream, clock = Terminal(), Clock()
    display = Bars(stream, clock)
    display.stage("decoding", 10, 100)
    display.start(total_steps=200, epochs=2)
    clock.now = 60.0
    display.step(50, 0.5, 2000.0)
    display.epoch(ROW)
    display.close()
    shown = stream.getvalue()
    for part in ("epoch 1/2", "50/200", "loss 0.5000", "2,000 images/s", "3:00 left", epoch_line(ROW)):
        assert part in shown
    assert "decoding" in shown


def test_a_bar_is_drawn_ten_times_a_second_however_often_it_is_told() -> None:
    stream, clock = Terminal(), Clock()
    display = Bars(stream, clock)
    for done in range(1000):
        clock.now = 1 + done / 1000
        display.stage("decoding", done, 10_000)
    display.close()
    assert 5 <= stream.getvalue().count("decoding") <= 15


@pytest.mark.parametrize("make", [Lines, Bars])
def test_notes_are_no_markup_and_stay_on_their_line(make: type[Lines] | type[Bars]) -> None:
    stream = io.StringIO()
    display = make(stream)
    display.note("left out: photos/[red]a\nb.jpg\x1b[2J")
    display.close()
    assert "photos/[red]a\\nb.jpg\\x1b[2J" in stream.getvalue()


def test_processes_other_than_the_first_show_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    stream = io.StringIO()
    display = screen(stream)
    display.start(1, 1)
    display.note("hello")
    display.stage("decoding", 1, 2)
    display.close()
    assert stream.getvalue() == ""
