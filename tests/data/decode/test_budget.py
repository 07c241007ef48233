"""Memory shared by threads: never more than there is, nobody forgotten."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from fieldmark.data.decode.decoder import Budget


def test_no_more_is_held_than_there_is_except_by_one_alone() -> None:
    budget, lock, seen = Budget(100), threading.Lock(), []

    def take(size: int) -> None:
        with budget.hold(size):
            with lock:
                seen.append(budget.held)
            assert budget.held <= 100 or budget.held == 250

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(take, [30, 60, 250, 10, 100] * 40))
    assert len(seen) == 200
    assert budget.held == 0


def test_a_large_one_is_not_overtaken() -> None:
    budget, order, waiting = Budget(100), [], []

    def take(name: str, size: int) -> None:
        with budget.hold(size):
            order.append(name)

    with budget.hold(60):
        for name, size in (("large", 90), ("small", 10)):  # the small one would fit
            waiting.append(threading.Thread(target=take, args=(name, size)))
            waiting[-1].start()
            while len(budget._turns) < len(waiting):
                pass
        assert order == []
    for thread in waiting:
        thread.join()
    assert order[0] == "large"


def test_what_fails_gives_back() -> None:
    budget = Budget(10)
    with pytest.raises(ZeroDivisionError), budget.hold(10):
        raise ZeroDivisionError
    assert budget.held == 0
