from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli.cli_helpers import make_pictures
from PIL import Image

from fieldmark.cli import main


def written(capsys: pytest.CaptureFixture[str]) -> list[str]:
    found: list[str] = json.loads(capsys.readouterr().out)["files"]
    return found


def test_a_set_of_one_size_gives_a_grid(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "sample", "--json"]) == 0
    assert written(capsys) == ["grid.png"]
    with Image.open("grid.png") as picture:
        assert picture.format == "PNG"


def test_augmentation_gives_a_row_per_picture(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["show", str(photos), "--json", "--rows", "3", "--out"]
    assert main([*words, "rows.png", "--augment", "mirror", "crop", "zoom"]) == 0
    assert written(capsys) == ["rows.png"]
    assert main([*words, "plain.png"]) == 0
    assert Path("rows.png").read_bytes() != Path("plain.png").read_bytes()


def test_files_of_other_shapes_also_show_the_resize_rules(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "wide"
    make_pictures(folder / "a", 4, 180, (20, 80))
    make_pictures(folder / "b", 4, 20, (20, 80))
    assert main(["show", str(folder), "--image-size", "16", "--out", "w.png"]) == 0
    assert capsys.readouterr().out.splitlines() == ["w.png", "w-resize.png"]
    assert Path("w-resize.png").is_file()


def test_the_same_seed_draws_the_same_picture(photos: Path) -> None:
    words = ["show", str(photos), "--rows", "2", "--augment", "crop", "erase"]
    assert main([*words, "--out", "a.png"]) == 0
    assert main([*words, "--out", "b.png"]) == 0
    assert main([*words, "--out", "c.png", "--seed", "1"]) == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes() != Path("c.png").read_bytes()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ([], 2, "fieldmark show DATA"),
        (["no-such-data"], 1, "no-such-data"),
        (["sample", "--out", "grid.jpg"], 1, ".png"),
        (["sample", "--out", "none/grid.png"], 1, "no folder none"),
        (["sample", "--augment", "miror"], 1, "Closest: mirror"),
        (["sample", "--model", "digit"], 1, "Closest: digits"),
        (["sample", "--rows", "0"], 1, "--rows 0"),
        (["sample", "--columns", "1000"], 1, "--columns 1000"),
        (["sample", "--seed", "-1"], 1, "--seed -1"),
        (["sample", "--classes", "3", "fish"], 1, "fish"),
    ],
)
def test_wrong_use_is_one_line(
    words: list[str], code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", *words]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert told in captured.err
    assert list(Path().iterdir()) == [], "nothing written"


@pytest.mark.parametrize("taken", ["grid.png", "grid-resize.png"])
def test_no_file_is_overwritten_without_a_word(taken: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(taken).write_text("mine")
    assert main(["show", "sample"]) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert [path.name for path in Path().iterdir()] == [taken]
    assert Path(taken).read_text() == "mine"


def test_each_step_is_told_with_its_strength_and_what_it_changed(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["show", "sample", "--rows", "4", "--overwrite", "--augment", "saturation", "crop", "mixup"]
    assert main(words) == 0
    captured = capsys.readouterr()
    assert captured.out == "grid.png\n"
    lines = captured.err.splitlines()
    # grey pictures have no saturation
    assert any(
        line.startswith("saturation (strength")
        and line.endswith("changes nothing here, none of the 4 pictures")
        for line in lines
    ), lines
    assert any(line.startswith("crop (padding 2, mode reflect): changed ") for line in lines), lines
    assert main([*words, "--json"]) == 0
    steps = json.loads(capsys.readouterr().out)["steps"]
    assert [step["name"] for step in steps] == ["saturation", "crop", "mixup"]
    assert steps[0]["changed"] == 0 < steps[1]["changed"] <= 4


def test_the_figure_says_which_step_changes_nothing() -> None:
    import torch

    from fieldmark.figures.gallery import augmentation_rows

    grey = torch.full((2, 1, 8, 8), 7, dtype=torch.uint8)
    traces = [("original", grey), ("saturation", grey.clone()), ("brightness", grey + 1)]
    texts = [text.get_text() for text in augmentation_rows(traces, ["a", "b"], source="x").axes[0].texts]
    assert texts.count("no change") == 1
    assert texts[texts.index("no change") - 1] == "saturation"
