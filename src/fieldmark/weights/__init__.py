"""Where the first weights of a run come from: public files, runs, classifiers and files of one's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fieldmark.errors import UserError
from fieldmark.models import is_own
from fieldmark.recipe import Recipe

if TYPE_CHECKING:
    from fieldmark.vocabulary import Progress
    from fieldmark.weights.first_weights import Origin


def origin_of(
    recipe: Recipe, start_from: Path | None, note: Callable[[str], None], progress: Progress | None = None
) -> Origin | None:
    """The weights to start from: of a run, a classifier, a file, or published ones; None for fresh ones.

    Raises UserError when both kinds are asked for, and when what is named cannot be used.
    """
    from fieldmark.weights.own_files import trained_here
    from fieldmark.weights.published import public_origin

    if recipe.pretrained is not None:
        if start_from is not None:
            raise UserError(f"start from {start_from}, or from published weights (pretrained): not both.")
        if is_own(recipe.model):
            raise UserError(
                f"published weights go into fieldmark's own networks, not into {recipe.model}. Load them in "
                "your own code, or start from a file of them."
            )
        return public_origin(recipe.model, recipe.pretrained, progress)
    return None if start_from is None else trained_here(start_from, note)
