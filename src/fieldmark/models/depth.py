"""How deep a network of several stages is."""

from __future__ import annotations

from fieldmark.errors import UserError

MOST_STAGES = 6
"""Each stage halves the map: after six, one pixel stands for 64 and more."""

MOST_BLOCKS = 1000
"""More blocks than this are a slip of the pen, and would take minutes only to make."""


def checked_depth(blocks: tuple[int, ...], network: str) -> tuple[int, ...]:
    """`blocks`, the number of blocks in each stage. network: what the architecture is called.

    Raises UserError for no stage or more than 6, an empty stage, and more than 1000 blocks in all.

    >>> checked_depth((2, 0, 2), "ResNet")
    Traceback (most recent call last):
    fieldmark.errors.UserError: ResNet: blocks=(2, 0, 2); it takes 1 to 6 stages of at least 1 block each, ...
    """
    if not 1 <= len(blocks) <= MOST_STAGES or min(blocks) < 1 or sum(blocks) > MOST_BLOCKS:
        raise UserError(
            f"{network}: blocks={blocks}; it takes 1 to {MOST_STAGES} stages of at least 1 block each, "
            f"{MOST_BLOCKS} blocks in all at most."
        )
    return blocks
