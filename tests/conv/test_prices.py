"""What work costs: the prices, where they come from, and that no file can break a convolution."""

from __future__ import annotations

import itertools
import json

import pytest
import torch

from fieldmark import conv
from fieldmark.conv import prices
from fieldmark.conv.algorithms.native import native_work
from fieldmark.conv.algorithms.tiling import tile_work
from fieldmark.conv.auto.parts import CUTS
from fieldmark.conv.prices import (
    KEPT,
    PRICES,
    complex_factor,
    element_type,
    fitted_file,
    fresh,
    load_fitted,
    priced,
    prices_for,
    seconds,
)
from fieldmark.conv.problem import EXACT_TYPES, Problem
from fieldmark.families import resolve

PLANE = Problem(1, 1, 1, (9, 9), (3, 3))


def plane(dtype: torch.dtype) -> Problem:
    return Problem(1, 1, 1, (9, 9), (3, 3), dtype=dtype)


def test_seconds_are_nanoseconds_times_work(keep_prices):
    keep_prices({"prices": {"cpu": {"float32": {"calls": 1000.0, "column_bytes": 0.5}}}})
    assert seconds({"calls": 3.0, "column_bytes": 1e6}, PLANE) == pytest.approx(3e-6 + 5e-4)
    assert seconds({"never heard of": 1e9}, PLANE) == 0


def test_complex_numbers_make_more_arithmetic_and_no_more_bytes_than_are_counted(keep_prices):
    units = ("direct_multiply", "butterflies", "inverse_butterflies", "products", "column_bytes", "calls")
    keep_prices({"prices": {"cpu": {"float32": dict.fromkeys(units, 1e9)}}})
    times = {unit: seconds({unit: 1.0}, plane(torch.complex64)) for unit in units}
    assert times == {
        "direct_multiply": 3,  # (a + b)(c + d) - ac - bd: three real products
        "butterflies": 2,
        "inverse_butterflies": 2,
        "products": 1,  # a spectrum is complex for real numbers too
        "column_bytes": 1,
        "calls": 1,
    }
    assert times == {unit: complex_factor(unit) for unit in units}


def test_complex_numbers_have_the_prices_of_their_parts():
    names = {dtype: element_type(dtype) for dtype in EXACT_TYPES}
    assert names == {
        torch.float32: "float32",
        torch.float64: "float64",
        torch.complex64: "float32",
        torch.complex128: "float64",
    }
    assert all(priced(plane(dtype)) for dtype in EXACT_TYPES)
    assert not any(priced(plane(dtype)) for dtype in (torch.float16, torch.bfloat16, torch.int32))


