"""From names and dicts to a pipeline, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from fieldmark.errors import UserError
from fieldmark.families import resolve, unknown
from fieldmark.training.augmentation import AUGMENTATIONS
from fieldmark.training.augmentation.checks import name_of
from fieldmark.training.augmentation.steps import Mixing, Step

KIND = "kind of augmentation"


def make(step: object) -> Step | Mixing:
    """One step from its name, its dict, or itself. Raises UserError; see augmentation.build."""
    if isinstance(step, str):
        return make({"name": step})
    if isinstance(step, Mapping):
        return _from_settings(dict(step))
    if isinstance(step, Step | Mixing) and not isinstance(step, type):
        return step
    raise UserError(
        f"an augmentation step is a name, a dict with a name, or one of the dataclasses; got {step!r}. "
        f"Names: {', '.join(AUGMENTATIONS)}."
    )


def _from_settings(settings: dict[str, Any]) -> Step | Mixing:
    if "name" not in settings:
        raise UserError(f"the augmentation step {settings} has no name. Names: {', '.join(AUGMENTATIONS)}.")
    name = settings.pop("name")
    if not isinstance(name, str):
        raise UserError(unknown(name, AUGMENTATIONS, KIND))
    kind = resolve(AUGMENTATIONS, name, KIND)
    allowed = [setting.name for setting in dataclasses.fields(kind)]
    for setting in settings:
        if not allowed:
            raise UserError(f"{name} has no settings; got '{setting}'.")
        if setting not in allowed:
            raise UserError(unknown(setting, allowed, f"setting of {name}"))
    # JSON has lists where the dataclasses have tuples.
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()}
    made: Step | Mixing = kind(**values)
    return made


def spell(step: Any) -> dict[str, Any]:
    """The dict that `make` takes for this step; see augmentation.describe."""
    name = name_of(step)
    if name not in AUGMENTATIONS:
        raise UserError(
            f"{name} is not one of fieldmark's augmentations, so a recipe cannot name it. Names: "
            f"{', '.join(AUGMENTATIONS)}."
        )
    values = {setting.name: getattr(step, setting.name) for setting in dataclasses.fields(step)}
    return {"name": name} | {
        key: list(value) if isinstance(value, tuple) else value for key, value in values.items()
    }


def steps_of(steps: Sequence[object]) -> tuple[Step | Mixing, ...]:
    """All steps made, in order. Raises UserError for one name where a list is due."""
    if isinstance(steps, str | Mapping):
        raise UserError(f"augmentation is a list of steps; got {steps!r}. Try [{steps!r}].")
    return tuple(make(step) for step in steps)
