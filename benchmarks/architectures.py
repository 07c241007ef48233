"""Throughput of our networks beside torchvision's, with the same weights and the same batch.

Two comparisons, in inference and in a training step (forward, cross-entropy, backward, SGD with momentum):
`equal` is float32 in NCHW on both sides; `fast` is ours with channels_last and bf16 (inference: weights and
all in bf16; training: autocast) against torchvision's as above. Each network has a process of its own, in
which all ways run in turn, in an order drawn anew each round; torchvision's comes first or last as often as
ours. A round of short calls repeats them. The ratio is that of the median times, its interval a bootstrap of
the rounds (95 %, pairs kept together).

    make benchmarks-peers
    .venv-peers/bin/python benchmarks/architectures.py [--models resnet18 ...] [--rounds 15] [--batch-size 16]
        [--image-size 224] [--json results.json]
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
import torchvision
from recording import record
from torch import Tensor, nn
from torch.nn import functional

from fieldmark.memory import keep_freed_memory
from fieldmark.models import create, load_public_weights

MODELS = ("alexnet", "vgg11", "googlenet", "resnet18", "resnet50", "densenet121")
WAYS = ("torchvision", "equal", "fast")
GOALS = {"equal": 0.95, "fast": 1.5}
"""What the lower end of the interval should reach."""

SHORTEST = 0.25
"""Seconds: shorter calls are repeated within a round."""

Call = Callable[[], object]


def torchvisions(name: str) -> nn.Module:
    """torchvision's network as it starts, without auxiliary heads."""
    options: dict[str, Any] = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    torch.manual_seed(0)
    return torchvision.models.get_model(name, weights=None, **options)


def ours(name: str, peer: nn.Module, image_size: int) -> nn.Module:
    """Our network with the peer's weights."""
    options = {"kernel5": 3} if name == "googlenet" else {}
    model = create(name, 1000, 3, image_size, stem="published", **options)
    load_public_weights(model, peer.state_dict())
    return model


def inference(model: nn.Module, images: Tensor, fast: bool) -> Call:
    """A function that computes the logits of `images`."""
    model.eval()
    if fast:
        model.to(torch.bfloat16, memory_format=torch.channels_last)
        images = images.to(torch.bfloat16, memory_format=torch.channels_last)

    def call() -> Tensor:
        with torch.inference_mode():
            return model(images)

    return call


def training(model: nn.Module, images: Tensor, labels: Tensor, fast: bool) -> Call:
    """A function that makes one training step."""
    model.train()
    if fast:
        model.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)

    def call() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=fast):
            logits = model(images)
        functional.cross_entropy(logits.float(), labels).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return call


def calls_of(name: str, mode: str, batch_size: int, image_size: int) -> dict[str, Call]:
    """What is timed, for each way; the float32 networks give the same logits before."""
    images = torch.randn(batch_size, 3, image_size, image_size, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(batch_size) % 1000
    peer = torchvisions(name)
    models = {
        "torchvision": peer,
        "equal": ours(name, peer, image_size),
        "fast": ours(name, peer, image_size),
    }
    with torch.inference_mode():
        expected, found = (models[way].eval()(images[:2]) for way in ("torchvision", "equal"))
    assert torch.allclose(expected, found, rtol=0, atol=1e-4 * float(expected.abs().max()))
    if mode == "inference":
        return {way: inference(model, images, way == "fast") for way, model in models.items()}
    return {way: training(model, images, labels, way == "fast") for way, model in models.items()}


def worker(pipe: Connection, name: str, mode: str, rounds: int, batch_size: int, image_size: int) -> None:
    """Seconds per call of every way, round by round, in a process without memories of other networks."""
    keep_freed_memory()  # for all ways, or page faults would be what is compared
    calls = calls_of(name, mode, batch_size, image_size)
    repeats = {}
    for way, call in calls.items():
        call()
        begin = time.perf_counter()
        call()
        repeats[way] = max(1, round(SHORTEST / (time.perf_counter() - begin)))
    times: dict[str, list[float]] = {way: [] for way in calls}
    order = random.Random(0)
    for _ in range(rounds):
        for way in order.sample(list(calls), len(calls)):
            begin = time.perf_counter()
            for _ in range(repeats[way]):
                calls[way]()
            times[way].append((time.perf_counter() - begin) / repeats[way])
    pipe.send(times)


def measure(name: str, mode: str, rounds: int, batch_size: int, image_size: int) -> dict[str, list[float]]:
    """`worker` in a process of its own."""
    context = multiprocessing.get_context("spawn")
    pipe, other = context.Pipe()
    process = context.Process(target=worker, args=(other, name, mode, rounds, batch_size, image_size))
    process.start()
    other.close()  # so that a worker that dies ends the wait
    times: dict[str, list[float]] = pipe.recv()
    process.join()
    return times


def interval(theirs: list[float], ours: list[float], draws: int = 10_000) -> tuple[float, float]:
    """95 % of the ratios of medians when the rounds are drawn again, with replacement."""
    generator = random.Random(0)
    pairs = list(zip(theirs, ours, strict=True))
    ratios = []
    for _ in range(draws):
        drawn = generator.choices(pairs, k=len(pairs))
        ratios.append(statistics.median(a for a, _ in drawn) / statistics.median(b for _, b in drawn))
    ratios.sort()
    return ratios[int(0.025 * draws)], ratios[int(0.975 * draws) - 1]


def compared(
    name: str, mode: str, times: dict[str, list[float]], batch_size: int, image_size: int
) -> list[dict[str, Any]]:
    """A row for each way of ours."""
    rows = []
    for way in ("equal", "fast"):
        theirs, own = times["torchvision"], times[way]
        low, high = interval(theirs, own)
        rows.append(
            {
                "model": name,
                "mode": mode,
                "way": way,
                "n": len(own),
                "batch_size": batch_size,
                "image_size": image_size,
                "images_per_second": round(batch_size / statistics.median(own), 1),
                "torchvision_images_per_second": round(batch_size / statistics.median(theirs), 1),
                "ratio": round(statistics.median(theirs) / statistics.median(own), 3),
                "ratio_interval": [round(low, 3), round(high, 3)],
                "goal": GOALS[way],
                "seconds": {"torchvision": theirs, "ours": own},
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument(
        "--modes", nargs="+", choices=("inference", "training"), default=["inference", "training"]
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    results = []
    print(f"{'network':12s} {'mode':10s} {'way':6s} {'ours':>8s} {'theirs':>8s}  images/s")
    for name in arguments.models:
        for mode in arguments.modes:
            size = (arguments.batch_size, arguments.image_size)
            times = measure(name, mode, arguments.rounds, *size)
            for row in compared(name, mode, times, *size):
                results.append(row)
                low, high = row["ratio_interval"]
                verdict = "met" if low >= row["goal"] else "MISSED"
                print(
                    f"{name:12s} {mode:10s} {row['way']:6s} {row['images_per_second']:8,.1f} "
                    f"{row['torchvision_images_per_second']:8,.1f}  {row['ratio']:.2f}x "
                    f"[{low:.2f}, {high:.2f}], goal {row['goal']}: {verdict}, n={row['n']}",
                    flush=True,
                )
    record({"torchvision": torchvision.__version__, "rows": results}, arguments.json)


if __name__ == "__main__":
    main()
