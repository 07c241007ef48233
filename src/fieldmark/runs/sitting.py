"""From pictures to a run folder: load, train, measure, draw, write."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fieldmark import world
from fieldmark.data.sources import SOURCES
from fieldmark.errors import UserError
from fieldmark.evaluation.metrics import evaluate
from fieldmark.evaluation.prediction import predict
from fieldmark.files import write_json, write_text
from fieldmark.models import is_own
from fieldmark.models.building import Maker, own_network
from fieldmark.recipe import Recipe
from fieldmark.runs import run_folder as files
from fieldmark.runs.claim import Claim, claim, claim_next
from fieldmark.runs.figures import draw_answers, draw_training
from fieldmark.runs.ingredients import load_for, prepare
from fieldmark.runs.interruption import Interruption, interruptible
from fieldmark.runs.lock import Lock
from fieldmark.runs.record import Record
from fieldmark.runs.run import Run
from fieldmark.runs.watcher import Quiet, Watcher, board
from fieldmark.shipping.classifier import Classifier
from fieldmark.training.checkpoint import load_checkpoint, save_checkpoint
from fieldmark.training.loop import epochs_without_better_loss
from fieldmark.training.session import Session, Trained
from fieldmark.training.state import State
from fieldmark.vocabulary import Dataset, History, Predictions

TOP = 5  # of top-k accuracy; fewer where there are fewer classes


@world.torch_as_it_comes()
def train_run(
    data: Dataset | str | Path,
    recipe: Recipe,
    *,
    given: Collection[str] | None = None,
    model: nn.Module | Maker | str | None = None,
    out: Path | None = None,
    stem: str | None = None,
    overwrite: bool = False,
    device: str = "auto",
    threads: int | None = None,
    start_from: Path | None = None,
    in_use: Sequence[Path] = (),
    tensorboard: bool = False,
    began: float | None = None,
    progress: Watcher | None = None,
) -> Run:
    """Train, and write the run folder: recipe, history, metrics, figures, checkpoints, classifier.

    The folder is taken before anything else is done. The test split is not touched. The recipe that is
    written is the one that was used: what it left to the pictures or to the weights it starts from is in it.

    Args:
        data: a name such as "mnist", a path, or a loaded Dataset.
        recipe: the settings.
        given: the settings that were chosen, which are never changed; the others came from a preset and may
            be fitted to the pictures. None: all were chosen.
        model: a network of the caller's own: the module, what makes it, or module:function, which a recipe
            alone does not import.
        out: the folder; None takes the next free runs/<stem>-<n>.
        stem: None for <data>-<model>.
        overwrite: a run in `out` may be replaced; that happens when training begins.
        device, threads: where to compute, and on how many processor threads.
        start_from: a run, classifier folder or weights file to start from.
        in_use: what else is read: no folder that holds any of it is replaced.
        tensorboard: write its files, too.
        began: when the run's seconds start to count, by time.monotonic(); None for now.
        progress: who watches.

    Raises:
        UserError: something given cannot be used; then nothing is written.

    >>> import tempfile
    >>> from fieldmark.data.load import load
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     small = load("sample", limit=300)
    ...     run = train_run(small, Recipe(model="digits", epochs=1, batch_size=64), out=Path(folder) / "run")
    ...     run.summary()["model"]
    'digits'
    """
    world.refuse_many()
    display, began = progress or Quiet(), time.monotonic() if began is None else began
    chosen = world.device(device)
    made_by = own_network(recipe.model, model)
    reads = [Path(path) for path in (data, start_from, recipe.pretrained) if isinstance(path, str | Path)]
    reads = [path for path in (*reads, *in_use) if os.path.exists(path)]  # noqa: PTH110 - "a\0" raises there
    with interruptible() as interruption, taken(out, stem, data, recipe, overwrite, reads) as claimed:
        dataset, recipe, origin = prepare(data, recipe, given, made_by, start_from, display)
        record = Record(claimed.folder, remembered(data), dataset, began)

        def write() -> None:
            write_text(claimed.folder / files.RECIPE, recipe.to_json(), inside=claimed.folder)
            record.write("running")

        set_out(dataset, threads, display)
        with board(tensorboard, record.folder / "tensorboard", display) as watcher:
            session = Session.begin(
                dataset, recipe, model=made_by, origin=origin, device=chosen, display=watcher
            )
            claimed.begin(write)
            return carry_out(record, recipe, session, interruption, display)


def taken(
    out: Path | None,
    stem: str | None,
    data: Dataset | str | Path,
    recipe: Recipe,
    overwrite: bool,
    in_use: Sequence[Path],
) -> Claim:
    """The run folder, ours from now on: `out`, or the next free one."""
    if out is not None:
        return claim(out, overwrite=overwrite, in_use=in_use)
    return claim_next(stem or files.stem(files.name_of(data), recipe.model))


LIMITS = ("max_minutes", "patience")
"""The settings that may be changed when a run is resumed: how long it may go on."""


@world.torch_as_it_comes()
def resume(
    folder: Path,
    *,
    model: nn.Module | Maker | str | None = None,
    device: str = "auto",
    threads: int | None = None,
    tensorboard: bool = False,
    began: float | None = None,
    progress: Watcher | None = None,
    data: Dataset | None = None,
    **limits: Any,
) -> Run:
    """Go on with a run that was stopped, to the same weights it would have reached without the stop.

    Recipe and data are the run's own. A run that ended by max_minutes or patience is over, and is only
    resumed with a larger one, which is then the run's; max_minutes counts all sittings together.

    Args:
        folder: the run.
        model: the network of the caller's own that it trains: the module, what makes it, or module:function.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        threads: processor threads; None lets torch decide.
        tensorboard: write TensorBoard files, too.
        began: when the run's seconds start to count, by time.monotonic(); None for now.
        progress: shows how far it is; None shows nothing.
        data: needed again only for a run on a Dataset from memory.
        **limits: max_minutes or patience, to replace the run's.

    Raises:
        UserError: the folder is no run, is being trained, is over, has no checkpoint that can be trusted, or
            its pictures have changed.
    """
    world.refuse_many()
    display, began = progress or Quiet(), time.monotonic() if began is None else began
    chosen = world.device(device)
    Run(folder)  # before a lock is put into a folder that is none
    with interruptible() as interruption, Lock(folder):
        run = Run(folder)
        recipe = limited(run.recipe, limits)
        if run.document["status"] == "finished":
            raise UserError(
                f"{folder} is finished: there is nothing to resume. To train on, start a new run --from it."
            )
        made_by = own_network(recipe.model, model)
        checkpoint = load_checkpoint(folder / files.CHECKPOINTS, display.note)
        refuse_over(run, recipe, checkpoint)
        dataset = data or load_for(run.data(), recipe, display)
        run.check_same(dataset)
        record = Record(folder, run.document.get("data"), dataset, began, run.seconds)
        record.started = str(run.document.get("started", record.started))

        set_out(dataset, threads, display)
        with board(tensorboard, folder / "tensorboard", display) as watcher:
            session = Session.resume(
                checkpoint, dataset, recipe, model=made_by, device=chosen, display=watcher
            )
            if recipe != run.recipe:
                write_text(folder / files.RECIPE, recipe.to_json(), inside=folder)
            record.write("running")
            return carry_out(record, recipe, session, interruption, display)


def limited(recipe: Recipe, limits: Mapping[str, Any]) -> Recipe:
    """The recipe with other limits. Raises UserError for any other setting."""
    for name in limits:
        if name not in LIMITS:
            raise UserError(
                f"a run is resumed with its own settings: {name} cannot be changed, only "
                f"{' and '.join(LIMITS)}."
            )
    return recipe.replace(**limits)


def refuse_over(run: Run, recipe: Recipe, checkpoint: Mapping[str, Any]) -> None:
    """Raises UserError when the run ended by its time or patience, and this recipe gives it no more."""
    status, epochs = run.document["status"], recipe.epochs
    minutes, rows = float(checkpoint["elapsed"]) / 60, checkpoint["history"]
    waited = epochs_without_better_loss(History(rows))
    if status == "time" and recipe.max_minutes is not None and recipe.max_minutes <= minutes:
        raise UserError(
            f"{run.folder} is over: it trained {minutes:.3g} minutes and may train {recipe.max_minutes:.3g} "
            f"({len(rows)} of {epochs} epochs). Give it more with a larger --max-minutes, or none."
        )
    if status == "patience" and recipe.patience is not None and recipe.patience <= waited:
        raise UserError(
            f"{run.folder} is over: {waited} epochs brought no lower validation loss, and its patience is "
            f"{recipe.patience} ({len(rows)} of {epochs} epochs). Give it more with a larger --patience, or "
            "none."
        )


def remembered(data: Dataset | str | Path) -> str | None:
    """What run.json says of the data: a named set's name, a folder's absolute path.

    None for data from memory.
    """
    if isinstance(data, Dataset):
        return None
    if isinstance(data, str) and data in SOURCES:  # even where a folder is called so, as `data.load` has it
        return data
    path = Path(data)
    return str(path.resolve()) if path.exists() else str(data)


def set_out(dataset: Dataset, threads: int | None, display: Watcher) -> None:
    """Take so many threads, and say what is to be known of the pictures."""
    if threads is not None:
        torch.set_num_threads(threads)
    for note in dataset.notes:
        display.note(note)


def carry_out(
    record: Record, recipe: Recipe, session: Session, interruption: Interruption, display: Watcher
) -> Run:
    """Train with checkpoints written and signals minded, then measure and write what came out.

    However it ends, run.json says so.
    """
    folder, device = record.folder, session.state.device
    interruption.session, interruption.gently = session, True
    try:
        for _ in session.epochs():
            save(session.state, folder)
        interruption.session = None
        if session.state.seen or session.status == "stopped":  # within an epoch, or before the first step
            save(session.state, folder)
        trained = session.finish()
        interruption.gently = False
        if trained.status == "stopped":
            record.write("stopped")  # already here: whoever sends SIGTERM may not wait for the measuring
            display.note(
                "stopping: what there is will be measured and written (Ctrl-C again leaves that out). "
                f"Go on later: fieldmark train --resume {folder}"
            )
        return finish(record, recipe, trained, display, device)
    except BaseException as error:
        record.write_end(error)
        raise


def save(state: State, folder: Path) -> None:
    """The checkpoint, and the history so far."""
    save_checkpoint(state, folder / files.CHECKPOINTS)
    write_text(folder / files.HISTORY, files.history_csv(state.history), inside=folder)


def finish(
    record: Record,
    recipe: Recipe,
    trained: Trained,
    display: Watcher,
    device: torch.device,
) -> Run:
    """A clean pass over train and val with the kept weights, the figures, the classifier folder, run.json."""
    dataset, folder = record.dataset, record.folder
    predictions: dict[str, Predictions] = {}
    for split in ("train", "val"):
        images = dataset.split(split)
        assert images is not None
        predictions[split] = predict(
            trained.model,
            images,
            mean=trained.preprocessing.mean,
            std=trained.preprocessing.std,
            image_size=dataset.image_size,
            device=device,
            progress=display.stage,
        )
    trained.model.to("cpu")
    metrics = {
        split: evaluate(one, dataset.classes, split=split, k=TOP) for split, one in predictions.items()
    }
    headline = {split: {"loss": one["loss"], "accuracy": one["accuracy"]} for split, one in metrics.items()}
    # Again, as the epoch that the bell cut short is not in a checkpoint's history.
    write_text(folder / files.HISTORY, files.history_csv(trained.history), inside=folder)
    write_json(folder / files.METRICS, metrics, inside=folder)
    Classifier(
        model=trained.model,
        name=recipe.model,
        options=recipe.options,
        classes=dataset.classes,
        preprocessing=trained.preprocessing,
        metrics=headline,
    ).save(folder / files.CLASSIFIER, overwrite=True)
    figures = folder / files.FIGURES
    draw_training(figures, trained, {split: len(one) for split, one in predictions.items()})
    draw_answers(figures, dataset.val, predictions["val"], metrics["val"], f"{dataset.name}, val split")
    record.write(
        trained.status,
        classifier=str(folder / files.CLASSIFIER),
        model=recipe.model,
        epochs=len(trained.history.rows),
        best_epoch=trained.best_epoch,
        precision=trained.precision,
        learning_rate=trained.learning_rate,
        **headline,
        images_per_second=round(trained.images_per_second, 1),
    )
    own = trained.model if is_own(recipe.model) else None
    return Run(folder, dataset=dataset, model=own)
