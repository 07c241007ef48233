"""One signal asks training to stop, a second one stops; outside training the first one does."""

import os
import signal
import threading
import time
import weakref

import pytest

from fieldmark.runs.interruption import Terminated, interruptible

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are sent another way on Windows")


@pytest.fixture
def told():
    """What a handler of the user's own is told of SIGTERM."""
    found: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: found.append(number))
    yield found
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)]
)
def test_the_first_signal_asks_and_the_second_stops(
    number: signal.Signals, raised: type[BaseException], told: list[int]
) -> None:
    before = signal.getsignal(number)
    with interruptible() as asked:
        asked.gently = True
        assert not asked()
        os.kill(os.getpid(), number)
        assert asked()
        with pytest.raises(raised):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before
    assert told == [signal.SIGTERM] * (number == signal.SIGTERM), "passed on once everything is written"


def test_outside_training_the_first_signal_stops(told: list[int]) -> None:
    with interruptible(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    assert told == []


def test_an_interrupt_that_python_drops_comes_again(capfd: pytest.CaptureFixture[str]) -> None:
    class Thing:
        pass

    things = [Thing()]
    # Within the callback of a weak reference nothing can be raised.
    reference = weakref.ref(things[0], lambda _: os.kill(os.getpid(), signal.SIGINT))

    def let_go() -> None:
        things.clear()
        time.sleep(5)

    with interruptible(), pytest.raises(KeyboardInterrupt):
        let_go()
    assert reference() is None
    assert "Traceback" not in capfd.readouterr().err


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruptible() as asked:
            os.kill(os.getpid(), signal.SIGINT)
            assert not asked()
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_is_left_alone() -> None:
    found = []

    def work() -> None:
        with interruptible() as asked:
            found.append(asked())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False]
