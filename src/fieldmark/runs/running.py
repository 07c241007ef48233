"""From pictures to a run folder: load, train, measure, draw, write."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import nn

from fieldmark import world
from fieldmark.errors import TrainingError, UserError
from fieldmark.evaluation.metrics import evaluate
from fieldmark.evaluation.prediction import predict
from fieldmark.models import is_own
from fieldmark.models.building import Maker, own_network
from fieldmark.recipe import Recipe
from fieldmark.runs import folder as files
from fieldmark.runs.clock import process_age
from fieldmark.runs.display import Quiet, Watcher, board
from fieldmark.runs.figures import draw_answers, draw_training
from fieldmark.runs.interruption import interruptible
from fieldmark.runs.preparing import load_for, prepare
from fieldmark.runs.record import Record
from fieldmark.runs.run import Run
from fieldmark.shipping.classifier import Classifier
from fieldmark.training.checkpoint import load_checkpoint, save_checkpoint
from fieldmark.training.loop import Trained
from fieldmark.training.loop import train as train_network
from fieldmark.training.state import State
from fieldmark.vocabulary import Dataset, Predictions

TOP = 5  # of top-k accuracy; fewer where there are fewer classes


def train(
    data: Dataset | str | Path,
    recipe: Recipe,
    *,
    model: nn.Module | Maker | str | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    device: str = "auto",
    threads: int | None = None,
    start_from: Path | None = None,
    tensorboard: bool = False,
    progress: Watcher | None = None,
) -> Run:
    """Train, and write the run folder: recipe, history, metrics, figures, checkpoints, classifier.

    data: a name such as "mnist", a path, or a loaded Dataset. out: the folder; None takes the next free
    runs/<data>-<model>-<n>. model: a network of your own: the module, what makes it, or module:function,
    which a recipe alone does not import. start_from: a run, classifier folder or weights file to start from.
    The test split is not touched. The recipe that is written is the one that was used: what it left to the
    pictures or to the weights it starts from is in it. Raises UserError when something given cannot be used;
    then nothing is written.

    >>> import tempfile
    >>> from fieldmark.data.loading import load
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     small = load("sample", limit=300)
    ...     run = train(small, Recipe(model="digits", epochs=1, batch_size=64), out=Path(folder) / "run")
    ...     run.summary()["model"]
    'digits'
    """
    display = progress or Quiet()
    chosen = world.device(device)
    model = own_network(recipe.model, model)
    if out is not None:
        files.check_free(out, overwrite)
    dataset, recipe, start_weights = prepare(data, recipe, model, start_from, display)
    target = out or files.next_free(dataset.name, recipe.model)
    record = Record(target, remembered(data), dataset)

    def begin() -> None:
        files.create(target)
        files.write_text(target / files.RECIPE, recipe.to_json())
        record.write("running")

    return carry_out(
        record,
        recipe,
        display,
        begin,
        partial(train_network, model=model, start_weights=start_weights),
        device=chosen,
        threads=threads,
        tensorboard=tensorboard,
    )


def resume(
    folder: Path,
    *,
    model: nn.Module | Maker | str | None = None,
    device: str = "auto",
    threads: int | None = None,
    tensorboard: bool = False,
    progress: Watcher | None = None,
    data: Dataset | None = None,
) -> Run:
    """Go on with a run that was stopped, to the same weights it would have reached without the stop.

    Recipe and data are the run's own; `data` is needed again only for a run on a Dataset from memory, `model`
    for a network of your own (the module, what makes it, or module:function). Raises UserError when the
    folder is no run, has no checkpoint, or its pictures have changed.
    """
    display = progress or Quiet()
    chosen = world.device(device)
    run = Run(folder)
    if run.document["status"] == "finished":
        raise UserError(
            f"{folder} is finished: there is nothing to resume. To train on, start a new run --from it."
        )
    model = own_network(run.recipe.model, model)
    checkpoint = load_checkpoint(folder / files.CHECKPOINTS)
    dataset = data or load_for(run.data(), run.recipe, display)
    run.check_same(dataset)
    record = Record(
        folder,
        run.document["data"],
        dataset,
        started=run.document["started"],
        earlier_seconds=run.document.get("seconds", 0.0),
    )
    return carry_out(
        record,
        run.recipe,
        display,
        lambda: None,
        partial(train_network, model=model, resume=checkpoint),
        device=chosen,
        threads=threads,
        tensorboard=tensorboard,
    )


def remembered(data: Dataset | str | Path) -> str | None:
    """What run.json says of the data: a named set's name, a folder's absolute path.

    None for data from memory.
    """
    if isinstance(data, Dataset):
        return None
    path = Path(data)
    return str(path.resolve()) if path.exists() else str(data)


def carry_out(
    record: Record,
    recipe: Recipe,
    display: Watcher,
    begin: Callable[[], None],
    fit: Callable[..., Trained],
    *,
    device: torch.device,
    threads: int | None,
    tensorboard: bool,
) -> Run:
    """Train with Ctrl-C caught and checkpoints written, then measure and write what came out."""
    if threads is not None:
        torch.set_num_threads(threads)
    for note in record.dataset.notes:
        display.note(note)

    def save(state: State) -> None:
        save_checkpoint(state, record.folder / files.CHECKPOINTS)
        files.write_text(record.folder / files.HISTORY, files.history_csv(state.history))

    begun = False

    def begin_once() -> None:
        nonlocal begun
        begin()
        begun = True

    try:
        with interruptible() as stop, board(tensorboard, record.folder / "tensorboard", display) as watcher:
            trained = fit(
                record.dataset,
                recipe,
                device=device,
                display=watcher,
                stop=stop,
                save=save,
                begin=begin_once,
            )
    except TrainingError as error:
        if begun:
            record.write("failed", reason=str(error))
        raise
    if trained.status == "stopped":
        display.note("stopping: what there is will be measured and written (Ctrl-C again leaves that out).")
    return finish(record, recipe, trained, display, device)


def finish(record: Record, recipe: Recipe, trained: Trained, display: Watcher, device: torch.device) -> Run:
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
    files.write_json(folder / files.METRICS, metrics)
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
        seconds=round(record.earlier_seconds + process_age(), 2),
        images_per_second=round(trained.images_per_second, 1),
    )
    own = trained.model if is_own(recipe.model) else None
    return Run(folder, dataset=dataset, model=own)
