"""Where the first weights of a run come from, and what training has to know of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from fieldmark.errors import UserError
from fieldmark.recipe import Recipe
from fieldmark.vocabulary import Preprocessing

Fill = Callable[[nn.Module, bool], None]
"""Puts weights into a fresh network; its head only if the second argument, fresh_head, is False."""


@dataclass(frozen=True)
class Origin:
    """Weights to start from.

    name: what to call them; fill: puts them into a network; preprocessing: of the pictures they were trained
    on, None for a bare file, which does not say; model, options: the network they were trained in, as far as
    known; classes: what its head tells apart, None where that is not known or of no use.
    """

    name: str
    fill: Fill
    preprocessing: Preprocessing | None = None
    model: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    classes: tuple[str, ...] | None = None


def completed(recipe: Recipe, origin: Origin, note: Callable[[str], None]) -> Recipe:
    """The recipe with what it leaves open as the weights had it: channels, normalisation, size, options.

    Trained weights go on with the pictures they know: the same mean and standard deviation, whatever those of
    the new pictures are. What the recipe says itself stays; a normalisation of its own is said in a note.
    Raises UserError for another number of channels than the weights were trained on.
    """
    if recipe.model == origin.model:
        recipe = recipe.replace(options={**origin.options, **recipe.options})
    known = origin.preprocessing
    if known is None:
        if recipe.mean is None:
            note(
                f"{origin.name} does not say how its pictures were normalised: taking the mean and standard "
                "deviation of these ones. --mean and --std override."
            )
        return recipe
    if recipe.channels not in (None, known.channels):
        raise UserError(
            f"channels={recipe.channels}: {origin.name} was trained on pictures with {known.channels}. Leave "
            "channels out; pictures are turned into what it takes."
        )
    recipe = recipe.replace(channels=known.channels, image_size=recipe.image_size or known.image_size)
    if recipe.mean is None:
        return recipe.replace(mean=known.mean, std=known.std)
    if (recipe.mean, recipe.std) != (known.mean, known.std):
        note(f"pictures are normalised by other numbers than those of {origin.name}, as was asked for.")
    return recipe
