from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from fieldmark.cli import main
from fieldmark.cli.cache import age
from fieldmark.data.store.housekeeping import cache_folder
from fieldmark.weights.pickles import as_safetensors


def stores(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    assert main(["cache", "--json"]) == 0
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)["stores"]
    return found


@pytest.fixture
def two_stores(photos: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    for size in ("12", "8"):
        assert main(["show", str(photos), "--image-size", size, "--out", f"{size}.png"]) == 0
    capsys.readouterr()
    return stores(capsys)


def test_an_empty_cache_says_where_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache"]) == 0
    assert capsys.readouterr().out == f"{cache_folder()} is empty.\n"


def test_stores_are_listed_with_size_age_and_source(
    two_stores: list[dict[str, object]], photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(two_stores) == 2
    assert all(store["pictures"] == 40 and store["source"] == str(photos) for store in two_stores)
    assert main(["cache"]) == 0
    shown = capsys.readouterr().out
    for store in two_stores:
        assert str(store["key"])[:12] in shown
    assert "now" in shown
    assert "MB" in shown


def test_one_store_is_cleared_by_the_beginning_of_its_key(
    two_stores: list[dict[str, object]], capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = two_stores
    assert main(["cache", "--clear", str(first["key"])[:12]]) == 0
    assert "removed 1 store, freed 0.1 MB" in capsys.readouterr().out
    assert stores(capsys) == [second]


@pytest.mark.parametrize("words", [["--clear"], ["--clear", "all"]])
def test_all_are_cleared_and_the_bytes_told(
    words: list[str], two_stores: list[dict[str, object]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cache", *words, "--json"]) == 0
    freed = sum(int(str(store["bytes"])) for store in two_stores)
    assert json.loads(capsys.readouterr().out) == {"removed": 2, "freed": freed}
    assert stores(capsys) == []


def test_weights_read_from_a_torch_file_are_listed_and_cleared_with_the_rest(
    two_stores: list[dict[str, object]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"weight": torch.zeros(50_000)}, tmp_path / "public.pth")
    kept = as_safetensors(tmp_path / "public.pth")
    *pictures, weights = stores(capsys)
    assert pictures == two_stores
    assert weights["key"] == kept.stem
    assert weights["source"] == str(tmp_path / "public.pth")
    assert weights["pictures"] is None
    assert weights["bytes"] == kept.stat().st_size > 200_000
    assert main(["cache"]) == 0
    assert "weights" in capsys.readouterr().out
    assert main(["cache", "--clear", kept.stem[:12]]) == 0
    assert "removed 1 store, freed 0.2 MB" in capsys.readouterr().out
    assert stores(capsys) == two_stores

    as_safetensors(tmp_path / "public.pth")
    assert main(["cache", "--clear", "all", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["removed"] == 3
    assert stores(capsys) == []


@pytest.mark.parametrize(
    ("key", "told"), [("xyz", "no store has a key that begins with 'xyz'"), ("", "2 stores")]
)
def test_a_key_that_is_not_one_stores_removes_nothing(
    key: str, told: str, two_stores: list[dict[str, object]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cache", "--clear", key]) == 1
    assert told in capsys.readouterr().err
    assert stores(capsys) == two_stores


@pytest.mark.parametrize("created", ["", "yesterday", "2026-01-01T00:00:00"])
def test_a_store_that_does_not_tell_its_time_has_no_age(created: str) -> None:
    assert age(created) == "-"
