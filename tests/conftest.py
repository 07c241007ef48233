"""Says how many tests were left out by their markers; has the same examples drawn each time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import settings

# What is red once is red again. `--hypothesis-profile default` draws new examples.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")

LEFT_OUT = pytest.StashKey[Counter[str]]()

WHERE = {
    "data": ("on the real MNIST, Fashion-MNIST and CIFAR-10", "make test-data"),
    "peers": ("against torchvision and timm", "make test-peers"),
}
"""Marker to (what its tests are about, how to run them)."""


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    for item in items:
        counts = item.config.stash.setdefault(LEFT_OUT, Counter())
        counts.update(marker for marker in WHERE if item.get_closest_marker(marker) is not None)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Several processes (-n): each leaves out the same tests, and hands its counts over."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = dict(session.config.stash.get(LEFT_OUT, Counter[str]()))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[LEFT_OUT] = Counter(getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for marker, count in config.stash.get(LEFT_OUT, Counter[str]()).items():
        what, how = WHERE[marker]
        terminalreporter.write_line(f"Left out: {count} tests {what}. To run them: {how}")
