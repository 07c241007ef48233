"""Recipe: every setting of a training run in one frozen flat dataclass; JSON in and out."""

from __future__ import annotations

import dataclasses
import json
import math
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from fieldmark import files
from fieldmark.annotations import fits, spell
from fieldmark.errors import UserError
from fieldmark.families import unknown

Optimizer = Literal["sgd", "adam", "adamw"]
Schedule = Literal["constant", "linear", "cosine", "one-cycle"]
Precision = Literal["auto", "fp32", "bf16"]
Decay = Literal["all", "filters"]
ClassWeights = Literal["none", "balanced"]
Best = Literal["loss", "accuracy", "last"]
Initialisation = Literal["default", "xavier", "kaiming"]
ResizeRule = Literal["crop", "pad", "stretch"]

SETTLED = {"num_classes": "--classes", "in_channels": "--channels", "image_size": "--image-size"}
"""What every network is made with, and the flag that is meant where it is given as an option."""

PUBLIC = "public"
"""The value of `pretrained` that finds published weights by the model's name."""

MOST_PIXELS = 2**24
"""Of a picture as the network gets it: 4096x4096."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what training does; the data apart, two runs of one recipe are the same run.

    The values here are plain; `fieldmark.training.presets` holds a preset per model.
    Raises UserError when a value is outside its range, naming both.
    """

    model: str = "baseline"
    """An architecture (fieldmark list models), or module:function for your own."""
    options: dict[str, Any] = field(default_factory=dict)
    """What the architecture takes besides classes, channels and size: {"width": 32}; as a flag, width=32."""
    init: Initialisation = "default"
    """Starting weights."""
    pretrained: str | None = None
    """Published weights to start from: "public", which finds them by the model's name, or a file of them."""
    epochs: int = 20
    """Passes over the training pictures."""
    freeze: int = 0
    """So many first epochs train the head alone; batch norm's statistics stay as they are, too."""
    max_minutes: float | None = None
    """Stop at this many minutes of training and keep the best epoch so far."""
    batch_size: int = 256
    """Pictures per step."""
    accumulate: int = 1
    """Batches per optimiser step; the gradient is their mean."""
    optimizer: Optimizer = "adamw"
    """sgd is with Nesterov momentum."""
    learning_rate: float | Literal["find"] = 0.001
    """The peak of the schedule; "find" measures it first."""
    schedule: Schedule = "one-cycle"
    """How the learning rate moves over the run."""
    layer_decay: float = 1.0
    """A stage d stages before the head learns at layer_decay^d of the rate."""
    warmup: float = 0.0
    """Share of the run in which the rate climbs from 0 to its peak; in one-cycle 0 stands for 0.25."""
    momentum: float = 0.9
    """SGD's momentum."""
    weight_decay: float = 0.0
    """torch's weight_decay: L2 in sgd and adam, decoupled in adamw."""
    decay: Decay = "filters"
    """What decays: all parameters (as the textbooks do), or filters only (biases and norms spared)."""
    l1: float = 0.0
    """lambda of the penalty lambda * sum|w|, over what `decay` names."""
    l2: float = 0.0
    """lambda of the penalty lambda * sum w^2, over what `decay` names."""
    label_smoothing: float = 0.0
    """Share of the target spread evenly over all classes."""
    class_weights: ClassWeights = "none"
    """balanced: the loss weighs classes by the inverse of their share."""
    augment: tuple[str | dict[str, Any], ...] = ()
    """Augmentation steps in order: names (fieldmark list augmentations), or in Python and JSON also dicts."""
    averaging: float = 0.0
    """Decay of the exponential moving average of the weights, per step; 0 is off."""
    clip: float | None = None
    """Largest norm of the gradient."""
    patience: int | None = None
    """Stop after this many epochs without a better validation loss."""
    best: Best = "loss"
    """Which epoch's weights are kept: lowest validation loss, highest validation accuracy, or the last."""
    precision: Precision = "auto"
    """auto: bf16 where the processor computes in it, else fp32."""
    channels_last: bool = True
    """Store maps NHWC, which convolutions prefer; a network of yours that fails on them gets NCHW."""
    seed: int = 0
    """Starting weights, order, augmentation: all follow from it."""
    classes: tuple[str, ...] | None = None
    """Only these classes, in this order."""
    label: str | None = None
    """The attribute or column that is the label."""
    file_column: str | None = None
    """The column of a table with the file names or the pictures; none: found by its name."""
    split_column: str | None = None
    """The column of a table with the splits; none: found by its name, if there."""
    group: str | None = None
    """The column of a table with what must not be divided, such as a patient or a video."""
    allow_unreadable: bool = False
    """Leave out however many pictures cannot be read; otherwise more than a tenth ends the run."""
    limit: int | None = None
    """At most this many training pictures, stratified."""
    image_size: tuple[int, int] | None = None
    """Height and width the network gets; none: native if all agree and are at most 64, else the model's."""
    resize: ResizeRule = "crop"
    """How a picture of another shape is made to fit."""
    channels: int | None = None
    """1 grey, 3 RGB; none: 1 only if every training picture is grey."""
    mean: tuple[float, ...] | None = None
    """Taken from the pixels (0 to 1), one per channel; none: the training pictures' own."""
    std: tuple[float, ...] | None = None
    """What they are then divided by; none: the training pictures' own."""
    val: float = 0.1
    """Share of the pictures for validation where the data does not say."""
    test: float = 0.1
    """Share of the pictures for the test where the data has no splits at all."""

    def __post_init__(self) -> None:
        # Lists inside, as JSON has no tuples: a recipe read back is equal to the one written.
        object.__setattr__(self, "options", _jsonable(self.options, "options"))
        _check_types(self)
        object.__setattr__(self, "augment", tuple(_jsonable(step, "augment") for step in self.augment))
        _check_ranges(self)

    def replace(self, **changes: Any) -> Recipe:
        """This recipe with some settings changed. Raises UserError for a setting there is none of."""
        _check_names(changes)
        return dataclasses.replace(self, **changes)

    def network_options(self) -> dict[str, Any]:
        """`options` with `init`, as `models.create` takes them.

        Raises UserError for an init among the options.

        >>> Recipe(options={"width": 8}, init="xavier").network_options()
        {'init': 'xavier', 'width': 8}
        """
        if "init" in self.options:
            raise UserError("init is no option but a setting of its own: --init, or in Python init=...")
        return {"init": self.init, **self.options}

    def to_json(self) -> str:
        """All settings as a JSON object, in the order of the fields.

        >>> Recipe.from_json(Recipe(epochs=3).to_json()) == Recipe(epochs=3)
        True
        """
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """The recipe that `to_json` wrote; settings left out take the default.

        Raises UserError for text that is not a JSON object, unknown settings, and wrong values.
        """
        try:
            document = files.parse_json(text)
        except ValueError as error:
            raise UserError(f"the recipe is not JSON: {error}.") from error
        _check_names(document)
        for name in ("augment", "classes", "image_size", "mean", "std"):
            if isinstance(document.get(name), list):
                document[name] = tuple(document[name])
        return cls(**document)

    @classmethod
    def load(cls, path: Path) -> Recipe:
        """The recipe in a JSON file. Raises UserError, naming the file."""
        content = files.read_ordinary(path)
        try:
            return cls.from_json(content.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise UserError(f"{path} is broken: it is no UTF-8 text.") from error
        except UserError as error:
            raise UserError(f"{path}: {error}") from error


def refuse_settled(options: dict[str, Any]) -> None:
    """Raises UserError for options that are none: what classes and pictures settle for every network.

    >>> refuse_settled({"in_channels": 3})
    Traceback (most recent call last):
    fieldmark.errors.UserError: in_channels is no option of a network; --channels is meant.
    """
    for name, flag in SETTLED.items():
        if name in options:
            raise UserError(f"{name} is no option of a network; {flag} is meant.")


def _check_names(settings: dict[str, Any]) -> None:
    names = [setting.name for setting in dataclasses.fields(Recipe)]
    for name in settings:
        if name not in names:
            raise UserError(unknown(name, names, "setting of a recipe"))


def _jsonable(value: Any, name: str) -> Any:
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise UserError(f"recipe: {name}={_short(value)} cannot be written as JSON: {error}.") from error


def _short(value: object) -> str:
    """A value as it may stand in a message: on one line, shortened."""
    try:
        text = repr(value)
    except RecursionError:
        text = "something nested deeper than anything we write"
    return text if len(text) <= 100 else text[:97] + "..."


def _check_types(recipe: Recipe) -> None:
    for name, kind in typing.get_type_hints(Recipe).items():
        value = getattr(recipe, name)
        if not fits(value, kind):
            raise UserError(f"recipe: {name}={_short(value)} does not fit; it takes {spell(kind)}.")


def _check_ranges(recipe: Recipe) -> None:
    refuse_settled(recipe.options)
    least = {"epochs": 1, "batch_size": 1, "accumulate": 1, "patience": 1, "limit": 1, "seed": 0, "freeze": 0}
    for name, bound in least.items():
        value = getattr(recipe, name)
        if value is not None and value < bound:
            raise UserError(f"recipe: {name}={value} is too small; at least {bound}.")
    for name in ("warmup", "momentum", "label_smoothing", "averaging", "val", "test"):
        value = getattr(recipe, name)
        if not 0 <= value < 1:
            raise UserError(f"recipe: {name}={value} is outside 0 <= {name} < 1.")
    for name in ("weight_decay", "l1", "l2"):
        if not 0 <= getattr(recipe, name) < float("inf"):
            raise UserError(f"recipe: {name}={getattr(recipe, name)} must not be negative.")
    for name in ("max_minutes", "clip", "learning_rate"):
        value = getattr(recipe, name)
        if isinstance(value, int | float) and not 0 < value < float("inf"):
            raise UserError(f"recipe: {name}={value} must be above 0.")
    if recipe.seed >= 2**63:
        raise UserError(f"recipe: seed={recipe.seed} is too large; below 2^63.")
    if recipe.classes is not None and len(set(recipe.classes)) < max(2, len(recipe.classes)):
        named = ", ".join(recipe.classes) or "none"
        raise UserError(f"recipe: classes={named}: at least two different ones, each named once.")
    if not recipe.model:
        raise UserError("recipe: model is empty; fieldmark list models names them.")
    if recipe.image_size is not None and min(recipe.image_size) < 1:
        raise UserError(f"recipe: image_size={recipe.image_size} must be above 0.")
    if recipe.image_size is not None and math.prod(recipe.image_size) > MOST_PIXELS:
        raise UserError(f"recipe: image_size={recipe.image_size} is above {MOST_PIXELS:,} pixels.")
    if recipe.val + recipe.test >= 1:
        raise UserError(f"recipe: val={recipe.val} and test={recipe.test} leave nothing to train on.")
    if not 0 < recipe.layer_decay <= 1:
        raise UserError(f"recipe: layer_decay={recipe.layer_decay} is outside 0 < layer_decay <= 1.")
    if recipe.pretrained == "":
        raise UserError("recipe: pretrained is empty; it takes public, or a file of weights.")
    _check_normalisation(recipe)


def _check_normalisation(recipe: Recipe) -> None:
    if recipe.channels not in (None, 1, 3):
        raise UserError(f"recipe: channels={recipe.channels} are neither grey (1) nor RGB (3).")
    if (recipe.mean is None) != (recipe.std is None):
        raise UserError(f"recipe: mean={recipe.mean} and std={recipe.std}: give both, or neither.")
    if recipe.mean is None or recipe.std is None:
        return
    wanted = (recipe.channels,) if recipe.channels else (1, 3)
    if len(recipe.mean) != len(recipe.std) or len(recipe.mean) not in wanted:
        raise UserError(
            f"recipe: mean={recipe.mean} and std={recipe.std}: a number per channel is wanted, "
            f"{' or '.join(map(str, wanted))} in each."
        )
    if not all(math.isfinite(number) for number in recipe.mean):
        raise UserError(f"recipe: mean={recipe.mean} must be numbers.")
    if not all(0 < number < math.inf for number in recipe.std):
        raise UserError(f"recipe: std={recipe.std} must be above 0.")
