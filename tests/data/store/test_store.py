"""The store: decoded once, the same when opened again, and remade when anything that matters has changed."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from fieldmark.data.decode.decoder import decode
from fieldmark.data.decode.decoder import opened as opened_picture
from fieldmark.data.pixels.resizing import resize
from fieldmark.data.store import store
from fieldmark.data.store.housekeeping import clear_stores, list_stores
from fieldmark.data.store.manifest import Stored
from fieldmark.data.store.store import Wanted, file_states, key, open_store, required_bytes, settings
from fieldmark.errors import DataError, UserError

generator = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIELDMARK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def draw(path: Path, height: int = 32, width: int = 32, grey: bool = False) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (height, width) if grey else (height, width, 3)
    Image.fromarray(generator.integers(0, 256, shape, dtype=np.uint8)).save(path, "PNG")
    return path.name


def folder_of(path: Path, count: int = 40, **settings: int) -> tuple[Path, list[str]]:
    return path, [draw(path / f"{i}.png", **settings) for i in range(count)]


def opened(root: Path, files: list[str], size: tuple[int, int] | None = None, **settings: object) -> Stored:
    given = {"default_size": 32, "rule": "crop", **settings}
    return open_store(root, files, image_size=size, **given)  # type: ignore[arg-type]


def same(one: Stored, other: Stored) -> bool:
    return (
        torch.equal(one.images, other.images)
        and all(
            np.array_equal(getattr(one, name), getattr(other, name))
            for name in ("hashes", "sizes", "grey", "kept")
        )
        and (one.unreadable, one.image_size) == (other.unreadable, other.image_size)
    )


def wanted(
    root: Path, files: list[str], size: tuple[int, int] = (20, 20), rule: str = "crop", margin: float = 1.0
) -> Wanted:
    return Wanted(root, tuple(files), file_states(root, files), size, rule, margin, settings(rule))


def forbid_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr("fieldmark.data.store.store.make", refuse)


# What it holds


def test_pictures_hashes_and_sizes_are_those_of_the_files(tmp_path: Path) -> None:
    root, files = folder_of(tmp_path / "set", height=50, width=70)
    stored = opened(root, files, (24, 20))
    decoded = [decode(root / file) for file in files]
    assert stored.images.dtype == torch.uint8
    assert stored.images.is_contiguous(memory_format=torch.channels_last)
    expected = np.stack([resize(image, (24, 20), "crop") for image in decoded])
    assert (stored.images.permute(0, 2, 3, 1).numpy() == expected).all()
    digests = [hashlib.sha256(image.tobytes()).digest() for image in decoded]
    assert [row.tobytes() for row in stored.hashes] == digests
    assert stored.sizes.tolist() == [[50, 70]] * len(files)
    assert stored.kept.tolist() == list(range(len(files)))
    assert stored.image_size == (24, 20)
    assert not stored.grey.any()


@pytest.mark.parametrize("colour_at", [None, 0, 1, 39])
def test_grey_only_if_all_are_grey(
    colour_at: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "BLOCK", 1000)  # grey rows are widened in several blocks
    root = tmp_path / "set"
    files = [draw(root / f"{i}.png", grey=i != colour_at) for i in range(40)]
    stored = opened(root, files)
    assert stored.images.shape[1] == (1 if colour_at is None else 3)
    assert stored.grey.tolist() == [i != colour_at for i in range(40)]
    for i, file in enumerate(files):
        assert (stored.images[i].permute(1, 2, 0).numpy() == decode(root / file)).all()


def test_unreadable_pictures_are_listed_and_stop_nothing(tmp_path: Path) -> None:
    root, files = folder_of(tmp_path / "set", 20)
    whole = (root / files[3]).read_bytes()
    (root / "a\nb.png").write_bytes(whole)
    (root / files[0]).write_bytes(b"")
    (root / files[7]).write_bytes(whole[: len(whole) // 2])
    (root / files[19]).write_bytes(b"a poem")
    files = [*files, "gone.png", "a\nb.png"]
    stored = opened(root, files)
    assert stored.kept.tolist() == [i for i in range(22) if i not in (0, 7, 19, 20)]
    assert [one.file for one in stored.unreadable] == [files[i] for i in (0, 7, 19, 20)]
    reasons = [one.reason for one in stored.unreadable]
    for part, reason in zip(("empty", "broken PNG", "text", "no such file"), reasons, strict=True):
        assert part in reason
    assert (stored.images[-1] == stored.images[2]).all()  # each row is its own picture's
    assert same(opened(root, files), stored)


def test_a_broken_first_picture_decides_nothing(tmp_path: Path) -> None:
    root, files = folder_of(tmp_path / "set", 5, grey=True)
    Image.new("RGB", (50, 50)).save(root / "0.png")
    (root / "0.png").write_bytes((root / "0.png").read_bytes()[:60])
    stored = opened(root, files, default_size=40)
    assert stored.images.shape == (4, 1, 32, 32)


def test_no_readable_picture_at_all(tmp_path: Path) -> None:
    stored = opened(tmp_path, ["gone.png"], default_size=28)
    assert stored.images.shape == (0, 1, 28, 28)
    assert stored.hashes.shape == (0, 32)
    assert len(stored.unreadable) == 1
    assert opened(tmp_path, []).images.shape == (0, 1, 32, 32)


def test_absolute_paths_and_odd_names(tmp_path: Path) -> None:
    elsewhere = tmp_path / "else" / "\N{BIRD}, one.png"
    draw(elsewhere)
    stored = opened(tmp_path / "set", [str(elsewhere)])
    assert len(stored.images) == 1
    assert same(opened(tmp_path / "set", [str(elsewhere)]), stored)


# Its size


@pytest.mark.parametrize(
    ("sides", "asked", "margin", "stored_size", "image_size"),
    [
        ([(28, 28)] * 3, None, 1.0, (28, 28), (28, 28)),
        ([(64, 20)] * 3, None, 1.0, (64, 20), (64, 20)),
        ([(65, 20)] * 3, None, 1.0, (32, 32), (32, 32)),
        ([(28, 28)] * 20 + [(28, 29)], None, 1.0, (32, 32), (32, 32)),
        ([(28, 28)] * 3, None, 1.25, (28, 28), (28, 28)),  # native: no pixel to gain
        ([(40, 40)] * 3, (40, 40), 1.25, (40, 40), (40, 40)),
        ([(40, 40)] * 20 + [(41, 40)], (40, 40), 1.25, (50, 50), (40, 40)),
        ([(70, 90)] * 3, None, 1.25, (40, 40), (32, 32)),
        ([(70, 90)] * 3, (30, 20), 1.25, (38, 25), (30, 20)),
        ([(70, 90)] * 3, (30, 20), 1.0, (30, 20), (30, 20)),
    ],
)
def test_sizes(
    sides: list[tuple[int, int]],
    asked: tuple[int, int] | None,
    margin: float,
    stored_size: tuple[int, int],
    image_size: tuple[int, int],
    tmp_path: Path,
) -> None:
    files = [draw(tmp_path / "set" / f"{i}.png", *side) for i, side in enumerate(sides)]
    stored = opened(tmp_path / "set", files, asked, margin=margin)
    assert tuple(stored.images.shape[2:]) == stored_size
    assert stored.image_size == image_size
    assert stored.sizes.tolist() == [list(side) for side in sides]


def test_nothing_is_decoded_twice_without_a_margin(tmp_path: Path) -> None:
    files = [draw(tmp_path / "set" / f"{i}.png", 20, 20 + i) for i in range(3)]
    starts: list[int] = []
    opened(tmp_path / "set", files, (20, 20), progress=lambda _what, done, _total: starts.append(done))
    assert starts == [0, 3]


# Opening again


def test_the_second_time_nothing_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, files = folder_of(tmp_path / "set")
    first = opened(root, files)
    forbid_decoding(monkeypatch)
    again = opened(root, files)
    assert same(first, again)
    again.images[0] = 0  # a private copy: the store stays as it is
    assert same(first, opened(root, files))


def test_the_number_of_workers_changes_nothing(tmp_path: Path) -> None:
    root, files = folder_of(tmp_path / "set", 70, height=40, width=50)
    one = opened(root, files, (20, 20), workers=1)
    clear_stores()
    assert same(opened(root, files, (20, 20), workers=5), one)


def test_whatever_matters_makes_another_store(tmp_path: Path) -> None:
    root, files = folder_of(tmp_path / "set", 3)
    before = key(wanted(root, files))
    others = [
        wanted(root, files, (20, 21)),
        wanted(root, files, rule="pad"),
        wanted(root, files, margin=1.25),
        wanted(root, files[:2]),
        wanted(root, files[::-1]),
        wanted(shutil.copytree(root, tmp_path / "copy"), files),
    ]
    assert len({before, *map(key, others)}) == 7
    time = (root / files[1]).stat().st_mtime_ns
    os.utime(root / files[1], ns=(time, time + 1))
    assert key(wanted(root, files)) != before
    os.utime(root / files[1], ns=(time, time))
    assert key(wanted(root, files)) == before
    (root / files[1]).chmod(0o600)
    assert key(wanted(root, files)) != before


def test_a_changed_picture_is_seen(tmp_path: Path) -> None:
    root, files = folder_of(tmp_path / "set", 3)
    first = opened(root, files)
    draw(root / files[1])
    second = opened(root, files)
    assert (first.hashes != second.hashes).any(1).tolist() == [False, True, False]


def test_installing_the_heic_extra_makes_another_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as without:
        without.setattr("fieldmark.data.store.store._version", lambda _: None)
        before = key(wanted(tmp_path, []))
    monkeypatch.setattr("fieldmark.data.store.store._version", lambda _: "1.1.0")
    assert key(wanted(tmp_path, [])) != before


@pytest.mark.parametrize("damage", ["pixels", "shorter", "longer", "index", "manifest", "no manifest"])
def test_a_damaged_store_is_made_again(damage: str, tmp_path: Path) -> None:
    root, files = folder_of(tmp_path / "set", 5)
    first = opened(root, files)
    folder = list_stores()[0].path
    if damage == "pixels":
        with (folder / "images.bin").open("r+b") as file:
            file.write(b"\0" * 100)
        os.utime(folder / "images.bin", ns=(0, 0))
    elif damage in ("shorter", "longer"):
        with (folder / "images.bin").open("r+b") as file:
            file.truncate(5 * 32 * 32 * 3 + (1 if damage == "longer" else -1))
    elif damage == "index":
        content = bytearray((folder / "index.npz").read_bytes())
        content[80] ^= 1
        (folder / "index.npz").write_bytes(content)
    elif damage == "manifest":
        (folder / "store.json").write_text('{"format": 1}')
    else:
        (folder / "store.json").unlink()
    first_images = torch.from_numpy(np.stack([decode(root / file) for file in files])).permute(0, 3, 1, 2)
    second = opened(root, files)
    assert torch.equal(second.images, first_images)
    assert (second.hashes == first.hashes).all()
    assert [store.path for store in list_stores()] == [folder]


def test_a_store_that_was_only_copied_is_as_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, files = folder_of(tmp_path / "set", 5)
    first = opened(root, files)
    os.utime(list_stores()[0].path / "images.bin", ns=(0, 0))
    forbid_decoding(monkeypatch)
    assert same(opened(root, files), first)


# One decode per picture and size


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are decoded from now on."""
    names: list[str] = []

    def noting(path: str) -> object:
        names.append(Path(path).name)
        return opened_picture(path)

    monkeypatch.setattr("fieldmark.data.decode.pool.opened", noting)
    return names


