"""Ctrl-C on a real process: it ends cleanly with what there is, and goes on when asked."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fieldmark.cli import main

EPOCHS = 40


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send to one process")
def test_a_run_stopped_by_ctrl_c_is_whole_and_can_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "sample", "--model", "mlp", "--limit", "300", "--batch-size", "50", "--threads", "1"]
    command = [sys.executable, "-m", "fieldmark", *words, "--epochs", str(EPOCHS), "--out", "half"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.split()[:1] == ["1"]:  # the first epoch is over
                break
        process.send_signal(signal.SIGINT)
        told, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopping: what there is will be measured and written" in said
    assert "Go on: fieldmark train --resume half" in told
    assert json.loads(Path("half/run.json").read_text())["status"] == "stopped"

    assert main(["evaluate", "half", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 1000
    assert main(["train", "--resume", "half", "--threads", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "finished"
    with Path("half/history.csv").open() as file:
        assert [int(row["epoch"]) for row in csv.DictReader(file)] == list(range(1, EPOCHS + 1))
