"""Runs killed at random moments end in the same weights; checkpoints with a flipped bit never in others.

    python benchmarks/kills.py --number 25 --flips 50

A small run on the packaged digits is started, ended by SIGTERM, SIGINT or SIGKILL at a random moment, and
resumed, several times over until it is finished; its weights are compared with those of a run that nobody
disturbed. Then single bits of a checkpoint are flipped: each must be refused, or give way to the one before.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from fieldmark.errors import ClassifierError
from fieldmark.training.checkpoint import NAME, PREVIOUS, load_checkpoint, pack

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)
WORDS = ["sample", "--model", "dropout", "--limit", "400", "--batch-size", "50", "--averaging", "0.9"]
WORDS += ["--augment", "crop", "--epochs", "40", "--threads", "1", "--precision", "fp32"]


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "fieldmark", "train", *words]


def weights(run: Path) -> bytes:
    return (run / "classifier" / "weights.safetensors").read_bytes()


def killed_until_finished(run: Path, draw: random.Random, seconds: float) -> list[str]:
    """Start the run, end it at random moments, at most three times, and let it finish; the signals sent."""
    sent: list[str] = []
    while True:
        resumable = (run / "checkpoints" / NAME).is_file()
        if not resumable and run.exists():
            shutil.rmtree(run)  # killed before the first checkpoint: nothing to go on from
        words = ["--resume", str(run), "--threads", "1"] if resumable else [*WORDS, "--out", str(run)]
        began = time.monotonic()
        with subprocess.Popen(command(*words), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            if len(sent) < 3:
                time.sleep(draw.uniform(0.3, 0.7 * seconds))
                if process.poll() is None:
                    number = draw.choice(SIGNALS)
                    process.send_signal(number)
                    sent.append(number.name)
            _, said = process.communicate()
        if b"Traceback" in said:
            raise SystemExit(f"a traceback after {sent}:\n{said.decode()}")
        if process.returncode == 0:
            return sent
        seconds = min(seconds, time.monotonic() - began)
        status = json.loads((run / "run.json").read_text())["status"] if (run / "run.json").is_file() else ""
        if status == "finished":
            return sent
        if status == "running" and "SIGKILL" not in sent:  # which leaves it so, until the run goes on
            raise SystemExit(f"{run} says running after {sent}")


def flipped(folder: Path, draw: random.Random) -> str:
    """What becomes of one flipped bit in the last checkpoint: "refused" or "fell back"; else an error."""
    path = folder / NAME
    content = bytearray(path.read_bytes())
    before = pack(load_checkpoint(folder))
    place = draw.randrange(len(content))
    content[place] ^= 1 << draw.randrange(8)
    notes: list[str] = []
    whole = path.read_bytes()
    path.write_bytes(content)
    try:
        document = pack(load_checkpoint(folder, notes.append))
    except ClassifierError:
        return "refused"
    finally:
        path.write_bytes(whole)
    if not notes:
        return "unnoticed, the same" if document == before else "UNNOTICED, OTHER WEIGHTS"
    return "fell back"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--number", type=int, default=25, help="signals to send")
    parser.add_argument("--flips", type=int, default=50, help="bits to flip, half of them with one before")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    draw, outcome, sent = random.Random(arguments.seed), Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / "whole"
        began = time.monotonic()
        subprocess.run(command(*WORDS, "--out", str(whole)), check=True, capture_output=True)
        seconds = time.monotonic() - began
        run = Path(scratch) / "run"
        while sent.total() < arguments.number:
            shutil.rmtree(run, ignore_errors=True)
            sent.update(killed_until_finished(run, draw, seconds))
            outcome["same weights" if weights(run) == weights(whole) else "OTHER WEIGHTS"] += 1
            print(f"{sent.total()} signals: {dict(sent)}; runs: {dict(outcome)}", flush=True)
        flips = Counter[str]()
        checkpoints = whole / "checkpoints"
        for number in range(arguments.flips):
            if number == arguments.flips // 2:
                (checkpoints / PREVIOUS).unlink()
            flips[flipped(checkpoints, draw)] += 1
        print(f"{flips.total()} flipped bits: {dict(flips)}")
    return 0 if set(outcome) <= {"same weights"} and set(flips) <= {"refused", "fell back"} else 1


if __name__ == "__main__":
    sys.exit(main())
