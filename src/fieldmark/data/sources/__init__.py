"""Where pictures come from: named sets, one file per format, and folders and tables by path."""

from __future__ import annotations

from dataclasses import dataclass

from fieldmark.errors import UserError

SOURCES = {
    "celeba": "fieldmark.data.sources.celeba:celeba",
    "cifar10": "fieldmark.data.sources.cifar:cifar10",
    "fashion-mnist": "fieldmark.data.sources.idx:fashion_mnist",
    "mnist": "fieldmark.data.sources.idx:mnist",
    "sample": "fieldmark.data.sources.sample:sample",
}
"""Name to "module:function".

Each takes (label: str | None, progress: Progress | None) and gives a Listing, or, for array formats, a dict
from "train" and "test" to ImageSet.
"""


@dataclass(frozen=True)
class About:
    """What `fieldmark list data` says of one named set.

    Attributes:
        pictures: how many for training and test (and validation).
        size: (height, width, channels).
        classes: how many.
        summary: one line, with where it comes from.
    """

    pictures: str
    size: tuple[int, int, int]
    classes: int
    summary: str


ABOUT = {
    "celeba": About(
        "162,770 + 19,867 val + 19,962", (218, 178, 3), 2, "faces with 40 attributes; choose one with --label"
    ),
    "cifar10": About("50,000 + 10,000", (32, 32, 3), 10, "animals and vehicles (Krizhevsky 2009)"),
    "fashion-mnist": About("60,000 + 10,000", (28, 28, 1), 10, "articles of clothing (Xiao 2017)"),
    "mnist": About("60,000 + 10,000", (28, 28, 1), 10, "handwritten digits (LeCun, Cortes, Burges)"),
    "sample": About("6,000 + 1,000", (28, 28, 1), 10, "part of mnist, packaged: needs no network"),
}


def no_label(name: str, label: str | None) -> None:
    """Refuse `--label` for a set that has one label per picture anyway.

    Args:
        name: of the set.
        label: what was given; None is fine.

    Raises:
        UserError: a label was given.
    """
    if label is not None:
        raise UserError(
            f"{name} has one label per picture: --label {label} is for tables and celeba. Leave it out."
        )
