"""A figure file is whole or not there."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO
from unittest import mock

import pytest
from PIL import Image

from fieldmark.errors import UserError
from fieldmark.figures.page import page, save


def test_the_png_states_its_resolution(tmp_path: Path) -> None:
    figure, _ = page(3, 2)
    path = save(figure, str(tmp_path / "figure.png"))
    with Image.open(path) as image:
        assert (image.format, image.size, image.mode) == ("PNG", (450, 300), "RGB")
        assert [round(dots) for dots in image.info["dpi"]] == [150, 150]
    assert [file.name for file in tmp_path.iterdir()] == ["figure.png"]


def test_a_full_disk_leaves_the_old_figure_and_says_why(tmp_path: Path) -> None:
    figure, _ = page(3, 2)
    path = save(figure, tmp_path / "figure.png")
    before = path.read_bytes()

    def half(self: Image.Image, file: BinaryIO, **_: object) -> None:
        file.write(b"half a picture")
        raise OSError(28, "No space left on device")

    with (
        mock.patch.object(Image.Image, "save", half),
        pytest.raises(UserError, match="No space left") as error,
    ):
        save(figure, path)
    assert "figure.png" in str(error.value)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["figure.png"]


def test_a_figure_is_not_written_through_a_link(tmp_path: Path) -> None:
    figure, _ = page(3, 2)
    (tmp_path / "outside").write_text("theirs")
    for name in ("figure.png", ".figure.png.partial"):
        (tmp_path / name).symlink_to(tmp_path / "outside")
    with pytest.raises(UserError, match="is a link"):
        save(figure, tmp_path / "figure.png")
    (tmp_path / "figure.png").unlink()
    save(figure, tmp_path / "figure.png")
    assert (tmp_path / "outside").read_text() == "theirs"


def test_other_endings_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"figure\.jpg does not end in \.png"):
        save(page(1, 1)[0], tmp_path / "figure.jpg")
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere"):
        save(page(1, 1)[0], tmp_path / "nowhere" / "figure.png")
