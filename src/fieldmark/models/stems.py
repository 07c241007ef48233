"""How a network begins: as published, or gently for small pictures.

Published stems shrink a picture to a quarter of its side before the first block looks at it, which leaves
8x8 of a 32-pixel picture. The small stem is one 3x3 convolution of stride 1 without the early pooling, as
He et al. 2016 (arXiv 1512.03385, section 4.2) and Huang et al. 2017 (arXiv 1608.06993, section 4.1) have it
for CIFAR-10.
"""

from __future__ import annotations

from typing import Literal

Stem = Literal["published", "small"]

SMALL_BELOW = 96
"""Pictures with a side below this, in pixels, get the small stem unless told otherwise."""


def chosen(stem: Stem | None, image_size: tuple[int, int]) -> Stem:
    """`stem`, or where it is None the one that suits pictures of `image_size` (height, width).

    >>> chosen(None, (32, 200)), chosen(None, (224, 224)), chosen("published", (32, 32))
    ('small', 'published', 'published')
    """
    if stem is not None:
        return stem
    return "small" if min(image_size) < SMALL_BELOW else "published"
