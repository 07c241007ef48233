"""Slips of the kind that developers make, planted one at a time, to see which of them the tests notice.

    python tests/mutations.py                         all of them; hours, but it can be stopped and goes on
    python tests/mutations.py --only training clip    of these packages, or with these words in the title
    python tests/mutations.py --check                 only whether every slip still finds its place

The slips were written from reading src alone. One whose old text is in neither its module nor one other file
is an error of this list, said by name: put it where the code has gone. For each, the project is copied to a
temporary folder, the slip planted there, and the tests run, nearest first: those of the module, of its
package, of the packages that are likely to notice. The first that fails has noticed it. In the end all of
these are run once more, without any slip.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
LIKELY = {
    "training": ("runs", "cli"),
    "runs": ("cli", "shipping"),
    "data": ("runs", "cli"),
    "conv": ("models", "cli"),
    "models": ("training", "shipping", "cli"),
    "inspection": ("evaluation", "diagram", "cli"),
    "evaluation": ("runs", "shipping", "cli"),
    "shipping": ("runs", "cli"),
    "figures": ("runs", "cli"),
    "diagram": ("inspection", "cli"),
    "cli": ("runs",),
}
"""Whose tests are asked next when a package's own stay green; those beside the packages always are."""

QUICK = {
    "training": ("tests/training/test_wiring.py",),
    "runs": ("tests/runs/test_run_settings.py",),
    "cli": ("tests/cli/test_flags_reach.py",),
}
"""What is asked first: quick tests over a whole package."""


class Slip(NamedTuple):
    """title: what is wrong then; module: the file below src/fieldmark; old: a text that is there once."""

    title: str
    module: str
    old: str
    new: str

    @property
    def package(self) -> str:
        """The package it is counted under; what lies beside the packages goes with the one that needs it."""
        top, inside, _ = self.module.partition("/")
        return top if inside else {"vocabulary.py": "shipping"}[top]


