from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
from cli.cli_helpers import imported_by
from PIL import ExifTags, Image
from scipy import ndimage

from fieldmark.cli import main
from fieldmark.cli.convolve import Convolve
from fieldmark.conv import kernels
from fieldmark.conv.boundaries import BOUNDARIES

NOISE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """20 rows, 30 columns of coloured noise."""
    Image.fromarray(NOISE).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def convolved(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[np.ndarray, dict[str, Any]]:
    """The pixels of the PNG, and the JSON."""
    assert main(["convolve", *map(str, words), "--json"]) == 0, capsys.readouterr().err
    told = json.loads(capsys.readouterr().out)
    with Image.open(told["file"]) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture), told


def each_colour(filtered: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    return np.stack([filtered(NOISE[:, :, colour].astype(float)) for colour in range(3)], axis=2)


def stands_around_grey(pixels: np.ndarray, values: np.ndarray) -> bool:
    """Whether the pixels are the values, rounded; of two levels as near as each other, either."""
    return bool(np.abs(pixels - (128 + 127 * values / np.abs(values).max())).max() <= 0.5 + 1e-9)


@pytest.mark.parametrize("axis", [0, 1])
def test_sobel_is_that_of_scipy_around_grey(
    axis: int, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels, told = convolved(capsys, photo, "--kernel", ("sobel_y", "sobel_x")[axis], "--out", "edges.png")
    expected = each_colour(lambda colour: ndimage.sobel(colour, axis, mode="mirror"))
    assert stands_around_grey(pixels, expected)
    assert told["file"] == "edges.png"
    assert told["input"] == told["output"] == [20, 30, 3]
    assert told["values"] == pytest.approx([expected.min(), expected.max()])
    assert told["levels"] == pytest.approx(
        {"zero": 128, "per_level": np.abs(expected).max() / 127, "clipped": 0}
    )


def test_gaussian_is_that_of_scipy_on_its_own_scale(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pixels, told = convolved(capsys, photo, "--kernel", "gaussian", "--sigma", 1.5)
    expected = ndimage.gaussian_filter(NOISE * 1.0, (1.5, 1.5, 0), mode="mirror")
    assert np.abs(pixels - expected).max() <= 0.5 + 1e-9
    assert told["levels"] == {"zero": 0, "per_level": 1, "clipped": 0}
    assert told["kernels"][0]["name"] == "gaussian"
    assert told["kernels"][0]["size"] == [13, 13]


def test_sharpen_is_cut_off_at_black_and_white(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pixels, told = convolved(capsys, photo, "--kernel", "sharpen", "--boundary", "replicate")
    expected = each_colour(lambda colour: ndimage.correlate(colour, kernels.sharpen(), mode="nearest"))
    assert (pixels == expected.clip(0, 255)).all()
    assert told["levels"]["clipped"] == ((expected < 0) | (expected > 255)).mean() > 0.1


def test_kernels_are_applied_one_after_the_other(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pixels, told = convolved(capsys, photo, "--grey", "--kernel", "mean", "laplacian", "--size", 5)
    with Image.open(photo) as picture:
        grey = np.asarray(picture.convert("L"), float)
    expected = ndimage.laplace(ndimage.uniform_filter(grey, 5, mode="mirror"), mode="mirror")
    assert stands_around_grey(pixels, expected)
    assert [(one["name"], one["size"]) for one in told["kernels"]] == [
        ("mean", [5, 5]),
        ("laplacian", [3, 3]),
    ]
    assert told["output"] == [20, 30, 1]
    assert told["file"] == "photo-mean-laplacian.png"


def test_a_kernel_of_ones_own_and_what_flipping_it_does(
    photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [photo, "--padding", "valid", "--weights"]
    pixels, told = convolved(capsys, *words, "-1 2 0; 1/2, 0, 3e0", "--out", "a.png")
    taps = np.array([[-1, 2, 0], [0.5, 0, 3]])
    expected = ndimage.correlate(NOISE * 1.0, taps[:, :, None], origin=(-1, 0, 0))[:-1, 1:-1]
    assert stands_around_grey(pixels, expected)
    assert told["output"] == [19, 28, 3]
    turned, _ = convolved(capsys, *words, "3 0 1/2; 0 2 -1", "--flip", "--out", "b.png")
    assert (turned == pixels).all()
    unturned, _ = convolved(capsys, *words, "3 0 1/2; 0 2 -1", "--out", "c.png")
    assert (unturned != pixels).any()


@pytest.mark.parametrize(
    ("padding", "stride", "size"),
    [
        ("same", 1, [20, 30]),
        ("valid", 1, [16, 26]),
        ("full", 1, [24, 34]),
        ("same", 3, [7, 10]),
        ("valid", 2, [8, 13]),
    ],
)
def test_padding_and_stride(
    padding: str, stride: int, size: list[int], photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [photo, "--kernel", "mean", "--size", 5, "--padding", padding, "--out"]
    every, told = convolved(capsys, *words, "every.png")
    some, told = convolved(capsys, *words, "some.png", "--stride", stride)
    assert told["output"][:2] == size
    assert (some == every[::stride, ::stride]).all()


def test_a_stride_samples_the_last_result_alone(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [photo, "--kernel", "gaussian", "sharpen", "--out"]
    every, _ = convolved(capsys, *words, "every.png")
    some, _ = convolved(capsys, *words, "some.png", "--stride", 2)
    assert (some == every[::2, ::2]).all()


@pytest.mark.parametrize(
    ("boundary", "mode"),
    [("reflect", "mirror"), ("replicate", "nearest"), ("circular", "wrap"), ("zeros", "constant")],
)
def test_what_stands_beyond_the_edge(
    boundary: str, mode: str, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels, _ = convolved(capsys, photo, "--kernel", "prewitt_x", "--boundary", boundary)
    assert stands_around_grey(pixels, each_colour(lambda colour: ndimage.prewitt(colour, 1, mode=mode)))


def test_all_boundaries_can_be_asked_for() -> None:
    assert set(get_args(get_type_hints(Convolve)["boundary"])) == set(BOUNDARIES)


def test_algorithms_agree_and_are_named(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [photo, "--kernel", "gabor", "--size", 5, "--degrees", 30, "--phase", 90, "--out"]
    by_auto, told = convolved(capsys, *words, "a.png")
    by_definition, defined = convolved(capsys, *words, "b.png", "--algorithm", "reference")
    assert (by_auto == by_definition).all()
    assert defined["kernels"][0]["algorithm"] == "reference"
    assert told["kernels"][0]["algorithm"] not in ("auto", "reference")


def test_a_picture_of_one_colour_has_no_edges(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (30, 20), (200, 30, 99)).save(tmp_path / "even.png")
    for name in ("sobel_x", "cross", "checkerboard", "diagonal"):
        words = [tmp_path / "even.png", "--kernel", name]
        pixels, _ = convolved(capsys, *words, *([] if name == "sobel_x" else ["--size", "7"]))
        assert (pixels == 128).all(), name


def test_the_picture_stands_as_the_camera_was_held(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(NOISE).save(tmp_path / "turned.jpg", exif=exif)
    _, told = convolved(capsys, tmp_path / "turned.jpg", "--kernel", "mean")
    assert told["input"] == [30, 20, 3]


def test_the_line_says_what_was_done(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["convolve", str(photo), "--weights", "1 1; 1 1", "--padding", "valid", "--out", "sum.png"]) == 0
    )
    captured = capsys.readouterr()
    assert captured.err == ""
    line = captured.out
    assert line.startswith("sum.png: 20 x 30 to 19 x 29 pixels, weights 2x2 by ")
    assert line.endswith(", shown as value / 4\n")
    assert "values from " in line


def test_nothing_heavy_is_imported_for_the_help() -> None:
    code = "from fieldmark.cli import main; main(['convolve', '--help'])"
    assert not imported_by(code) & {"torch", "numpy", "PIL", "matplotlib"}


SOBEL = ["--kernel", "sobel_x"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ([], 2, "fieldmark convolve PICTURE"),
        (["--kernel", "sobel_x", "photo.png"], 2, "the picture first"),
        (["PHOTO"], 2, "fieldmark list kernels"),
        (["PHOTO", *SOBEL, "--weights", "1"], 2, "give one of them"),
        (["PHOTO", "--kernel", "sobel"], 1, "'sobel' is not a kernel. Closest: sobel_"),
        (["PHOTO", *SOBEL, "--size", "5"], 1, "--size 5: sobel_x has none. It is for mean, gaussian,"),
        (["PHOTO", "--kernel", "mean", "--sigma", "2"], 1, "It is for gaussian, gabor."),
        (["PHOTO", "--kernel", "cross", "--size", "4"], 1, "take an odd size"),
        (["PHOTO", "--kernel", "mean", "--size", "0"], 1, "at least 1"),
        (["PHOTO", "--kernel", "mean", "--size", "100000"], 1, "--size 100000: at most 1001"),
        (["PHOTO", "--kernel", "gaussian", "--sigma", "nan"], 1, "sigma=nan"),
        (["PHOTO", "--weights", "1 2; 3"], 1, "rows of 2, 1 numbers"),
        (["PHOTO", "--weights", "1 x"], 1, "'x' is not a number"),
        (["PHOTO", "--weights", "1/0"], 1, "'1/0' is not a number"),
        (["PHOTO", "--weights", ";"], 1, "no numbers"),
        (["PHOTO", "--weights", "1", "--sigma", "2"], 1, "--sigma is for named kernels"),
        (["PHOTO", *SOBEL, "--stride", "0"], 1, "--stride 0"),
        (["PHOTO", *SOBEL, "--boundary", "mirror"], 1, "--boundary takes one of reflect"),
        (["PHOTO", *SOBEL, "--algorithm", "fast"], 1, "'fast' is not a convolution algorithm"),
        (["PHOTO", "--kernel", "mean", "--size", "21", "--padding", "valid"], 1, "21x21 does not fit into"),
        (["PHOTO", *SOBEL, "--out", "edges.jpg"], 1, "end the name in .png"),
        (["PHOTO", *SOBEL, "--out", "none/edges.png"], 1, "no folder none"),
        (["no-such.png", *SOBEL], 1, "no-such.png"),
        (["TEXT", *SOBEL], 1, "not a picture"),
    ],
)
def test_wrong_use_is_one_line(
    words: list[str], code: int, told: str, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.png").write_text("no pixels here")
    places = {"PHOTO": str(photo), "TEXT": str(tmp_path / "text.png")}
    assert main(["convolve", *(places.get(word, word) for word in words)]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert told in captured.err
    assert list(Path().iterdir()) == [], "nothing written"


def test_no_file_is_overwritten_without_a_word(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("photo-sobel_x.png").write_text("mine")
    assert main(["convolve", str(photo), *SOBEL]) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert Path("photo-sobel_x.png").read_text() == "mine"
    assert main(["convolve", str(photo), *SOBEL, "--overwrite"]) == 0
    assert Path("photo-sobel_x.png").read_bytes().startswith(b"\x89PNG")
