"""docs/convolution.md: its code gives what the page says, its pictures are those that the examples draw."""

from __future__ import annotations

import doctest
import re
import runpy
import sys
from pathlib import Path

import pytest
from PIL import Image

from fieldmark.conv import ALGORITHMS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "convolution.md"
EXAMPLES = sorted((ROOT / "examples").glob("0[1-5]_*.py"))


def test_the_code_on_the_page_gives_what_the_page_says() -> None:
    text, names = PAGE.read_text(), {}
    blocks = list(re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    runner = doctest.DocTestRunner(optionflags=doctest.REPORT_ONLY_FIRST_FAILURE)
    told: list[str] = []
    for block in blocks:
        line = text[: block.start(1)].count("\n")
        test = doctest.DocTestParser().get_doctest(block[1], names, PAGE.name, str(PAGE), line)
        assert test.examples, f"{PAGE.name}, line {line + 1}: a block of Python without >>>"
        runner.run(test, out=told.append, clear_globs=False)
        names = test.globs
    assert len(blocks) > 20
    assert not told, "".join(told)


def test_every_algorithm_is_explained() -> None:
    told = re.findall(r"^\*\*([a-z0-9_, ]+)\.\*\*", PAGE.read_text(), re.MULTILINE)
    assert {name for names in told for name in names.split(", ")} == set(ALGORITHMS) - {"reference"}


def test_every_picture_is_there_named_and_small() -> None:
    shown = re.findall(r"^!\[[^]]+\]\(pictures/(convolution-[a-z-]+\.png)\)$", PAGE.read_text(), re.MULTILINE)
    kept = {path.name for path in (PAGE.parent / "pictures").glob("convolution-*.png")}
    assert len(shown) == len(set(shown))
    assert set(shown) <= kept
    for name in shown:
        path = PAGE.parent / "pictures" / name
        assert path.stat().st_size < 150_000, name
        with Image.open(path) as picture:
            assert picture.width <= 1300


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_draws_the_pictures_of_the_page(
    example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(example.parent)
    monkeypatch.setattr(sys, "argv", [str(example), str(tmp_path)])
    runpy.run_path(str(example), run_name="__main__")
    drawn = sorted(tmp_path.glob("*.png"))
    assert drawn
    for path in drawn:
        with Image.open(path) as picture, Image.open(PAGE.parent / "pictures" / path.name) as kept:
            assert picture.size == kept.size, path.name
