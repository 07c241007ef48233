"""A user's program with types, which `make check` gives to mypy --strict and the tests run.

What mypy could not see would be Any, and fails at `assert_type`. A misspelt name that it let pass would make
its `type: ignore` superfluous, which is an error, too.
"""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

import numpy as np

import fieldmark as fm


def main(folder: Path) -> list[str | None]:
    """Train for an epoch on the packaged digits, ship, and read one of them again."""
    digits = fm.load("sample", classes=["3", "5"], limit=60)
    assert_type(digits, fm.Dataset)
    assert_type(digits.train, fm.ImageSet)

    run = fm.train(digits, model="digits", epochs=1, out=folder / "run", progress=False)
    assert_type(run, fm.Run)
    accuracy: float = run.evaluate("test")["accuracy"]
    assert 0 <= accuracy <= 1
    predictions = run.predict("test")
    assert_type(predictions, fm.Predictions)

    classifier = fm.Classifier.load(run.folder)
    assert_type(classifier, fm.Classifier)
    assert_type(classifier.classes, tuple[str, ...])
    assert digits.test is not None  # data without a test split is data as well
    rows = classifier.predict([digits.test.images[0], np.zeros((28, 28), dtype=np.uint8)])
    labels = [row.label for row in rows]
    assert_type(labels, list[str | None])

    edges = fm.conv.correlate2d(digits.test.images[0], fm.conv.kernels.sobel_x(), padding="same")
    assert edges.shape == digits.test.images[0].shape
    assert_type(fm.conv.output_size(28, 3, stride=2), int)

    found = fm.inspect("digits", 28, in_channels=1, num_classes=2)
    assert_type(found.parameters, int)

    try:
        fm.load("sample", classes=["3", "seven"])
    except fm.UserError as error:
        print(error)
    return labels


def misspelt() -> None:
    """Names and arguments that are not there: a type checker says so."""
    fm.trian  # type: ignore[attr-defined]  # noqa: B018
    fm.conv.conv4d  # type: ignore[attr-defined]  # noqa: B018
    fm.load("sample", clases=["3", "5"])  # type: ignore[call-arg]
    fm.Classifier.load(3)  # type: ignore[arg-type]
