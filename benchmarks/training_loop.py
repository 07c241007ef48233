"""Training throughput against the plain loop of the textbooks, side by side in one run.

The textbook way: the network as the book prints it (activation, then pool), TensorDataset, DataLoader without
workers, batches of 64, float32, NCHW, Adam. Ours: once with the defaults of the model's preset (augmentation
included), once at the textbook's batch size, precision, optimiser and without augmentation. A fourth way
shows what the loop alone is worth: the textbook's loop around our module, which computes the same function
but pools before the activation. Every way has a process of its own, so that none inherits another's
settings (ours asks malloc to keep freed memory). Same pictures, rounds interleaved; ratios are taken round
by round, so that a machine that slows down slows all four.

    python benchmarks/training_loop.py [--rounds 9] [--pictures 8192] [--json results.json]
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from recording import record
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import fieldmark as fm
from fieldmark.data.normalising import normalise
from fieldmark.data.normalising import statistics as pixel_statistics
from fieldmark.models import create
from fieldmark.recipe import Recipe
from fieldmark.training.loop import rate_at, train_step
from fieldmark.training.presets import preset
from fieldmark.training.session import Session
from fieldmark.vocabulary import Dataset

WAYS = ("textbook", "defaults", "equal", "module")
EQUAL = Recipe(optimizer="adam", schedule="constant", batch_size=64, precision="fp32", augment=())
GOALS = {"digits": {"defaults": 3.5, "equal": 1.2}, "baseline": {"defaults": 3.0, "equal": 2.0}}


def as_printed(model: str) -> nn.Module:
    """The network in the layer order of its book, NCHW: Raschka et al. ch. 14, Stevens et al. ch. 8."""
    if model == "digits":
        return nn.Sequential(
            nn.Conv2d(1, 32, 5, padding="same"),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 5, padding="same"),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(3136, 1024),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(1024, 10),
        )
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        nn.Tanh(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 8, 3, padding=1),
        nn.Tanh(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(512, 32),
        nn.Tanh(),
        nn.Linear(32, 2),
    )


def textbook(dataset: Dataset, net: nn.Module, pictures: int) -> Callable[[], float]:
    """A function that trains on about `pictures` pictures the plain way and returns images per second."""
    train = dataset.train
    images = normalise(train.images, *pixel_statistics(train.images)).contiguous()  # float32 NCHW
    loader = DataLoader(TensorDataset(images, train.labels), batch_size=64, shuffle=True)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.001)

    def measure() -> float:
        net.train()
        done, correct, total_loss = 0, 0.0, 0.0
        began = time.perf_counter()
        while done < pictures:
            for batch, labels in loader:
                outputs = net(batch)
                loss = functional.cross_entropy(outputs, labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total_loss += loss.item() * len(labels)
                correct += (outputs.argmax(1) == labels).float().sum().item()
                done += len(labels)
                if done >= pictures:
                    break
        return done / (time.perf_counter() - began)

    return measure


def ours(dataset: Dataset, recipe: Recipe, pictures: int) -> Callable[[], float]:
    """The same with our training step."""
    torch.manual_seed(0)
    state = Session.begin(dataset, recipe.replace(epochs=10_000)).state

    def measure() -> float:
        state.model.train()
        steps = -(-pictures // state.batch_size)
        began = time.perf_counter()
        for _ in range(steps):
            train_step(state, rate_at(state, state.step))
        return steps * state.batch_size / (time.perf_counter() - began)

    return measure


def worker(pipe: Connection, model: str, way: str, pictures: int) -> None:
    """One way in its own process: measures whenever it is asked, until it is told to stop."""
    dataset = fm.load("mnist") if model == "digits" else fm.load("cifar10", classes=("airplane", "bird"))
    if way == "textbook":
        measure = textbook(dataset, as_printed(model), pictures)
    elif way == "module":
        ours_made = create(model, len(dataset.classes), dataset.channels, dataset.image_size)
        measure = textbook(dataset, ours_made, pictures)
    elif way == "defaults":
        measure = ours(dataset, preset(model), pictures)
    else:
        measure = ours(dataset, EQUAL.replace(model=model), pictures)
    measure()  # a warm-up
    pipe.send("ready")
    while pipe.recv():
        pipe.send(measure())


def rates_of(model: str, rounds: int, pictures: int) -> dict[str, list[float]]:
    """Images per second of every way, round by round, one after the other."""
    context = multiprocessing.get_context("spawn")
    pipes: dict[str, Connection] = {}
    for way in WAYS:
        pipes[way], other = context.Pipe()
        context.Process(target=worker, args=(other, model, way, pictures), daemon=True).start()
        pipes[way].recv()
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, pipe in pipes.items():
            pipe.send(True)
            rates[way].append(pipe.recv())
    for pipe in pipes.values():
        pipe.send(False)
    return rates


def interval(ratios: list[float]) -> tuple[float, float]:
    """The second smallest and second largest ratio: at n = 9, a 96 % interval of the median (sign test)."""
    ordered = sorted(ratios)
    return ordered[1], ordered[-2]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--pictures", type=int, default=8192)
    parser.add_argument("--models", nargs="+", choices=list(GOALS), default=list(GOALS))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    results = []
    for model in arguments.models:
        rates = rates_of(model, arguments.rounds, arguments.pictures)
        book = statistics.median(rates["textbook"])
        for way in WAYS[1:]:
            ratios = [ours / book for ours, book in zip(rates[way], rates["textbook"], strict=True)]
            low, high = interval(ratios)
            row = {
                "model": model,
                "way": way,
                "n": arguments.rounds,
                "images_per_second": round(statistics.median(rates[way])),
                "textbook_images_per_second": round(book),
                "ratio": round(statistics.median(ratios), 2),
                "ratio_interval": [round(low, 2), round(high, 2)],
                "goal": GOALS[model].get(way),
            }
            results.append(row)
            print(
                f"{model:9s} {way:9s} {row['images_per_second']:>7,} images/s against "
                f"{row['textbook_images_per_second']:>6,}: {row['ratio']:.2f}x [{low:.2f}, {high:.2f}], "
                f"goal {row['goal'] or '-'}, n={arguments.rounds}",
                flush=True,
            )
    record(results, arguments.json)


if __name__ == "__main__":
    main()
