"""Every setting of a recipe reaches the run: seen from outside, with a network that notes its batches."""

import copy
import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from training.recording import (
    COUNTS,
    SIDE,
    Call,
    Clock,
    RecordingModel,
    ScriptedModel,
    Steps,
    coded_pictures,
    recorded_steps,
    scripted_pictures,
)
from training.whole_run import train

from fieldmark.evaluation.metrics import accuracy, loss
from fieldmark.evaluation.prediction import predict
from fieldmark.recipe import Recipe
from fieldmark.training.session import Trained
from fieldmark.vocabulary import Predictions

DATA = coded_pictures()
PLAIN = Recipe(
    model="tests:recording",
    epochs=3,
    batch_size=8,
    optimizer="sgd",
    momentum=0.0,
    learning_rate=0.05,
    schedule="constant",
    precision="fp32",
    mean=(0.0,),
    std=(1.0,),
)


def recorded(recipe: Recipe, **doors: Any) -> tuple[RecordingModel, Steps, Trained]:
    model = RecordingModel(doors.pop("clock", None))
    with recorded_steps() as steps:
        trained = train(DATA, recipe, model=model, **doors)
    return model, steps, trained


def originals(pixels: Tensor, images: Tensor = DATA.train.images) -> list[int | None]:
    """Which picture each of these is, to the last pixel; None for one that is none of them."""
    place = {tuple(image.flatten().tolist()): i for i, image in enumerate(images)}
    return [place.get(tuple(image.flatten().tolist())) for image in pixels]


# What the network is given.


def test_without_augmentation_an_epoch_is_every_picture_once_as_it_is() -> None:
    model, _, _ = recorded(PLAIN)
    seen = [one for call in model.batches("train") for one in originals(call.pixels)]
    assert len(seen) == 3 * 48
    for start in (0, 48, 96):
        assert sorted(seen[start : start + 48]) == list(range(48))
    assert seen[:48] != seen[48:96] != seen[96:], "every epoch has an order of its own"


def test_augmented_pictures_are_what_the_network_is_given() -> None:
    always = PLAIN.replace(augment=({"name": "mirror", "probability": 1.0},))
    model, _, _ = recorded(always)
    for call in model.batches("train"):
        assert originals(call.pixels) == [None] * 8
        assert None not in originals(call.pixels.flip(3))


def test_every_picture_of_a_batch_is_augmented_by_itself() -> None:
    model, _, _ = recorded(PLAIN.replace(augment=("mirror",)))
    turned = [sum(one is None for one in originals(call.pixels)) for call in model.batches("train")]
    assert 0.25 < sum(turned) / (3 * 48) < 0.75
    assert any(0 < count < 8 for count in turned), "a batch has turned and unturned pictures"


def test_pictures_are_shifted_both_ways_independently() -> None:
    model, _, _ = recorded(PLAIN.replace(augment=({"name": "crop", "padding": 1, "mode": "zero"},)))
    padded = functional.pad(DATA.train.images, (1, 1, 1, 1))
    windows = {
        (top, left): padded[:, :, top : top + SIDE, left : left + SIDE]
        for top in range(3)
        for left in range(3)
    }
    seen = set()
    for call in model.batches("train"):
        for image in call.pixels:
            shifts = [shift for shift, all_ in windows.items() if (all_ == image).flatten(1).all(1).any()]
            assert len(shifts) == 1
            seen.update(shifts)
    assert seen == set(windows), "in 144 pictures every one of nine shifts"


def test_validation_pictures_are_given_whole_in_evaluation_mode_and_as_they_are() -> None:
    model, _, _ = recorded(PLAIN.replace(augment=("mirror", "crop")))
    assert all(call.training for call in model.batches("train"))
    validations = model.batches("val")
    assert len(validations) == 3
    for call in validations:
        assert not call.training
        assert originals(call.pixels, DATA.val.images) == list(range(24))


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_the_network_computes_in_the_precision_asked_for(precision: str, dtype: torch.dtype) -> None:
    model, _, trained = recorded(PLAIN.replace(precision=precision, epochs=1))
    assert {call.dtype for call in model.batches("train")} == {dtype}
    assert trained.precision == precision


# What a step does.


