"""What holds for every source, those to come included."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from fieldmark.data.sources import ABOUT, SOURCES
from fieldmark.families import resolve


def test_every_source_is_described():
    assert ABOUT.keys() == SOURCES.keys()
    assert list(SOURCES) == sorted(SOURCES)


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_resolves_and_takes_label_and_progress(name):
    source = resolve(SOURCES, name, "data set")
    assert list(inspect.signature(source).parameters) == ["label", "progress"]
    assert ABOUT[name].classes >= 2
    assert "\n" not in ABOUT[name].summary


def test_listing_the_sources_imports_nothing_heavy():
    code = (
        "import sys, fieldmark.data, fieldmark.data.sources as s; s.SOURCES, s.ABOUT; "
        "sys.exit(', '.join({'torch', 'numpy', 'PIL', 'matplotlib', 'pooch'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
