from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from PIL import Image

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


# Odd names, folders that may not be listed, lists in tables, content


@pytest.mark.parametrize("name", ["x" * 300, "x" * 5000 + "*.jpg", "a\0b.jpg", "~nobody-of-this-name/a.jpg"])
def test_an_odd_name_is_a_row_of_its_own(holiday: Path, name: str) -> None:
    assert find([name, "holiday/notes.txt"], []).files == [name, "holiday/notes.txt"]


def test_a_folder_that_may_not_be_listed_is_a_row_of_its_own(
    holiday: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "day 1":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    everything = find(["holiday"], []).files
    monkeypatch.setattr(os, "scandir", refuse)
    found = find(["holiday", "holiday/day 1"], [])
    closed = str(Path("holiday/day 1"))
    rest = [file for file in everything if not file.startswith(closed + os.sep)]
    assert [file for file in found.files if file != closed] == rest
    assert found.files.count(closed) == 2
    assert found.reasons == {closed: f"cannot list {closed}: Permission denied."}


def test_a_table_is_a_list_of_files(holiday: Path) -> None:
    Path("holiday/list.csv").write_text("image,note\n1.jpg,a\nday 1/3.jpeg,b\n", encoding="utf-8")
    assert find(["holiday/list.csv"], []).files == [
        str(Path("holiday/1.jpg")),
        str(Path("holiday/day 1/3.jpeg")),
    ]
    Path("list.tsv").write_text("what\twhere\nx\ta.jpg\n", encoding="utf-8")
    assert find(["list.tsv"], [], file_column="where").files == ["a.jpg"]
    found = find(["list.tsv", "no.csv", "b.jpg"], [])
    assert found.files == ["list.tsv", "no.csv", "b.jpg"]
    assert "no column of file names" in found.reasons["list.tsv"]


def test_a_parquet_list_with_the_pictures_inside(holiday: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    content = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(content, "PNG")
    parquet.write_table(
        pyarrow.table({"image": [{"bytes": content.getvalue(), "path": None}] * 2}), "t.parquet"
    )
    found = find(["t.parquet"], [])
    assert [Path(file).read_bytes() for file in found.files] == [content.getvalue()] * 2


def test_any_extension_goes_by_the_content(holiday: Path) -> None:
    Image.new("RGB", (8, 8)).save("holiday/IMG_0001", "JPEG")
    Image.new("RGB", (8, 8)).save("holiday/day 1/scan.dat", "PNG")
    os.mkfifo("holiday/pipe") if hasattr(os, "mkfifo") else None
    names = {Path(file).name for file in find(["holiday"], [], any_extension=True).files}
    assert names == {"IMG_0001", "scan.dat"}
