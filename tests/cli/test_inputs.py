from __future__ import annotations

from pathlib import Path

import pytest

from fieldmark.cli.inputs import find


@pytest.fixture
def holiday(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "holiday"
    for name in (
        "10.jpg",
        "2.PNG",
        "day 1/3.jpeg",
        "day 10/a.webp",
        "day 2/b.gif",
        "notes.txt",
        "day 2/film.mov",
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    for junk in (".DS_Store", "Thumbs.db", ".ipynb_checkpoints/2.jpg"):
        path = folder / junk
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return folder


def test_a_folder_gives_its_pictures_in_natural_order_and_counts_the_others(holiday: Path) -> None:
    found = find(["holiday"], [])
    expected = ["2.PNG", "10.jpg", "day 1/3.jpeg", "day 2/b.gif", "day 10/a.webp"]
    assert found.files == [str(Path("holiday") / name) for name in expected]
    assert found.others == {".txt": 1, ".mov": 1}


def test_a_file_named_explicitly_is_always_there_and_order_is_kept(holiday: Path) -> None:
    words = ["holiday/notes.txt", "missing.jpg", "holiday/10.jpg", "holiday/10.jpg"]
    assert find(words, []).files == words


def test_a_glob_that_no_shell_expanded_is_expanded_here(holiday: Path) -> None:
    found = find(["holiday/*.[jP]*"], [])
    assert found.files == [str(Path("holiday/2.PNG")), str(Path("holiday/10.jpg"))]
    deep = find(["holiday/**/*.gif"], [])
    assert deep.files == [str(Path("holiday/day 2/b.gif"))]


def test_a_glob_without_a_match_stands_for_itself(holiday: Path) -> None:
    assert find(["holiday/*.tiff"], []).files == [str(Path("holiday/*.tiff"))]


def test_a_file_whose_name_looks_like_a_glob_is_that_file(holiday: Path) -> None:
    (holiday / "a[1].jpg").write_bytes(b"")
    assert find(["holiday/a[1].jpg"], []).files == ["holiday/a[1].jpg"]


def test_a_dash_reads_names_from_stdin_one_per_line(holiday: Path) -> None:
    found = find(["first.jpg", "-"], ["holiday/notes.txt\n", "\n", "with space.jpg\r\n", "holiday/day 1\n"])
    expected = ["first.jpg", "holiday/notes.txt", "with space.jpg", str(Path("holiday/day 1/3.jpeg"))]
    assert found.files == expected


def test_a_folder_that_holds_a_link_to_itself_ends(holiday: Path) -> None:
    (holiday / "day 1" / "again").symlink_to(holiday, target_is_directory=True)
    assert len(find(["holiday"], []).files) == 5
