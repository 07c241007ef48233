"""What `fieldmark --help` needs costs no torch, numpy, Pillow or matplotlib."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "numpy", "PIL", "matplotlib")


@pytest.mark.parametrize(
    "modules",
    [
        "fieldmark, fieldmark.errors, fieldmark.families, fieldmark.recipe",
        "fieldmark.models, fieldmark.evaluation, fieldmark.shipping",
        "fieldmark.data, fieldmark.data.sources",
    ],
)
def test_importing_the_packages_is_light(modules):
    code = f"import sys, {modules}; print([name for name in {HEAVY} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
