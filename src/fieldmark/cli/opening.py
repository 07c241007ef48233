"""Opening what RUN names, and networks of the user's own: imported only when named on the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fieldmark.errors import UserError
from fieldmark.models import is_own

if TYPE_CHECKING:
    from fieldmark.shipping.classifier import Classifier


def open_classifier(path: str, own: str | None) -> Classifier:
    """The classifier in `path`. own: module:function of the user's network, which no folder can name for him.

    Raises ClassifierError for a folder that is none, UserError for a name that is not module:function.
    """
    from fieldmark.models.building import foreign
    from fieldmark.shipping.classifier import Classifier

    if own is None:
        return Classifier.load(path)
    if ":" not in own:
        raise UserError(f"--model {own}: only a network of your own, module:function, has to be named here.")
    import_from_here(own)
    return Classifier.load(path, model=foreign(own))


def check_own(model: str, given: str | None) -> None:
    """Let a network of the user's own, module:function, be imported if he named it himself just now.

    model: what the recipe says; given: what --model said. Raises UserError when only a file names it.
    """
    if not is_own(model):
        return
    if given != model:
        raise UserError(
            f"the recipe names a network of your own, {model}, and nothing is imported because a file says "
            f"so. If you want it: --model {model}."
        )
    import_from_here(model)


def import_from_here(model: str) -> None:
    """Let modules in the current folder be imported, after all others, so that they hide none."""
    here = str(Path.cwd())
    if ":" in model and here not in sys.path and "" not in sys.path:
        sys.path.append(here)
