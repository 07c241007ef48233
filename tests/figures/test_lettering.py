"""Any name can be drawn, and stays inside its place."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import findfont, get_font

from fieldmark.figures import lettering
from fieldmark.figures.lettering import (
    REPLACEMENT,
    count,
    drawable,
    families,
    font,
    percent,
    short_names,
    shorten,
    width,
)
from fieldmark.printable import ELLIPSIS


@settings(deadline=None, max_examples=60)
@given(st.text())
def test_every_character_that_is_drawn_has_a_glyph(text: str) -> None:
    glyphs = set(get_font(findfont(font(8))).get_charmap())
    assert {ord(letter) for letter in drawable(text)} <= glyphs


def test_what_cannot_be_drawn_is_shown_to_be_missing() -> None:
    assert drawable("a\nb\tc\0d\udcffe") == REPLACEMENT.join("abcde")


def test_accents_taken_apart_by_a_file_system_are_put_together() -> None:
    assert drawable("e\N{COMBINING ACUTE ACCENT}tourneau") == "\N{LATIN SMALL LETTER E WITH ACUTE}tourneau"


@pytest.mark.parametrize("bold", [False, True])
@pytest.mark.parametrize(
    "text", ["albatross", "WWW mmm 1,234.5 %", "AVATAR To Ty.", "\N{GREEK SMALL LETTER OMEGA}"]
)
def test_width_agrees_with_matplotlib(text: str, bold: bool) -> None:
    wide, _, _ = RendererAgg(10, 10, 1000).get_text_width_height_descent(text, font(8, bold=bold), False)
    # Kerning, which `width` leaves out, only ever takes a little away.
    assert 0.99 < width(text, 8, bold=bold) / (wide / 1000) < 1.12


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=80), st.floats(0.2, 3.0), st.booleans())
def test_a_shortened_name_fits_and_keeps_both_ends(text: str, room: float, bold: bool) -> None:
    whole, short = drawable(text), shorten(text, 8, room, bold=bold)
    assert width(short, 8, bold=bold) <= room
    if short == whole:
        return
    head, _, tail = short.rpartition(ELLIPSIS) if whole.count(ELLIPSIS) else short.partition(ELLIPSIS)
    assert whole.startswith(head)
    assert whole.endswith(tail)
    longer = whole[: len(head) + 1] + ELLIPSIS + whole[len(whole) - len(tail) :]
    assert width(longer, 8, bold=bold) > room or len(head) > len(tail)


def test_a_name_that_fits_is_left_whole() -> None:
    assert shorten("cat", 8, 1.0) == "cat"


def test_names_that_shorten_to_the_same_letters_stay_apart() -> None:
    names = [f"a long beginning {middle} and a long ending" for middle in "abc"]
    short = short_names([*names, "cat"], 8, 1.0)
    assert len(set(short)) == 4
    assert short[3] == "cat"
    assert all(width(name, 8) <= 1.0 for name in short)
    assert all(name.startswith(f"{place}: ") for place, name in enumerate(short[:3]))


def test_an_installed_font_lends_the_glyphs_that_the_first_one_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    rare = "\N{COMBINING ENCLOSING CIRCLE}"  # in STIX, not in DejaVu Sans
    assert drawable(rare) == REPLACEMENT
    monkeypatch.setattr(lettering, "EAST_ASIAN", ("No Such Font", "STIXGeneral"))
    for cached in (families, lettering._advance):
        cached.cache_clear()
    try:
        assert families() == ("DejaVu Sans", "STIXGeneral")
        assert drawable(rare) == rare
        RendererAgg(10, 10, 100).get_text_width_height_descent(
            rare, font(8), False
        )  # warns if it has no glyph
    finally:
        monkeypatch.undo()
        for cached in (families, lettering._advance):
            cached.cache_clear()


@settings(deadline=None, max_examples=100)
@given(st.floats(0, 1), st.sampled_from([0, 1, 2]))
def test_a_percentage_never_claims_all_or_none(share: float, digits: int) -> None:
    text = percent(share, digits)
    assert (text == "100 %") == (share == 1)
    assert (text == "0 %") == (share == 0)
    assert text[0] in "<>" or abs(float(text.removesuffix(" %")) - 100 * share) <= 0.5000001 * 10**-digits


def test_counts_have_their_thousands_apart() -> None:
    assert [count(n) for n in (0, 999, 1000, 1234567)] == ["0", "999", "1,000", "1,234,567"]
