"""Any text survives the way into an SVG and back, and takes no more room than was reckoned."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.diagram.svg import element, escaped, fit_words, number, text, text_width
from fieldmark.figures import lettering
from fieldmark.printable import ELLIPSIS

CONTROL = [chr(code) for code in range(32) if chr(code) not in "\t\n\r"]


@settings(deadline=None, max_examples=100)
@given(st.text())
def test_text_comes_back_as_it_was(words: str) -> None:
    svg = element("g", element("title", escaped(words)), data_name=words)
    assert svg.isascii()
    root = ElementTree.fromstring(svg)
    legal = "".join("\ufffd" if letter in (*CONTROL, "\ufffe", "\uffff") else letter for letter in words)
    plain = legal.replace("\r\n", "\n").replace("\r", "\n")  # XML 1.0, 2.11: line ends
    assert (root[0].text or "") == plain
    assert root.get("data-name") == plain.replace("\n", " ").replace("\t", " ")  # XML 1.0, 3.3.3


@pytest.mark.parametrize("code", [0, 8, 11, 31, 0xD800, 0xDFFF, 0xFFFE])
def test_what_xml_cannot_hold_is_shown_to_be_missing(code: int) -> None:
    assert escaped(f"a{chr(code)}b") == "a&#65533;b"


@settings(deadline=None)
@given(st.floats(-1e6, 1e6))
def test_numbers_are_near_and_short(value: float) -> None:
    assert abs(float(number(value)) - value) <= 0.005001
    assert "e" not in number(value)
    assert number(value) != "-0"


@settings(deadline=None, max_examples=60)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=30), st.booleans())
def test_text_is_no_wider_than_reckoned(words: str, bold: bool) -> None:
    drawn = lettering.width(words, 10, bold=bold) * lettering.POINTS_PER_INCH
    assert drawn <= text_width(words, 10, bold=bold) + 1e-6


def test_the_reckoning_is_close_for_plain_words() -> None:
    words = "features.stage1.convolution 3x3, 64 channels"
    assert text_width(words, 10) < 1.02 * lettering.width(words, 10) * lettering.POINTS_PER_INCH


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=40), st.floats(0, 200))
def test_a_shortened_text_fits_and_keeps_both_ends(words: str, room: float) -> None:
    short = fit_words(words, 10, room)
    assert text_width(short, 10) <= room
    if short not in (words, ""):
        kept = len(short) - 1
        assert short == words[: (kept + 1) // 2] + ELLIPSIS + words[len(words) - kept // 2 :]


def test_a_line_of_text_says_how_it_hangs() -> None:
    line = ElementTree.fromstring(text(1, 2.5, "a & b", 9, "#123456", anchor="middle", bold=True))
    assert line.text == "a & b"
    assert line.attrib == {
        "x": "1",
        "y": "2.5",
        "font-size": "9",
        "fill": "#123456",
        "text-anchor": "middle",
        "font-weight": "bold",
    }
