import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.data.batches import TrainingOrder


def order(count: int, batch_size: int, seed: int = 0) -> TrainingOrder:
    return TrainingOrder(count, batch_size, torch.Generator().manual_seed(seed))


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 5))
def test_batches_are_full_and_nobody_is_skipped(count: int, batch_size: int, epochs: int) -> None:
    batch_size = min(batch_size, count)
    batches = order(count, batch_size)
    total = count * epochs // batch_size
    seen = torch.cat([batches.next_batch() for _ in range(total)])
    assert len(seen) == total * batch_size
    times = seen.bincount(minlength=count)
    # What the last epoch leaves over is seen once less, nobody more often than there are epochs.
    assert times.max() <= epochs
    assert times.min() >= epochs - 1
    assert int((times < epochs).sum()) == count * epochs - total * batch_size


def test_epochs_are_counted_and_their_ends_known() -> None:
    batches = order(5, 2)
    steps = []
    for _ in range(5):
        batches.next_batch()
        steps.append((batches.epoch, batches.epoch_done))
    assert steps == [(0, False), (0, True), (1, False), (1, False), (1, True)]


def test_the_state_brings_back_the_same_order() -> None:
    generator = torch.Generator().manual_seed(3)
    one = TrainingOrder(10, 3, generator)
    for _ in range(5):
        one.next_batch()
    state, random = one.state(), generator.get_state()
    expected = [one.next_batch().tolist() for _ in range(9)]
    two = TrainingOrder(10, 3, torch.Generator())
    two.restore(state)
    two.generator.set_state(random)
    assert [two.next_batch().tolist() for _ in range(9)] == expected