def by_hand(calls: list[Call], recipe: Recipe) -> list[Tensor]:
    """The gradients of weight and bias, float64, of the recipe's loss on these batches, by its definition."""
    weight, bias = (calls[0].weights[f"linear.{name}"].double() for name in ("weight", "bias"))
    weight.requires_grad_()
    bias.requires_grad_()
    total = torch.zeros((), dtype=torch.float64)
    for call in calls:
        labels = DATA.train.labels[originals(call.pixels)]
        logarithms = (call.pixels.flatten(1) / 255).double() @ weight.T + bias
        logarithms = logarithms.log_softmax(1)
        share = recipe.label_smoothing
        each = -(1 - share) * logarithms.gather(1, labels[:, None])[:, 0] - share * logarithms.mean(1)
        importance = torch.ones(8, dtype=torch.float64)
        if recipe.class_weights == "balanced":  # by the inverse of the share of the class
            importance = (48 / torch.tensor(COUNTS, dtype=torch.float64))[labels]
        total = total + (importance * each).sum() / importance.sum() / len(calls)
    total = total + recipe.l1 * weight.abs().sum() + recipe.l2 * weight.square().sum()
    return list(torch.autograd.grad(total, [weight, bias]))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"label_smoothing": 0.3},
        {"class_weights": "balanced"},
        {"l1": 0.1},
        {"l2": 0.1},
        {"accumulate": 3},
    ],
    ids=str,
)
def test_every_step_takes_the_gradient_of_the_loss_that_the_recipe_says(changes: dict[str, Any]) -> None:
    recipe = PLAIN.replace(**changes)
    model, steps, _ = recorded(recipe)
    calls = model.batches("train")
    assert len(steps.all) * recipe.accumulate == len(calls) == 18
    for number, step in enumerate(steps.all):
        of_step = calls[number * recipe.accumulate : (number + 1) * recipe.accumulate]
        for found, expected in zip(step.gradients, by_hand(of_step, recipe), strict=True):
            torch.testing.assert_close(found.double(), expected, atol=1e-6, rtol=1e-4)


def test_the_gradient_is_clipped_before_every_step() -> None:
    _, steps, _ = recorded(PLAIN.replace(clip=0.01))
    lengths = [math.sqrt(sum(float(g.square().sum()) for g in step.gradients)) for step in steps.all]
    assert lengths == pytest.approx([0.01] * 18, rel=1e-3)


def test_a_step_is_rate_times_gradient() -> None:
    _, steps, trained = recorded(PLAIN.replace(best="last"))
    after = [step.weights for step in steps.all[1:]] + [[p.detach() for p in trained.model.parameters()]]
    for step, moved in zip(steps.all, after, strict=True):
        for weight, gradient, new in zip(step.weights, step.gradients, moved, strict=True):
            torch.testing.assert_close(new, weight - 0.05 * gradient)


def cosine(done: float) -> float:
    return (1 + math.cos(math.pi * done)) / 2


@pytest.mark.parametrize(
    ("schedule", "warmup", "peak_at", "falls"),
    [
        ("constant", 0.5, 0.5, lambda done: 1.0),
        ("linear", 0.0, 0.0, lambda done: 1 - done),
        ("cosine", 0.25, 0.25, cosine),
        ("one-cycle", 0.0, 0.25, lambda done: 1 - done),
        ("one-cycle", 0.5, 0.5, lambda done: 1 - done),
    ],
)
def test_the_rate_of_every_step_is_the_schedule_in_the_middle_of_it(
    schedule: str, warmup: float, peak_at: float, falls: Any
) -> None:
    _, steps, trained = recorded(PLAIN.replace(schedule=schedule, warmup=warmup))
    expected = []
    for number in range(18):
        done = (number + 0.5) / 18
        climbing = done < peak_at
        expected.append(0.05 * (done / peak_at if climbing else falls((done - peak_at) / (1 - peak_at))))
    for step, rate in zip(steps.all, expected, strict=True):
        assert step.rates == pytest.approx([rate] * len(step.rates))
    assert trained.history.column("learning_rate") == pytest.approx(expected[5::6])


# What is kept.


