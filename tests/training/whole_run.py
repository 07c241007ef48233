"""A training session from its first epoch to its end, as tests want it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import pytest

from fieldmark.recipe import Recipe
from fieldmark.training.session import Session, Trained
from fieldmark.training.state import State
from fieldmark.vocabulary import Dataset


def train(
    dataset: Dataset,
    recipe: Recipe,
    *,
    resume: dict[str, Any] | None = None,
    begun: Callable[[], None] = lambda: None,
    stop_at: int | None = None,
    save: Callable[[State], None] = lambda state: None,
    **given: Any,
) -> Trained:
    """Train until it is over, or `stop_at` steps are done; `save` is called as the run folder does it.

    begun: called before the first step.
    """
    session = (
        Session.begin(dataset, recipe, **given)
        if resume is None
        else Session.resume(resume, dataset, recipe, **given)
    )
    begun()
    if stop_at is not None:
        session.stop(stop_at)
    for _ in session.epochs():
        save(session.state)
    if session.state.seen or session.status == "stopped":
        save(session.state)
    return session.finish()


@contextmanager
def runs_stopped_at(steps: int) -> Any:
    """Inside, every run that is begun stops after so many steps."""
    begin = Session.begin

    def stopped(*args: Any, **settings: Any) -> Session:
        session = begin(*args, **settings)
        session.stop(steps)
        return session

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "begin", stopped)
        yield
