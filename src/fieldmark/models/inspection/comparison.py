"""Two inspections, row by row: where they differ."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from fieldmark.models.inspection.layer import Inspection
from fieldmark.models.inspection.outline import Row, outline

Pair = tuple[Row | None, Row | None]


def differing(left: Inspection, right: Inspection, depth: int) -> tuple[list[Pair], int]:
    """The rows of the outlines at `depth` that differ, None for one that is missing; and how many are alike.

    Rows go together by their names, in order. They are alike with the same type, shape, parameters, FLOPs,
    receptive field and stride.

    >>> from fieldmark.models.inspection.inspecting import inspect
    >>> pairs, alike = differing(inspect("deep", 32), inspect("residual", 32), 2)
    >>> [row.name for row, _ in pairs if row is not None], alike
    (['features.stage3'], 6)
    """
    pairs: list[Pair] = []
    alike = 0
    for one, other in aligned(outline(left, depth), outline(right, depth)):
        if one is not None and other is not None and figures(one) == figures(other):
            alike += 1
        else:
            pairs.append((one, other))
    return pairs, alike


def aligned(left: Sequence[Row], right: Sequence[Row]) -> list[Pair]:
    names, others = ([row.name for row in rows] for rows in (left, right))
    pairs: list[Pair] = []
    for tag, i, i_end, j, j_end in SequenceMatcher(None, names, others, autojunk=False).get_opcodes():
        if tag == "equal":
            pairs += zip(left[i:i_end], right[j:j_end], strict=True)
        else:
            pairs += [(row, None) for row in left[i:i_end]]
            pairs += [(None, row) for row in right[j:j_end]]
    return pairs


def figures(row: Row) -> tuple[object, ...]:
    """What two rows must have in common to be alike."""
    sums = (row.total(name) for name in ("parameters", "parameter_bytes", "flops"))
    kinds = tuple(layer.type for layer in row.layers)
    return row.type, kinds, row.last.output_shape, *sums, row.last.receptive_field, row.last.stride