@pytest.mark.parametrize(("side", "size"), [(28, 28), (70, 32)])
def test_a_size_found_and_the_same_size_asked_for_are_one_store(
    side: int, size: int, tmp_path: Path, decoded: list[str]
) -> None:
    root, files = folder_of(tmp_path / "set", 20, height=side, width=side)
    found = opened(root, files)
    decoded.clear()
    assert same(opened(root, files, (size, size)), found)
    assert decoded == []
    clear_stores()
    asked = opened(root, files, (size, size))
    decoded.clear()
    assert same(opened(root, files), asked)
    assert decoded == [files[0]]  # whose size says whether all may be native


def test_one_size_asked_for_does_not_make_pictures_native(tmp_path: Path) -> None:
    files = [draw(tmp_path / "set" / f"{i}.png", 28, side) for i, side in enumerate((28, 30))]
    assert opened(tmp_path / "set", files, (28, 28)).image_size == (28, 28)
    assert opened(tmp_path / "set", files, default_size=32).image_size == (32, 32)


@pytest.mark.parametrize("grey", [True, False])
def test_only_what_no_store_has_is_decoded(grey: bool, tmp_path: Path, decoded: list[str]) -> None:
    root, files = folder_of(tmp_path / "set", 40, height=50, width=40, grey=grey)
    some = opened(root, files[30:10:-1], (20, 20))
    colour = draw(root / "colour.png")
    changed = draw(root / files[12], 50, 40)
    decoded.clear()
    every = opened(root, [*files, colour], (20, 20))
    assert set(decoded) == {*files[:11], files[31], *files[32:], changed, colour} | {files[0]}
    copied = [place for place in range(11, 31) if files[place] != changed]
    rows = [files[30:10:-1].index(files[place]) for place in copied]
    assert (every.images[copied] == some.images[rows]).all()
    assert every.grey.tolist() == [grey and file not in (changed, colour) for file in [*files, colour]]
    clear_stores()
    assert same(opened(root, [*files, colour], (20, 20)), every)