def test_only_what_memory_cannot_be_found_again_is_fresh():
    assert fresh() == 0
    assert fresh(KEPT - 1, 1.0) == 0
    assert fresh(KEPT, 3.0, 2 * KEPT) == 3 * KEPT


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_unit_of_work_has_a_price_that_comes_with_the_package(dtype):
    prices = PRICES["cpu"][element_type(dtype)]
    assert all(price >= 0 for price in prices.values())
    channels = [(1, 1, 1), (64, 64, 1), (64, 64, 64), (3, 16, 1), (256, 8, 1)]
    for (c_in, c_out, groups), k, size in itertools.product(channels, (1, 3, 15, 63), (64, 1500)):
        problem = Problem(
            1, c_in, c_out, (size, size), (k, k), padding=((0, k // 2), (1, 1)), groups=groups, dtype=dtype
        )
        units: set[str] = set()
        for name in conv.ALGORITHMS:
            member = resolve(conv.ALGORITHMS, name, "convolution algorithm")
            if member.unsupported(problem) is None:
                units |= set(member.work(problem))
        for part, last in itertools.product(("forward", "input", "kernel"), (False, True)):
            units |= set(native_work(problem, part, last))
        for cut in CUTS.values():
            units |= set(tile_work(problem, cut(problem), at_once=False))
        assert units <= set(prices), units - set(prices)


def test_fitted_prices_are_under_fieldmark_data_in_a_file_per_pytorch_and_threads(monkeypatch, tmp_path):
    monkeypatch.setenv("FIELDMARK_DATA", str(tmp_path / "deep"))
    version = torch.__version__.partition("+")[0]
    assert fitted_file(7) == tmp_path / "deep" / f"conv-costs-torch{version}-7threads.json"
    for nowhere in ("", None):
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.delenv("FIELDMARK_DATA", raising=False)
        if nowhere is not None:
            monkeypatch.setenv("FIELDMARK_DATA", nowhere)
        assert fitted_file(1).parent == tmp_path / ".cache" / "fieldmark"


def test_fitted_prices_come_first_and_the_packages_fill_what_they_leave_out(keep_prices):
    path = keep_prices(
        {"prices": {"cpu": {"float32": {"calls": 7, "new": 2.5}}, "cuda": {"float32": {"calls": 1}}}}
    )
    threads = torch.get_num_threads()
    assert prices_for("cpu", "float32", threads) == {**PRICES["cpu"]["float32"], "calls": 7.0, "new": 2.5}
    assert prices_for("cpu", "float64", threads) == PRICES["cpu"]["float64"]
    assert prices_for("cuda", "float32", threads) == {"calls": 1.0}
    assert prices_for("cuda", "float64", threads) == {}
    assert load_fitted(threads)["cuda"] == {"float32": {"calls": 1.0}}
    path.unlink()
    assert load_fitted(threads) == {}


def test_another_number_of_threads_has_other_prices(keep_prices):
    threads = torch.get_num_threads()
    keep_prices({"prices": {"cpu": {"float32": {"calls": 1e9}}}}, threads + 1)
    few = seconds({"calls": 1.0}, PLANE)
    assert few == pytest.approx(1e-9 * PRICES["cpu"]["float32"]["calls"])
    torch.set_num_threads(threads + 1)
    try:
        assert seconds({"calls": 1.0}, PLANE) == 1
    finally:
        torch.set_num_threads(threads)
    assert seconds({"calls": 1.0}, PLANE) == few


NO_PRICES = [
    "",
    "{",
    "null",
    "[]",
    "3",
    "{}",
    '{"prices": null}',
    '{"prices": []}',
    '{"prices": {"cpu": 3}}',
    '{"prices": {"cpu": {"float32": [1, 2]}}}',
    '{"prices": {"cpu": {"float32": {"calls": "many"}}}}',
    '{"prices": {"cpu": {"float32": {"calls": null}}}}',
    '{"prices": {"cpu": {"float32": {"calls": NaN}}}}',
    '{"prices": {"cpu": {"float32": {"calls": Infinity}}}}',
    '{"prices": {"cpu": {"float32": {"calls": -1}}}}',
    '{"prices": {"cpu": {"float32": {"calls": 1' + "0" * 400 + "}}}}",
]


@pytest.mark.parametrize("text", NO_PRICES, ids=lambda text: text[:50])
def test_a_damaged_or_foreign_file_leaves_the_packages_prices(text, keep_prices):
    keep_prices(text)
    assert prices_for("cpu", "float32", torch.get_num_threads()) == PRICES["cpu"]["float32"]
    assert conv.correlate2d([[1.0, 2.0]], [[3.0]]).tolist() == [[3.0, 6.0]]


def test_neither_bytes_nor_a_folder_in_its_place_do_harm(keep_prices):
    path = keep_prices("")
    path.write_bytes(b"\xff\xfe\x00")
    assert load_fitted(torch.get_num_threads()) == {}
    path.unlink()
    path.mkdir()
    assert load_fitted(torch.get_num_threads()) == {}


def test_prices_are_read_once(keep_prices):
    path = keep_prices({"prices": {"cpu": {"float32": {"calls": 5}}}})
    first = seconds({"calls": 1.0}, PLANE)
    path.write_text(json.dumps({"prices": {"cpu": {"float32": {"calls": 6}}}}), encoding="utf-8")
    assert seconds({"calls": 1.0}, PLANE) == first == pytest.approx(5e-9)
    prices.prices_for.cache_clear()
    assert seconds({"calls": 1.0}, PLANE) == pytest.approx(6e-9)
