"""`make docs` fails for pages that load something from elsewhere, and for links that lead nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from site_audit import faults


@pytest.mark.parametrize(
    "line",
    [
        '<script src="https://cdn.example.org/a.js"></script>',
        '<script src="//cdn.example.org/a.js"></script>',
        '<link rel="stylesheet" href="https://example.org/a.css">',
        '<link rel="preconnect" href="https://example.org">',
        '<img src="http://example.org/a.png">',
        '<img srcset="a.png 1x, https://example.org/b.png 2x">',
        '<iframe src="https://example.org"></iframe>',
        "<style>@import 'https://example.org/a.css';</style>",
        '<p style="background: url(https://example.org/a.png)">',
        '<a href="nowhere.html">',
        '<a href="#nowhere">',
        '<a href="other.html#nowhere">',
    ],
)
def test_a_page_is_refused_for(line: str, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(f"<html><body>{line}</body></html>")
    (tmp_path / "other.html").write_text('<h1 id="here">')
    assert len(list(faults(tmp_path))) == 1


def test_a_page_may_have(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(
        '<link rel="canonical" href="https://example.org/"><img src="a.png"><script src="a.js"></script>'
        '<a href="https://example.org">away</a><a href="other.html#here">there</a><a href="a.png">picture</a>'
    )
    (tmp_path / "other.html").write_text('<h1 id="here"><a href="index.html">')
    (tmp_path / "a.png").write_bytes(b"")
    assert list(faults(tmp_path)) == []


def test_a_style_sheet_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("")
    (tmp_path / "a.css").write_text(
        "a { background: url(https://example.org/a.png) } b { mask: url(data:x) }"
    )
    assert list(faults(tmp_path)) == ["a.css loads https://example.org/a.png"]


def test_a_site_without_pages_is_refused(tmp_path: Path) -> None:
    assert list(faults(tmp_path)) == [f"{tmp_path} has no pages"]
