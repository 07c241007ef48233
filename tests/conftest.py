"""Says how many tests on the real data sets were left out, and how to run them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

LEFT_OUT = pytest.StashKey[int]()


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("data") is not None:
            item.config.stash[LEFT_OUT] = item.config.stash.get(LEFT_OUT, 0) + 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    left_out = config.stash.get(LEFT_OUT, 0)
    if left_out:
        terminalreporter.write_line(
            f"Left out: {left_out} tests on the real MNIST, Fashion-MNIST and CIFAR-10. "
            "To run them: make test-data"
        )
