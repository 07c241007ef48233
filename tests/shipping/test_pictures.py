"""One way from a file to pixels: training, evaluation and prediction see the same bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fieldmark.data.load import load, load_split
from fieldmark.shipping.pictures import read_pictures
from fieldmark.vocabulary import Preprocessing

ORIENTATION = 0x0112  # the EXIF tag


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes, with every kind of file that other tools read differently in training and in use."""
    root = tmp_path_factory.mktemp("kinds") / "photos"
    for number, name in enumerate(("cat", "dog")):
        folder, generator = root / name, np.random.default_rng(number)
        folder.mkdir(parents=True)
        wide = Image.fromarray(generator.integers(0, 256, (40, 90, 3), np.uint8))
        for orientation in range(1, 9):
            turned = Image.Exif()
            turned[ORIENTATION] = orientation
            wide.save(folder / f"phone {orientation}.jpg", exif=turned)
        deep = generator.integers(0, 65536, (50, 30), np.uint16)
        frames = [Image.fromarray(generator.integers(0, 256, (33, 44), np.uint8)) for _ in range(3)]
        Image.fromarray(deep).save(folder / "deep.png")
        Image.fromarray(generator.integers(0, 256, (30, 50, 4), np.uint8), "RGBA").save(folder / "alpha.png")
        wide.convert("CMYK").save(folder / "print.jpg")
        wide.convert("CMYK").save(folder / "print.tif")
        wide.quantize(16).save(folder / "palette.gif")
        wide.convert("L").save(folder / "grey.webp")
        wide.convert("1").save(folder / "bits.bmp")
        wide.save(folder / "small.avif")
        frames[0].save(folder / "film.gif", save_all=True, append_images=frames[1:])
    return root


@pytest.mark.parametrize("rule", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("size", [(16, 16), (24, 64)])
def test_every_file_gives_the_same_bits_to_training_evaluation_and_prediction(
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rule: str,
    size: tuple[int, int],
) -> None:
    monkeypatch.setenv("FIELDMARK_CACHE", str(tmp_path))
    data = load(photos, image_size=size, resize=rule)
    assert data.unreadable == ()
    preprocessing = Preprocessing(size, data.channels, (0.5,) * 3, (0.5,) * 3, rule)
    measured, _, _ = load_split(photos, "all", classes=data.classes, preprocessing=preprocessing)
    evaluated = dict(zip(measured.files or (), measured.images, strict=True))
    names = sorted(evaluated)
    assert len(names) == 2 * 17
    (shown,) = read_pictures([photos / name for name in names], preprocessing, group=100)
    predicted = {name: picture.image for name, picture in zip(names, shown, strict=True)}
    for part in (data.train, data.val, data.test):
        assert part is not None
        for name, image in zip(part.files or (), part.images, strict=True):
            trained = image.permute(1, 2, 0).numpy()
            assert np.array_equal(trained, evaluated[name].permute(1, 2, 0).numpy()), name
            assert np.array_equal(trained, predicted[name]), name