@pytest.mark.parametrize(("size", "rule"), [((20, 21), "crop"), ((20, 20), "pad")])
def test_pixels_of_another_kind_are_not_copied(
    size: tuple[int, int], rule: str, tmp_path: Path, decoded: list[str]
) -> None:
    root, files = folder_of(tmp_path / "set", 5, height=50, width=40)
    opened(root, files, (20, 20))
    decoded.clear()
    opened(root, files, size, rule=rule)
    assert set(decoded) == set(files)


# What can go wrong, and what is said


def test_progress_announces_the_size_and_ends_at_the_total(tmp_path: Path) -> None:
    root, files = folder_of(tmp_path / "set", 40)
    calls: list[tuple[str, int, int]] = []
    opened(root, files, progress=lambda *call: calls.append(call))
    assert calls[0] == ("decode (0.1 MB)", 0, 40)
    assert calls[-1][1:] == (40, 40)
    assert [done for _, done, _ in calls] == sorted(done for _, done, _ in calls)


def test_too_little_room_is_said_before_anything_is_decoded(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, files = folder_of(tmp_path / "set", 5)
    full = SimpleNamespace(free=100)
    monkeypatch.setattr("fieldmark.data.store.housekeeping.shutil.disk_usage", lambda _: full)
    with pytest.raises(DataError, match=r"0\.1 MB.*FIELDMARK_CACHE") as caught:
        opened(root, files)
    assert str(cache) in str(caught.value)
    assert list(cache.iterdir()) == []


def test_a_full_disk_while_writing_is_one_line(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    root, files = folder_of(tmp_path / "set", 5)
    monkeypatch.setattr("fieldmark.data.store.store.write_index", full)
    with pytest.raises(DataError, match=r"No space left on device.*FIELDMARK_CACHE"):
        opened(root, files)
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written_names_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("FIELDMARK_CACHE", str(tmp_path / "file" / "stores"))
    with pytest.raises(DataError, match="FIELDMARK_CACHE") as caught:
        opened(tmp_path, ["gone.png"])
    assert str(tmp_path / "file") in str(caught.value)


def test_an_unknown_rule_is_refused_though_nothing_needs_resizing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'squash' is not a resize rule"):
        opened(tmp_path, [], rule="squash")


def test_interrupting_leaves_nothing_behind(tmp_path: Path, cache: Path) -> None:
    root, files = folder_of(tmp_path / "set", 60)

    def interrupt(_what: str, done: int, _total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        opened(root, files, progress=interrupt)
    assert list(cache.iterdir()) == []
    assert len(opened(root, files).images) == 60


def test_required_bytes_covers_what_is_written(tmp_path: Path) -> None:
    root, files = folder_of(tmp_path / "set", 200)
    opened(root, files)
    assert list_stores()[0].bytes <= required_bytes(200, (32, 32)) + 4096