@pytest.mark.parametrize(("best", "kept"), [("loss", 2), ("accuracy", 1), ("last", 3)])
def test_which_epoch_is_kept_and_that_its_weights_are_returned(best: str, kept: int) -> None:
    # All right by little; nearly all right by far; half of them wrong.
    model = ScriptedModel(2, ((1.0, 0.1), (0.9, 2.0), (0.5, 2.0)))
    data = scripted_pictures()
    recipe = PLAIN.replace(batch_size=10, best=best)
    trained = train(data, recipe, model=model)
    assert trained.history.column("val_accuracy") == pytest.approx([1.0, 0.9, 0.5])
    assert trained.best_epoch == kept
    assert trained.model.batches.item() == 2 * kept
    answers = predict(trained.model, data.val, mean=(0.0,), std=(1.0,))
    row = trained.history.rows[kept - 1]
    assert loss(answers) == pytest.approx(row["val_loss"], rel=1e-5)
    assert accuracy(answers) == row["val_accuracy"]


def test_patience_counts_epochs_since_the_kept_one() -> None:
    worse = ((1.0, 2.0), *((0.5, 2.0),) * 9)
    trained = train(
        scripted_pictures(),
        PLAIN.replace(epochs=10, batch_size=10, patience=3),
        model=ScriptedModel(2, worse),
    )
    assert (trained.status, trained.best_epoch, len(trained.history.rows)) == ("patience", 1, 4)


