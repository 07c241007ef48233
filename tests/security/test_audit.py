"""A few of the cases of audit.py with every run of the tests; many by `python tests/security/audit.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

AUDIT = Path(__file__).with_name("audit.py")


@pytest.mark.skipif(sys.platform != "linux", reason="the audit forks")
def test_nothing_of_a_stranger_runs_and_nothing_outside_changes() -> None:
    # Threads of its own would make a fork of it hang.
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(AUDIT), "--number", "10"],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("10 cases, ")
