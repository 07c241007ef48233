"""Fitting prices to times: known prices are found again, and a file is written whole or not at all."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
import torch

from fieldmark import conv
from fieldmark.conv.auto import measurement
from fieldmark.conv.auto.measurement import (
    LONGEST,
    Measurement,
    clock,
    design,
    fit,
    fit_costs,
    measure,
    predicted,
    runs,
)
from fieldmark.conv.prices import PRICES, fitted_file, load_fitted
from fieldmark.conv.problem import Problem
from fieldmark.errors import UserError

PLANE = Problem(1, 2, 2, (16, 16), (3, 3), padding=((1, 1), (1, 1)))


def measured(prices: dict[str, float], count: int = 60, seed: int = 0) -> list[Measurement]:
    """Times that `prices` predict exactly, for random amounts of two or three kinds of work each."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        units = random.choice(sorted(prices), size=random.integers(1, min(4, len(prices) + 1)), replace=False)
        work = {str(unit): float(10 ** random.uniform(2, 5)) for unit in units}
        nanoseconds = sum(prices[unit] * amount for unit, amount in work.items())
        found.append(Measurement("made up", PLANE, work, 1e-9 * nanoseconds))
    return found


def test_known_prices_are_found_again_from_times_without_noise():
    true = {"calls": 3000.0, "bytes": 0.04, "multiply": 0.011, "butterflies": 0.5}
    start = {
        unit: price * factor for (unit, price), factor in zip(true.items(), (3, 0.3, 10, 0.1), strict=True)
    }
    assert fit(measured(true), start, hold=1e-9) == pytest.approx(true, rel=1e-3)
    assert fit(measured(true), start) == pytest.approx(true, rel=0.2)  # held near the start a little


def test_noise_moves_prices_little():
    true = {"calls": 3000.0, "bytes": 0.04, "multiply": 0.011}
    random = np.random.default_rng(1)
    noisy = [
        Measurement(each.what, each.problem, each.work, each.seconds * float(np.exp(random.normal(0, 0.2))))
        for each in measured(true, 200)
    ]
    assert fit(noisy, true) == pytest.approx(true, rel=0.1)


def test_units_that_were_not_seen_keep_their_price():
    start = {"calls": 100.0, "never": 7.5, "nothing": 0.0}
    found = fit(measured({"calls": 200.0}), start)
    assert found["calls"] == pytest.approx(200, rel=0.05)
    assert found["never"] == 7.5
    assert 0 <= found["nothing"] <= 1e-3


def test_no_price_is_negative_even_where_that_would_fit_best():
    found = fit(
        [
            Measurement("", PLANE, {"calls": 1.0, "bytes": 1000.0}, 1e-7),
            Measurement("", PLANE, {"calls": 2.0, "bytes": 1000.0}, 0.5e-7),
        ]
        * 20,
        {"calls": 30.0, "bytes": 0.1},
    )
    assert all(price >= 0 for price in found.values())
    assert found["calls"] < 5


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_list_of_problems_holds_one_and_many_channels_from_the_beginning(dtype):
    problems = design("cpu", dtype)
    assert len(set(problems)) == len(problems)
    assert all(problem.dtype == dtype and min(problem.output) > 0 for problem in problems)
    for first in range(0, 20, 4):
        few = problems[first : first + 4]
        assert {problem.in_channels == 1 for problem in few} == {True, False}


def test_everything_that_is_timed_computes_what_it_is_called():
    shape = (PLANE.batch, PLANE.out_channels, *PLANE.output)
    seen = {}
    for what, work, run in runs(PLANE):
        result = run()
        assert all(amount >= 0 for amount in work.values())
        if isinstance(result, tuple):
            (result,) = (each for each in result if each is not None)
        seen[what] = tuple(result.shape)
    kinds = {"": shape, "input": (1, 2, 16, 16), "kernel": (2, 2, 3, 3)}
    assert seen == {what: kinds[what.partition(" ")[2]] for what in seen}
    assert {name for name in seen if " " not in name} == set(conv.ALGORITHMS) - {"reference"}
    assert {"torch input", "channels_last kernel", "fft kernel", "overlap_save kernel"} <= set(seen)


