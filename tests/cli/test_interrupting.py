"""Signals to real processes: they end cleanly with what there is, and go on when asked."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from fieldmark.cli import main

EPOCHS = 40
WORDS = ["train", "sample", "--model", "mlp", "--limit", "300", "--batch-size", "50", "--threads", "1"]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals to one process")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_stopped_by_a_signal_is_whole_and_can_go_on(
    number: signal.Signals, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-m", "fieldmark", *WORDS, "--epochs", str(EPOCHS), "--out", "half"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.split()[:1] == ["1"]:  # the first epoch is over
                break
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert "stopping: what there is will be measured and written" in said
    assert "fieldmark train --resume half" in said
    assert "Traceback" not in said
    assert json.loads(Path("half/run.json").read_text())["status"] == "stopped"
    assert Path("half/metrics.json").is_file()
    if number == signal.SIGTERM:
        return

    assert main(["evaluate", "half", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 1000
    assert main(["train", "--resume", "half", "--threads", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "finished"
    with Path("half/history.csv").open() as file:
        assert [int(row["epoch"]) for row in csv.DictReader(file)] == list(range(1, EPOCHS + 1))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_the_midst_of_an_import_leaves_no_traceback(number: signal.Signals, code: int) -> None:
    program = textwrap.dedent("""
        import sys
        from fieldmark import cli
        cli.VERBS["slow"] = ("slow:verb", "")
        sys.exit(cli.main(["slow"]))
    """)
    # A module that takes its time, as torch does.
    Path("slow.py").write_text("import sys, time\nprint('here', file=sys.stderr, flush=True)\ntime.sleep(60)")
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "here\n"
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert said == ("fieldmark: stopped.\n" if number == signal.SIGINT else "")


def test_two_runs_at_once_make_two_whole_folders() -> None:
    several = [
        subprocess.Popen(
            [sys.executable, "-m", "fieldmark", *WORDS, "--epochs", "1", "--seed", str(seed), "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for seed in (0, 1)
    ]
    for seed, process in enumerate(several):
        told, _ = process.communicate(timeout=300)
        assert process.returncode == 0
        run = Path(json.loads(told)["run"])
        assert json.loads((run / "recipe.json").read_text())["seed"] == seed
        assert json.loads((run / "run.json").read_text())["command"][-2] == str(seed)
    assert sorted(path.name for path in Path("runs").iterdir()) == ["sample-mlp-1", "sample-mlp-2"]