SLIPS = (
    # training
    Slip(
        "augmented pictures are thrown away",
        "training/loop.py",
        "images, labels = state.augment(",
        "_, labels = state.augment(",
    ),
    Slip(
        "warm-up is ignored",
        "training/loop.py",
        "factor(state.recipe.schedule, done, state.recipe.warmup)",
        "factor(state.recipe.schedule, done)",
    ),
    Slip(
        "label smoothing has no effect",
        "training/session.py",
        "CrossEntropy(recipe.label_smoothing,",
        "CrossEntropy(0.0,",
    ),
    Slip(
        "class weights have no effect",
        "training/session.py",
        "None if weights is None else weights.to(device)",
        "None",
    ),
    Slip("best has no effect", "training/loop.py", "}[state.recipe.best]", '}["loss"]'),
    Slip(
        "the last weights are returned, not the kept ones",
        "training/session.py",
        "state.model.load_state_dict(state.best.weights)",
        "pass",
    ),
    Slip(
        "the model's weights are kept, not their average",
        "training/loop.py",
        "source = average.tensors if average is not None else model.state_dict()",
        "source = model.state_dict()",
    ),
    Slip("validation runs in training mode", "training/loop.py", "model.eval()", "model.train()"),
    Slip(
        "validation adds up batch means without their sizes",
        "training/loop.py",
        "criterion(logits, truth) * len(truth)",
        "criterion(logits, truth)",
    ),
    Slip(
        "the rate finder trains the real network",
        "training/rate_finder.py",
        "copy.deepcopy(state.model)",
        "state.model",
    ),
    Slip(
        "the seed does not reach order and augmentation",
        "training/session.py",
        "torch.Generator().manual_seed(recipe.seed)",
        "torch.Generator().manual_seed(0)",
    ),
    Slip(
        "the seed does not reach the starting weights",
        "training/session.py",
        "torch.manual_seed(recipe.seed)",
        "torch.manual_seed(0)",
    ),
    Slip(
        "a resumed run forgets its clock",
        "training/state.py",
        'self.seconds, self.elapsed = float(document["seconds"]), float(document["elapsed"])',
        'self.seconds = float(document["seconds"])',
    ),
    Slip(
        "a resumed run forgets the optimiser's moments",
        "training/state.py",
        'self.optimizer.load_state_dict(document["optimizer"])',
        "pass",
    ),
    Slip(
        "a resumed run forgets its best epoch",
        "training/state.py",
        'self.best = Best(**document["best"])',
        "pass",
    ),
    Slip(
        "a resumed run draws other dropout masks",
        "training/state.py",
        'torch.set_rng_state(document["torch_generator"].cpu())',
        "pass",
    ),
    Slip(
        "the epoch's sums are not reset",
        "training/state.py",
        "self.loss_sum.zero_()",
        "pass",
    ),
    Slip(
        "clip has no effect",
        "training/loop.py",
        "nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)",
        "pass",
    ),
    Slip(
        "gradients pile up from step to step",
        "training/loop.py",
        "state.optimizer.zero_grad(set_to_none=True)",
        "pass",
    ),
    Slip(
        "accumulated gradients are summed, not averaged",
        "training/loop.py",
        "total / recipe.accumulate",
        "total",
    ),
    Slip("patience waits an epoch too long", "training/loop.py", ">= patience", "> patience"),
    Slip(
        "max_minutes are taken as seconds",
        "training/loop.py",
        "60 * state.recipe.max_minutes",
        "state.recipe.max_minutes",
    ),
    Slip(
        "the penalties l1 and l2 are left out of the loss",
        "training/loop.py",
        "total = loss if weight_penalty is None else loss + weight_penalty",
        "total = loss",
    ),
    Slip(
        "bf16 is asked for and fp32 computed",
        "training/precision.py",
        "nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype)",
        "nullcontext()",
    ),
    Slip(
        "the recipe's mean and std are not used",
        "training/session.py",
        "return recipe.mean, recipe.std",
        "return statistics(dataset.train.images)",
    ),
    Slip(
        "the body stays frozen an epoch too long",
        "training/freezing.py",
        "frozen = done < self.epochs",
        "frozen = done <= self.epochs",
    ),
    Slip(
        "a head of other classes is taken over",
        "weights/own_files.py",
        "if fresh_head or any(",
        "if any(",
    ),
    Slip(
        "one draw for the whole batch",
        "training/augmentation/draws.py",
        "return torch.rand(count, generator=generator) < probability",
        "return (torch.rand(1, generator=generator) < probability).expand(count)",
    ),
    # runs
    Slip(
        "a resumed run forgets what earlier sittings took",
        "runs/record.py",
        "self.earlier_seconds + time.monotonic()",
        "time.monotonic()",
    ),
    Slip(
        "the headline's loss is its accuracy",
        "runs/sitting.py",
        '{"loss": one["loss"],',
        '{"loss": one["accuracy"],',
    ),
    Slip(
        "a run is measured on pictures of another scale",
        "runs/sitting.py",
        "std=trained.preprocessing.std,",
        "std=(1.0,) * len(trained.preprocessing.std),",
    ),
    Slip("a run goes on with changed pictures", "runs/sitting.py", "run.check_same(dataset)", "pass"),
    Slip(
        "a finished run is resumed",
        "runs/sitting.py",
        'run.document["status"] == "finished"',
        'run.document["status"] == "done"',
    ),
    Slip(
        "the second Ctrl-C does not stop at once",
        "runs/interruption.py",
        "if second or not self.gently:",
        "if not self.gently:",
    ),
    Slip(
        "a failed run says that it is running",
        "runs/record.py",
        'isinstance(error, KeyboardInterrupt) else "failed"',
        'isinstance(error, KeyboardInterrupt) else "running"',
    ),
    Slip(
        "history.csv is not written after each epoch",
        "runs/sitting.py",
        "write_text(folder / files.HISTORY, files.history_csv(state.history), inside=folder)",
        "pass",
    ),
    Slip(
        "a run's own test pictures are divided by other shares",
        "runs/run.py",
        "val=recipe.val,",
        "val=0.1,",
    ),
    Slip(
        "the resize rule does not reach the pictures",
        "runs/ingredients.py",
        "resize=recipe.resize,",
        'resize="crop",',
    ),
    Slip(
        "trained weights are never put into the network",
        "training/session.py",
        "origin.fill(model, origin.classes not in (None, dataset.classes))",
        "pass",
    ),
    Slip(
        "the epoch's line shows the training loss twice",
        "runs/screen.py",
        "_number(row['val_loss'])",
        "_number(row['train_loss'])",
    ),
    # data
    Slip(
        "what an epoch leaves over is dropped",
        "data/batches.py",
        "torch.cat([self.pending, fresh])",
        "fresh",
    ),
    Slip(
        "the mean is not divided by the deviation",
        "data/normalising.py",
        "[-m / s for m, s in",
        "[-m for m, s in",
    ),
    Slip(
        "EXIF orientation is not applied",
        "data/decode/decoder.py",
        "return upright(array, _orientation(picture))",
        "return upright(array, 1)",
    ),
    Slip(
        "padding above and beside change places",
        "data/pixels/resizing.py",
        "offset=((height - kept[0]) // 2, (width - kept[1]) // 2)",
        "offset=((width - kept[1]) // 2, (height - kept[0]) // 2)",
    ),
    Slip(
        "validation takes its pictures before the test",
        "data/splitting.py",
        "TEST if size <= room[TEST] else VAL if size <= room[VAL] else TRAIN",
        "VAL if size <= room[VAL] else TEST if size <= room[TEST] else TRAIN",
    ),
    Slip("the limit is always drawn with seed 0", "data/load.py", "manual_seed(seed)", "manual_seed(0)"),
    Slip(
        "channels follow all pictures, not the training ones",
        "data/load.py",
        'pictures.grey[parts["train"]].all()',
        "pictures.grey.all()",
    ),
    Slip("10 comes before 2", "data/sources/names.py", "[int(part) if place % 2 else part for", "[part for"),
    Slip(
        "a changed file of the same size is not noticed",
        "data/store/store.py",
        "{found.st_size} {found.st_mtime_ns} {found.st_mode}",
        "{found.st_size} {found.st_mode}",
    ),
    Slip(
        "labels of other data are not those of the classifier",
        "data/load.py",
        "known[pictures.labels[rows]]",
        "pictures.labels[rows]",
    ),
    Slip(
        "CIFAR's red and blue change places",
        "data/sources/cifar.py",
        "= planes[:, channel]",
        "= planes[:, 2 - channel]",
    ),
    Slip(
        "transparent pictures lie on black",
        "data/decode/modes.py",
        'picture.size, "white")',
        'picture.size, "black")',
    ),
    # conv
    Slip(
        "output channels go to the wrong group",
        "conv/algorithms/reference.py",
        "channel // (problem.out_channels // problem.groups)",
        "channel % problem.groups",
    ),
    Slip(
        "a convolution does not flip the first axis",
        "conv/plan.py",
        "tuple(range(2, asked.axes + 2)) if flip",
        "tuple(range(3, asked.axes + 2)) if flip",
    ),
    Slip(
        "a reflection repeats the far edge",
        "conv/boundaries.py",
        "max(2 * length - 2, 1)",
        "max(2 * length - 1, 1)",
    ),
    Slip(
        "'same' pads even kernels on the wrong side",
        "conv/geometry.py",
        "(r // 2, r - r // 2)",
        "(r - r // 2, r // 2)",
    ),
    Slip(
        "the receptive field forgets dilation",
        "conv/geometry.py",
        "field += dilation * (kernel - 1) * jump",
        "field += (kernel - 1) * jump",
    ),
    Slip(
        "a mean counts padding when it should not",
        "conv/pooling/by_loops.py",
        "if not count_padding:",
        "if count_padding:",
    ),
    Slip(
        "the running variance is the biased one",
        "conv/functions/batch_normalisation.py",
        "variance.detach() * count / (count - 1)",
        "variance.detach()",
    ),
    Slip(
        "softmax overflows",
        "conv/functions/activations.py",
        "return scores - scores.amax(axis, keepdim=True).detach()",
        "return scores",
    ),
    Slip("dropout does not scale what it keeps", "conv/functions/dropouts.py", "x * scale, 0.0)", "x, 0.0)"),
    Slip(
        "binary cross-entropy has its classes swapped",
        "conv/functions/cross_entropies.py",
        "t * torch.logaddexp(zero, -z) + (1 - t) * torch.logaddexp(zero, z)",
        "t * torch.logaddexp(zero, z) + (1 - t) * torch.logaddexp(zero, -z)",
    ),
    Slip(
        "the gradient meets a kernel that is not turned around",
        "conv/problem.py",
        "w.conj().flip(tuple(range(2, w.ndim)))",
        "w.conj()",
    ),
    Slip(
        "the bias is subtracted",
        "conv/plan.py",
        "y = y + self._bias(bias, y)",
        "y = y - self._bias(bias, y)",
    ),
    # models
    Slip(
        "resnet ends in a maximum", "models/resnet.py", "return maps.mean((2, 3))", "return maps.amax((2, 3))"
    ),
    Slip(
        "densenet puts new maps before the old ones",
        "models/densenet.py",
        "torch.cat([maps, layer(maps)], 1)",
        "torch.cat([layer(maps), maps], 1)",
    ),
    Slip(
        "googlenet's branches stand in another order",
        "models/googlenet.py",
        "self.branch3(maps), self.branch5(maps)",
        "self.branch5(maps), self.branch3(maps)",
    ),
    Slip(
        "vgg drops nothing before its head",
        "models/vgg.py",
        "dropout2=Dropout(dropout)",
        "dropout2=Dropout(0.0)",
    ),
    Slip(
        "branches are dropped in evaluation, too",
        "models/stochastic_depth.py",
        "if not self.training or self.rate == 0:",
        "if self.rate == 0:",
    ),
    Slip(
        "dropout drops in evaluation, too",
        "models/dropping.py",
        "if not self.training or threshold == 0:",
        "if threshold == 0:",
    ),
    Slip("init has no effect", "models/building.py", "initialise(made, init)", "pass"),
    Slip(
        "the stem goes by the longer side",
        "models/stems.py",
        "min(image_size) < SMALL_BELOW",
        "max(image_size) < SMALL_BELOW",
    ),
    Slip(
        "lenet pools by the maximum",
        "models/lenet.py",
        "pool=nn.AvgPool2d(2),\n            ),\n            stage2",
        "pool=nn.MaxPool2d(2),\n            ),\n            stage2",
    ),
    Slip(
        "a chain of blocks without its skips",
        "models/deep_residual.py",
        "self.stochastic_depth(out) + maps if self.skip else out",
        "self.stochastic_depth(out)",
    ),
    Slip(
        "nin has no activation after its 1x1 kernels",
        "models/nin.py",
        'layers[f"activation{i}"] = nn.ReLU(inplace=True)',
        "pass",
    ),
    Slip(
        "fields grow by a tap too many",
        "inspection/sight.py",
        "self.field + (taps - 1) * self.stride",
        "self.field + taps * self.stride",
    ),
    # evaluation
    Slip(
        "the confusion matrix is transposed",
        "evaluation/metrics.py",
        "_labels(predictions) * classes + predicted(predictions)",
        "predicted(predictions) * classes + _labels(predictions)",
    ),
    Slip(
        "balanced accuracy counts classes that do not occur",
        "evaluation/metrics.py",
        "(counts.diag() / support)[support > 0].mean()",
        "(counts.diag() / support.clamp(min=1)).mean()",
    ),
    Slip(
        "precision is recall",
        "evaluation/metrics.py",
        '"precision": _share(hit, answered)',
        '"precision": _share(hit, true)',
    ),
    Slip("top-k is one place too generous", "evaluation/metrics.py", "(rank < k)", "(rank <= k)"),
    Slip(
        "losses are gathered where they should be scattered",
        "evaluation/metrics.py",
        "torch.empty_like(losses).index_copy(0, predictions.index, losses)",
        "losses[predictions.index]",
    ),
    Slip("prediction runs in training mode", "evaluation/prediction.py", "model.eval()", "model.train()"),
    Slip(
        "frozen parts wake up after a prediction",
        "evaluation/prediction.py",
        "module.training = training",
        "module.training = True",
    ),
    Slip(
        "test-time augmentation turns pictures upside down",
        "evaluation/prediction.py",
        "batch.images.flip(3)",
        "batch.images.flip(2)",
    ),
    Slip(
        "the centre cut takes rows for columns",
        "evaluation/prediction.py",
        "(images.shape[2] - size[0]) // 2, (images.shape[3] - size[1]) // 2",
        "(images.shape[3] - size[1]) // 2, (images.shape[2] - size[0]) // 2",
    ),
    Slip(
        "the process stays in full precision after a prediction",
        "evaluation/prediction.py",
        "setting.fp32_precision = value",
        "pass",
    ),
    # shipping
    Slip("an edited description is taken", "shipping/integrity.py", "if not intact:", "if False:"),
    Slip(
        "altered weights are taken",
        "shipping/unpacking.py",
        "hashlib.sha256(content).hexdigest() != description.files[WEIGHTS]",
        "False",
    ),
    Slip(
        "the least probable classes come first", "shipping/scores.py", "descending=True", "descending=False"
    ),
    Slip(
        "a bad file loses its row",
        "shipping/classifier.py",
        "rows.append(Prediction(picture.file, picture.status, picture.reason))",
        "pass",
    ),
    Slip(
        "a loaded classifier is in training mode",
        "shipping/classifier.py",
        "network.eval()",
        "network.train()",
    ),
    Slip("a loaded classifier has lost its figures", "shipping/classifier.py", "description.metrics,", "{},"),
    Slip(
        "the resize rule is lost on the way",
        "vocabulary.py",
        'resize=str(document["resize"])',
        'resize="crop"',
    ),
    Slip(
        "any folder is overwritten",
        "shipping/writing.py",
        "    _check_free(folder, overwrite)\n    token",
        "    token",
    ),
    Slip(
        "the old classifier is lost when the new one fails",
        "shipping/writing.py",
        "old.rename(folder)\n        raise",
        "pass\n        raise",
    ),
    Slip(
        "weights that are no numbers are taken",
        "shipping/weights.py",
        "if not tensor.isfinite().all():",
        "if False:",
    ),
    Slip(
        "a classifier ignores test-time augmentation",
        "shipping/classifier.py",
        "self.logits(images, batch_size=batch_size, tta=tta, device=device)",
        "self.logits(images, batch_size=batch_size, device=device)",
    ),
    Slip(
        "files that nobody listed are passed over",
        "shipping/unpacking.py",
        "if entry.name not in (*files, DESCRIPTION) and",
        "if False and",
    ),
    # figures, diagram
    Slip(
        "shares are those of the column", "figures/confusion.py", "counts.sum(axis=1)", "counts.sum(axis=0)"
    ),
    Slip(
        "the predicted axis says actual",
        "figures/confusion.py",
        'axis_label(axes, "x", "predicted")',
        'axis_label(axes, "x", "actual")',
    ),
    Slip(
        "the best classes come first",
        "figures/classes.py",
        "seen.sort(key=lambda row: row[0])",
        "seen.sort(key=lambda row: -row[0])",
    ),
    Slip(
        "the least confident mistakes are shown",
        "figures/mistakes.py",
        "argsort(descending=True, stable=True)",
        "argsort(descending=False, stable=True)",
    ),
    Slip(
        "mistakes show the wrong pictures",
        "figures/mistakes.py",
        "positions(predictions)[rows].tolist()",
        "rows.tolist()",
    ),
    Slip(
        "curves mark the last epoch, not the kept one",
        "figures/curves.py",
        "history.rows[epochs.index(best_epoch)]",
        "history.rows[-1]",
    ),
    Slip(
        "both curves are those of training",
        "figures/curves.py",
        'history.column(f"{split}_{quantity}")',
        'history.column(f"train_{quantity}")',
    ),
    Slip(
        "grey levels are cut, not rounded",
        "figures/levels.py",
        "(values / per_level + zero).round()",
        "(values / per_level + zero)",
    ),
    Slip("class names can open a tag", "diagram/svg.py", '.replace("<", "&lt;")', ""),
    Slip(
        "right answers are listed among the mistakes",
        "figures/confusion.py",
        "np.fill_diagonal(wrong, 0)",
        "pass",
    ),
    # cli
    Slip(
        "a stopped training exits with 0",
        "cli/train.py",
        'return STOPPED if summary["status"] == "stopped" else 0',
        "return 0",
    ),
    Slip("evaluate ignores --tta", "cli/evaluate.py", "tta=flags.tta", "tta=False"),
    Slip("predict ignores --top-k", "cli/predict.py", "top_k=flags.top_k,", "top_k=None,"),
    Slip("predict ignores --strict", "cli/predict.py", "len(rows) if flags.strict else 1", "1"),
    Slip("evaluate divides the pictures by other shares", "cli/evaluate.py", "val=recipe.val,", "val=0.1,"),
    Slip(
        "height and width change places",
        "cli/values.py",
        "return int(sides[0]), int(sides[-1])",
        "return int(sides[-1]), int(sides[0])",
    ),
    Slip(
        "a folder's pictures come in the order of letters",
        "cli/inputs.py",
        "for one in sorted(inside, key=path_key)]",
        "for one in sorted(inside)]",
    ),
    Slip(
        "the best class stands twice in a row", "cli/answers.py", '["scores"][1:top_k]', '["scores"][:top_k]'
    ),
    Slip("convolve ignores --flip", "cli/convolve.py", "(2, flags.flip, stride,", "(2, False, stride,"),
    Slip(
        "cache --clear KEY clears all",
        "cli/cache.py",
        "stores if everything else [",
        "stores if stores else [",
    ),
    Slip(
        "predict replaces a file without being asked",
        "cli/predict.py",
        "check_free(flags.out, flags.overwrite)",
        "pass",
    ),
    Slip(
        "a network is imported because a file names it", "cli/opening.py", "if given != model:", "if False:"
    ),
)