def test_a_clock_tells_the_median_of_a_few_calls():
    calls = []
    assert clock(lambda: calls.append(time.sleep(0.011)), "cpu") == pytest.approx(0.011, rel=0.8)
    assert 4 <= len(calls) <= 10


def test_what_would_take_long_is_not_measured_and_something_always_is(monkeypatch, keep_prices):
    dear = {"prices": {"cpu": {"float32": dict.fromkeys(PRICES["cpu"]["float32"], 1e12)}}}
    keep_prices(dear)  # prices that an earlier fit got wrong must not keep the next from measuring
    monkeypatch.setattr(measurement, "clock", lambda run, device: 1e-3)
    found = list(measure("cpu", torch.float32, 0.0))
    assert len(found) == 1
    assert all(predicted(each.work, each.problem) <= LONGEST for each in found)


@pytest.fixture
def instant(monkeypatch):
    """Measurements and prices that take no time."""
    true = {unit: 2 * price for unit, price in PRICES["cpu"]["float32"].items()}
    monkeypatch.setattr(measurement, "measure", lambda device, dtype, budget: measured(true, 8))
    monkeypatch.setattr(measurement, "fit", lambda measurements, start: start)


def quiet(line: str) -> None:
    assert "\n" not in line


def test_a_tiny_budget_is_enough_for_a_file_that_is_used_at_once(keep_prices):
    keep_prices("nothing yet")
    before = conv.choose((64, 64), (3, 3))
    lines = []
    start = time.perf_counter()
    path = fit_costs(budget=0.1, progress=lines.append)
    assert time.perf_counter() - start < 30
    assert path == fitted_file(torch.get_num_threads())
    assert set(load_fitted(torch.get_num_threads())["cpu"]) == {"float32", "float64"}
    assert conv.choose((64, 64), (3, 3)).seconds != before.seconds
    assert [line.split(":")[0] for line in lines] == ["cpu float32", "cpu float64"]
    assert not list(path.parent.glob("*.tmp"))


def test_another_devices_prices_stay(keep_prices, instant):
    keep_prices({"prices": {"cuda": {"float32": {"calls": 3.0}}, "cpu": {"float16": {"calls": 1.0}}}})
    found = json.loads(fit_costs(progress=quiet).read_text(encoding="utf-8"))
    assert found["prices"]["cuda"] == {"float32": {"calls": 3.0}}
    assert set(found["prices"]["cpu"]) == {"float32", "float64"}
    assert found["torch"] == torch.__version__


def test_a_file_of_ones_own_and_folders_that_are_not_there_yet(tmp_path, instant, keep_prices):
    path = tmp_path / "a" / "b" / "costs.json"
    assert fit_costs(out=path, progress=quiet) == path
    assert json.loads(path.read_text(encoding="utf-8"))["unit"] == "nanoseconds"
    assert load_fitted(torch.get_num_threads()) == {}


def test_an_older_file_stays_as_it_was_where_the_new_one_cannot_be_written(keep_prices, instant):
    path = keep_prices({"prices": {"cpu": {"float32": {"calls": 3.0}}}})
    before = path.read_bytes()
    outside = path.with_name("outside")
    outside.write_bytes(before)
    path.unlink()
    path.symlink_to(outside)
    with pytest.raises(UserError, match="is a link"):
        fit_costs(progress=quiet)
    assert outside.read_bytes() == before


def test_where_there_is_no_folder_it_is_said_before_anything_is_measured(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise AssertionError("measured in vain")

    monkeypatch.setattr(measurement, "measure", refuse)
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OSError, match="file"):
        fit_costs(out=tmp_path / "file" / "costs.json", progress=quiet)


@pytest.mark.parametrize("device", ["gpu", "meta", "", None])
def test_another_device_is_refused(device):
    with pytest.raises(UserError, match=r"device=.* cpu, or cuda"):
        fit_costs(device)
