"""Decoding side by side: in order, little in memory at a time, stopped at once."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fieldmark.data.decode import decoder, pool
from fieldmark.data.decode.decoder import Budget
from fieldmark.data.decode.pool import TOGETHER, Decoded, decode_all, decode_one
from fieldmark.shipping.pictures import read_pictures
from fieldmark.vocabulary import Preprocessing, Undecodable


def draw(folder: Path, count: int) -> list[str]:
    for i in range(count):
        Image.new("L", (8, 8), i).save(folder / f"{i}.png")
    return [f"{i}.png" for i in range(count)]


@pytest.mark.parametrize("workers", [1, 4, None])
def test_pictures_come_in_the_order_of_the_files(workers: int | None, tmp_path: Path) -> None:
    files = [*draw(tmp_path, 100), "gone.png"]
    answers = [one for some in decode_all(tmp_path, files, (8, 8), "crop", workers) for one in some]
    assert [one.pixels[0, 0, 0] for one in answers if isinstance(one, Decoded)] == list(range(100))
    assert isinstance(answers[100], Undecodable)
    assert answers[100].status == "missing"


def test_no_more_is_decoded_than_can_be_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = draw(tmp_path, 1) * (TOGETHER * 300)
    decoded = []
    original = pool.opened
    monkeypatch.setattr(pool, "opened", lambda path: decoded.append(path) or original(path))
    running = decode_all(tmp_path, files, (8, 8), "crop", 2)
    next(running)
    time.sleep(0.2)
    running.close()
    assert len(decoded) <= 9 * TOGETHER
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decoding")]


def test_an_error_of_ours_is_not_taken_for_a_broken_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(pool, "opened", fail)
    with pytest.raises(ZeroDivisionError):
        list(decode_all(tmp_path, draw(tmp_path, 1), (8, 8), "crop"))


def test_all_threads_together_keep_to_the_memory_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    side, held = 200, []
    for i in range(12):
        Image.new("RGB", (side, side), (i, 0, 0)).save(tmp_path / f"{i}.png")
    files = [f"{i}.png" for i in range(12)] * 8
    budget = Budget(4 * side * side * 3)  # Pillow has 4 bytes a pixel; three pictures
    load = decoder._load
    monkeypatch.setattr(decoder, "_budget", budget)
    monkeypatch.setattr(decoder, "_load", lambda *given: held.append(budget.held) or load(*given))
    answers = [one for some in decode_all(tmp_path, files, (8, 8), "crop", 6) for one in some]
    preprocessing = Preprocessing((8, 8), 3, (0.5,) * 3, (0.5,) * 3)
    predicted = next(read_pictures([tmp_path / file for file in files], preprocessing, group=len(files)))
    assert [one.pixels[0, 0, 0] for one in answers if isinstance(one, Decoded)] == 8 * list(range(12))
    assert [one.image[0, 0, 0] for one in predicted if one.image is not None] == 8 * list(range(12))
    assert len(held) == 2 * len(files)
    assert 0 < max(held) <= budget.most
    assert budget.held == 0


def test_one_picture_in_its_own_size(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((5, 7, 3), np.uint8)).save(tmp_path / "a.png")
    one = decode_one(tmp_path, "a.png", None, "crop")
    assert isinstance(one, Decoded)
    assert one.pixels.shape == (5, 7, 3)
    assert one.size == (5, 7)