def main(words: Sequence[str] | None = None) -> int:
    """Plant the slips; the exit code is 1 when one survives or has lost its place."""
    flags = arguments(words)
    lost = list(misplaced(SLIPS))
    for line in lost:
        print(f"lost: {line}")
    chosen = [slip for slip in SLIPS if wanted(slip, flags.only)]
    if flags.check or lost:
        print(f"{len(SLIPS)} slips, {len(lost)} lost.")
        return int(bool(lost))
    results = Results(flags.results, fresh=flags.fresh)
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        trials: queue.Queue[Trial] = queue.Queue()
        for number in range(flags.jobs):
            trials.put(Trial(Path(folder) / str(number), flags.limit))

        def judge(slip: Slip) -> None:
            trial = trials.get()
            try:
                results.add(slip, trial(slip))
            finally:
                trials.put(trial)

        with ThreadPoolExecutor(flags.jobs) as threads:
            list(threads.map(judge, [slip for slip in chosen if not results.knows(slip)]))
        red = results.tests(chosen)
        copy_project(Path(folder) / "clean")
        broken = failures(Path(folder) / "clean", red, None) if red else []
    for test in broken:
        print(f"fails without any slip, so what it noticed is not counted: {test}")
    return results.tell(chosen, broken)


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[], help="packages, or words of titles")
    parser.add_argument("--jobs", type=int, default=1, help="slips at a time, each on a thread of its own")
    parser.add_argument("--limit", type=float, default=300, help="seconds for each of the three rounds")
    parser.add_argument("--results", type=Path, default=ROOT / "build" / "mutations.json")
    parser.add_argument("--fresh", action="store_true", help="forget earlier results of the chosen slips")
    parser.add_argument("--check", action="store_true", help="plant nothing")
    return parser.parse_args(words)


