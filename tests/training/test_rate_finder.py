import math

from fieldmark.training.rate_finder import suggest


def test_the_suggestion_lies_before_the_rise() -> None:
    rates = [10 ** (-6 + 6 * i / 99) for i in range(100)]
    losses = [2.3 - 1.8 / (1 + math.exp(-4 * (math.log10(r) + 3))) + (r / 0.1) ** 2 for r in rates]
    found = suggest(rates, losses)
    assert 1e-3 < found < 0.1


def test_a_loss_that_is_no_number_ends_the_search() -> None:
    assert suggest([1e-3, 1e-2, 1e-1], [1.0, 0.5, math.nan]) == 1e-2 / 3
