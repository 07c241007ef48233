"""Pictures in memory: every kind gives the row of its file, and what is no picture a row with the reason."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fieldmark.data.decode.decoder import decode
from fieldmark.data.decode.modes import whole
from fieldmark.errors import UserError
from fieldmark.models import create
from fieldmark.shipping.classifier import Classifier
from fieldmark.shipping.inputs import pixels_of as opened_pixels_of
from fieldmark.vocabulary import Preprocessing, Undecodable


def pixels_of(source: object) -> np.ndarray:
    with opened_pixels_of(source) as pixels:
        return whole(pixels)


ORIENTATION = 0x0112  # the EXIF tag


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@pytest.fixture
def classifier() -> Classifier:
    torch.manual_seed(0)
    preprocessing = Preprocessing((8, 8), 3, (0.5,) * 3, (0.2,) * 3)
    return Classifier(create("baseline", 2, 3, 8), "baseline", {}, ("crow", "swan"), preprocessing)


@pytest.mark.parametrize("shape", [(9, 12), (9, 12, 3), (9, 12, 4)])
def test_every_kind_of_picture_is_its_file(tmp_path: Path, shape: tuple[int, ...]) -> None:
    picture = Image.fromarray(noise(*shape))
    picture.save(tmp_path / "a.png")
    array, content = np.asarray(picture), (tmp_path / "a.png").read_bytes()
    tensor = torch.from_numpy(array.copy())
    given = [
        *(tmp_path / "a.png", str(tmp_path / "a.png"), content, bytearray(content), memoryview(content)),
        *(picture, Image.open(tmp_path / "a.png"), array, array[::-1][::-1]),
        tensor if tensor.dim() == 2 else tensor.permute(2, 0, 1),
    ]
    expected = decode(tmp_path / "a.png")
    for one in given:
        assert np.array_equal(pixels_of(one), expected), type(one)


def test_one_channel_may_have_an_axis_of_its_own() -> None:
    grey = noise(9, 12)
    for one in (grey[:, :, None], torch.from_numpy(grey)[None]):
        assert np.array_equal(pixels_of(one), grey[:, :, None])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpg", "tif", "webp"])
def test_pil_pictures_are_turned_as_their_exif_says(tmp_path: Path, orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = tmp_path / f"a.{kind}"
    Image.fromarray(noise(9, 12, 3)).save(path, exif=exif)
    assert np.array_equal(pixels_of(Image.open(path)), decode(path))
    assert np.array_equal(pixels_of(path.read_bytes()), decode(path))


def test_the_same_lazy_picture_may_be_given_many_times(classifier: Classifier, tmp_path: Path) -> None:
    Image.fromarray(noise(300, 300, 3)).save(tmp_path / "a.jpg")
    lazy = Image.open(tmp_path / "a.jpg")
    rows = classifier.predict([lazy] * 40)
    assert {(row.status, row.scores) for row in rows} == {("ok", rows[0].scores)}


def test_a_wrong_element_is_a_row_and_moves_no_other(classifier: Classifier, tmp_path: Path) -> None:
    good = noise(9, 12, 3)
    given = [
        good,
        None,
        3,
        b"",
        b"a poem",
        good,
        torch.zeros(3, 8, 8),
        "no.png",
        Image.new("F", (4, 4)),
        good,
    ]
    rows = classifier.predict(iter(given), batch_size=3)
    assert [row.status for row in rows] == [
        *("ok", "unsupported", "unsupported", "unreadable", "unreadable"),
        *("ok", "unsupported", "missing", "unsupported", "ok"),
    ]
    assert [row.file for row in rows] == [
        *("array[0]", "NoneType[1]", "int[2]", "bytes[3]", "bytes[4]"),
        *("array[5]", "tensor[6]", "no.png", "picture[8]", "array[9]"),
    ]
    assert rows[0].scores == pytest.approx(rows[5].scores)
    assert "tensor float32 (3, 8, 8); wanted" in str(rows[6].reason)


@pytest.mark.parametrize(
    "wrong",
    [
        noise(8, 8, 3).astype(np.float32),
        noise(8, 8).astype(bool),
        noise(3, 8, 8),
        noise(2, 8, 8, 3),
        noise(8),
        np.zeros((0, 8, 3), np.uint8),
        np.array(None),
        torch.zeros(8, 8, 3, dtype=torch.uint8),
        torch.zeros(3, 8, 8, dtype=torch.bfloat16),
        [1, 2],
        object(),
    ],
    ids=lambda wrong: f"{type(wrong).__name__} {getattr(wrong, 'shape', '')}",
)
def test_what_is_no_picture_says_what_is_wanted(wrong: object) -> None:
    with pytest.raises(
        Undecodable, match=r"wanted: a path, .* or a tensor uint8 \(H, W\) or \(C, H, W\)"
    ) as caught:
        pixels_of(wrong)
    assert caught.value.status == "unsupported"


def test_a_pil_picture_of_a_broken_file_is_unreadable(tmp_path: Path) -> None:
    Image.fromarray(noise(100, 100, 3)).save(tmp_path / "a.png")
    broken = io.BytesIO((tmp_path / "a.png").read_bytes()[:9000])
    with pytest.raises(Undecodable, match="broken picture"):
        pixels_of(Image.open(broken))


@pytest.mark.parametrize(
    "single",
    [b"x", Image.new("L", (8, 8)), torch.zeros(3, 8, 8), noise(2, 8, 8, 3), 3, None],
    ids=lambda single: type(single).__name__,
)
def test_a_single_picture_is_asked_for_its_brackets(classifier: Classifier, single: object) -> None:
    with pytest.raises(UserError, match="in brackets"):
        classifier.predict(single)  # type: ignore[arg-type]