def place(slip: Slip) -> Path | None:
    """The file that the slip goes into, below src/fieldmark; None where its old text is not to be found.

    That is its module, or where the text has moved the only file that has it, once.
    """
    source = ROOT / "src" / "fieldmark"
    for paths in ([source / slip.module], sorted(source.rglob("*.py"))):
        found = {path: path.read_text(encoding="utf-8").count(slip.old) for path in paths if path.is_file()}
        having = [path for path, count in found.items() if count]
        if len(having) == 1 and found[having[0]] == 1:
            return having[0].relative_to(source)
    return None


def misplaced(slips: Iterable[Slip]) -> Iterator[str]:
    """A line for every slip whose old text is not to be found, or not to be told from others like it."""
    for slip in slips:
        if place(slip) is None:
            yield f"{slip.title}: neither {slip.module} nor one other file has this once: {slip.old}"


def wanted(slip: Slip, only: Sequence[str]) -> bool:
    words = [word for word in only if word not in LIKELY]
    return not only or slip.package in only or any(word in slip.title for word in words)


class Trial:
    """A copy of the project in which one slip after the other is planted and judged."""

    def __init__(self, folder: Path, limit: float) -> None:
        self.folder, self.limit = folder, limit
        self.there = False

    def __call__(self, slip: Slip) -> dict[str, Any]:
        """{result: noticed, survived or unsure; test: the first that failed; seconds}."""
        if not self.there:
            copy_project(self.folder)
            self.there = True
        began, red, unsure = time.monotonic(), "", False
        module = place(slip)
        assert module is not None, slip.title
        path = self.folder / "src" / "fieldmark" / module
        right = path.read_text(encoding="utf-8")
        for selection in rounds(slip, module):
            path.write_text(right.replace(slip.old, slip.new), encoding="utf-8")
            try:
                failed = self.first_failure(selection)
            finally:
                path.write_text(right, encoding="utf-8")
            unsure = unsure or failed is None
            if failed:
                red = failed
                break
        result = "noticed" if red else "unsure" if unsure else "survived"
        return {"result": result, "test": red, "seconds": round(time.monotonic() - began, 1)}

    def first_failure(self, selection: Sequence[str]) -> str | None:
        """The first test of these that fails, "" when all pass, None when the time was not enough."""
        try:
            failed = failures(self.folder, ["-x", *selection], self.limit)
        except subprocess.TimeoutExpired:
            return None
        return failed[0] if failed else ""