def test_averaged_weights_are_validated_and_returned() -> None:
    model, steps, trained = recorded(PLAIN.replace(averaging=0.7, best="last"))
    before = [step.weights for step in steps.all]
    # After the last step the network holds the average, so that step is made by hand.
    last = [w - 0.05 * g for w, g in zip(steps.all[-1].weights, steps.all[-1].gradients, strict=True)]
    average, after_epochs = [tensor.double() for tensor in before[0]], []
    for number, weights in enumerate([*before[1:], last], start=1):
        decay = min(0.7, (1 + number) / (10 + number))
        average = [decay * a + (1 - decay) * w.double() for a, w in zip(average, weights, strict=True)]
        if number % 6 == 0:
            after_epochs.append(average)
    for call, expected in zip(model.batches("val"), after_epochs, strict=True):
        for found, wanted in zip(call.weights.values(), expected, strict=True):
            torch.testing.assert_close(found.double(), wanted, atol=1e-6, rtol=1e-5)
    for found, wanted in zip(trained.model.parameters(), after_epochs[-1], strict=True):
        torch.testing.assert_close(found.detach().double(), wanted, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_the_kept_weights_give_the_figures_of_their_row(averaging: float) -> None:
    # With batch norm, whose statistics belong to the weights; more pictures than one validation batch takes.
    rows = torch.arange(24).repeat(25)
    data = copy.copy(DATA)
    object.__setattr__(data, "val", DATA.val.select(rows))
    recipe = PLAIN.replace(model="batch_norm", averaging=averaging, best="last", learning_rate=0.1)
    trained = train(data, recipe)
    answers = predict(trained.model, data.val, mean=(0.0,), std=(1.0,))
    row = trained.history.rows[-1]
    assert loss(answers) == pytest.approx(row["val_loss"], rel=1e-4)
    assert accuracy(answers) == pytest.approx(row["val_accuracy"], abs=1 / 600 + 1e-9)


def test_the_training_figures_of_an_epoch_are_those_of_its_own_batches() -> None:
    model, _, trained = recorded(PLAIN)
    calls = model.batches("train")
    for epoch, row in enumerate(trained.history.rows):
        losses, right = [], 0
        for call in calls[6 * epoch : 6 * epoch + 6]:
            labels = DATA.train.labels[originals(call.pixels)]
            weight, bias = (call.weights[f"linear.{name}"].double() for name in ("weight", "bias"))
            logits = (call.pixels.flatten(1) / 255).double() @ weight.T + bias
            answers = Predictions(logits, labels)
            losses.append(loss(answers))
            right += round(8 * accuracy(answers))
        assert row["train_loss"] == pytest.approx(sum(losses) / 6, rel=1e-4)
        assert row["train_accuracy"] == pytest.approx(right / 48)


# What the seed reaches.


def test_the_seed_reaches_order_and_augmentation() -> None:
    def given(seed: int, **changes: Any) -> list[Tensor]:
        model, _, _ = recorded(PLAIN.replace(seed=seed, epochs=1, **changes))
        return [call.pixels for call in model.batches("train")]

    def order(batches: list[Tensor]) -> list[int | None]:
        return [one for batch in batches for one in originals(batch)]

    assert order(given(1)) == order(given(1))
    assert order(given(1)) != order(given(2))
    mirrored = {"augment": ("mirror",)}
    first, again, other = (given(seed, **mirrored) for seed in (1, 1, 2))
    assert all(torch.equal(one, two) for one, two in zip(first, again, strict=True))
    # Which pictures were turned, one after the other: None where a picture is none of the originals.
    assert [one is None for one in order(first)] != [one is None for one in order(other)]


def test_the_seed_reaches_the_starting_weights() -> None:
    def start(seed: int) -> dict[str, Tensor]:
        trained = train(DATA, PLAIN.replace(model="baseline", seed=seed), stop_at=0)
        assert (trained.status, trained.best_epoch) == ("stopped", 0)
        return trained.model.state_dict()

    one, same, other = start(1), start(1), start(2)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not any(torch.equal(one[name], other[name]) for name in one)


# What looks for a rate, and what goes on.


def test_looking_for_a_rate_leaves_network_and_run_as_they_were() -> None:
    looked = PLAIN.replace(model="batch_norm", learning_rate="find", best="last")
    found = train(DATA, looked)
    direct = train(DATA, looked.replace(learning_rate=found.learning_rate))
    for name, tensor in direct.model.state_dict().items():
        assert torch.equal(found.model.state_dict()[name], tensor), name


def test_looking_for_a_rate_trains_another_network() -> None:
    model = RecordingModel()
    before = copy.deepcopy(model.state_dict())
    ready: list[dict[str, Tensor]] = []
    train(
        DATA,
        PLAIN.replace(learning_rate="find"),
        model=model,
        begun=lambda: ready.append(copy.deepcopy(model.state_dict())),
    )
    assert all(torch.equal(ready[0][name], tensor) for name, tensor in before.items())


class Cut:
    """Keeps what a run saved last."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = {}

    def save(self, state: Any) -> None:
        self.document = copy.deepcopy(state.to_document())


def test_max_minutes_are_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock.installed(monkeypatch)
    model, _, trained = recorded(PLAIN.replace(epochs=50, max_minutes=0.5), clock=clock)
    assert trained.status == "time"
    assert len(model.batches("train")) in (30, 31), "a batch takes a second"


def test_a_resumed_run_keeps_its_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, cut = Clock.installed(monkeypatch), Cut()
    recipe = PLAIN.replace(epochs=50, max_minutes=0.5)
    recorded(recipe, clock=clock, stop_at=20, save=cut.save)
    clock.now += 10_000  # nobody trains in the meantime
    model, _, trained = recorded(recipe, clock=clock, resume=cut.document)
    assert trained.status == "time"
    assert len(model.batches("train")) in (10, 11), "20 of the 30 seconds were used before"
    fourth = trained.history.rows[3]  # the epoch that was cut after two of its six batches
    assert fourth["seconds"] == pytest.approx(6)
    assert fourth["images_per_second"] == pytest.approx(8)
    assert trained.images_per_second == pytest.approx(8)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_resumed_run_keeps_momentum_and_the_best_epoch(optimizer: str) -> None:
    recipe = PLAIN.replace(
        optimizer=optimizer, momentum=0.9, learning_rate=0.5, schedule="linear", best="loss"
    )
    whole = recorded(recipe)[2]
    cut = Cut()
    recorded(recipe, stop_at=13, save=cut.save)
    rest = recorded(recipe, resume=cut.document)[2]
    for one, two in zip(whole.model.parameters(), rest.model.parameters(), strict=True):
        assert torch.equal(one, two)
    assert rest.history.column("val_loss") == whole.history.column("val_loss")


def test_a_resumed_run_keeps_an_epoch_that_was_better_than_all_later_ones() -> None:
    script = ((1.0, 2.0), (0.5, 2.0), (0.5, 2.0))
    recipe, cut = PLAIN.replace(batch_size=10), Cut()
    train(scripted_pictures(), recipe, model=ScriptedModel(2, script), stop_at=3, save=cut.save)
    rest = train(scripted_pictures(), recipe, model=ScriptedModel(2, script), resume=cut.document)
    assert (rest.status, rest.best_epoch) == ("finished", 1)
    assert rest.model.batches.item() == 2


def test_a_resumed_run_draws_the_masks_it_would_have_drawn() -> None:
    recipe = PLAIN.replace(model="dropout", best="last")
    whole, cut = train(DATA, recipe), Cut()
    train(DATA, recipe, stop_at=5, save=cut.save)
    rest = train(DATA, recipe, resume=cut.document)
    assert rest.history.column("train_loss") == whole.history.column("train_loss")