def failures(folder: Path, words: Sequence[str], limit: float | None) -> list[str]:
    """The tests that fail in a copy of the project. Raises TimeoutExpired after `limit` seconds."""
    command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-rfE", "-p", "no:cacheprovider"]
    surroundings = os.environ | {
        "PYTHONPATH": str(folder / "src"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [*command, "-m", "not data and not peers", *words],
        cwd=folder,
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=limit,
    )
    if done.returncode in (0, 5):  # 5: no tests there
        return []
    told = re.findall(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", done.stdout, re.MULTILINE)
    return told or [f"pytest itself: {(done.stdout + done.stderr)[-500:]}"]


def rounds(slip: Slip, module: Path) -> list[list[str]]:
    """What to run, one round after the other: of the module, of its package, of all that is likely."""
    tests, source = ROOT / "tests", "src/fieldmark"
    near = tests.glob(f"{module.parent}/**/test_*{module.stem}*.py")
    of_module = [*sorted(str(path.relative_to(ROOT)) for path in near), f"{source}/{module.as_posix()}"]
    of_module = [*QUICK.get(slip.package, ()), *of_module]
    of_package = [f"tests/{slip.package}", f"{source}/{slip.package}"]
    beside = sorted(str(path.relative_to(ROOT)) for path in tests.glob("test_*.py"))
    likely = [*(f"tests/{package}" for package in LIKELY[slip.package]), *beside]
    return [of_module, of_package, likely]


def copy_project(folder: Path) -> None:
    """The files that git knows of or would, as they are now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode("utf-8", "surrogateescape").split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


class Results:
    """What is known so far, in a JSON file that is written after every slip."""

    def __init__(self, path: Path, fresh: bool) -> None:
        self.path, self.fresh = path, fresh
        self.lock = threading.Lock()
        self.of_title: dict[str, dict[str, Any]] = {}
        if path.is_file():
            self.of_title = json.loads(path.read_text(encoding="utf-8"))["slips"]

    def knows(self, slip: Slip) -> bool:
        """Whether this very slip was judged before; what was unsure, or survived, is tried again."""
        known = self.of_title.get(slip.title, {})
        return not self.fresh and known.get("slip") == list(slip[1:]) and known["result"] == "noticed"

    def add(self, slip: Slip, found: dict[str, Any]) -> None:
        with self.lock:
            print(f"{found['result']:8} {slip.package:10} {slip.title}", end="")
            print(f" ({found['seconds']} s){': ' + found['test'] if found['test'] else ''}", flush=True)
            self.of_title[slip.title] = {"package": slip.package, "slip": list(slip[1:]), **found}
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(json.dumps({"slips": self.of_title}, indent=1) + "\n", encoding="utf-8")

    def tests(self, slips: Sequence[Slip]) -> list[str]:
        """What noticed them."""
        return sorted({self.of_title[slip.title]["test"] for slip in slips} - {""})

    def tell(self, slips: Sequence[Slip], broken: Sequence[str]) -> int:
        """Print the shares by package and the slips that were not noticed, and return the exit code."""
        of = {}
        for slip in slips:
            known = self.of_title[slip.title]
            of[slip] = "unsure" if known["test"] in broken else known["result"]
        for package in dict.fromkeys(slip.package for slip in slips):
            all_of_it = [result for slip, result in of.items() if slip.package == package]
            print(f"{package:10} {all_of_it.count('noticed'):3} of {len(all_of_it):3} noticed")
        left = [slip for slip, result in of.items() if result != "noticed"]
        for slip in left:
            print(f"{of[slip]}: {slip.title} ({slip.module})")
        print(f"{len(slips) - len(left)} of {len(slips)} slips noticed.")
        return int(bool(left))


if __name__ == "__main__":
    sys.exit(main())
