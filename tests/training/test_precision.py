from pathlib import Path

import torch

from fieldmark.training.precision import cpu_has_bf16, resolve


def test_what_is_asked_for_is_taken() -> None:
    assert resolve("bf16", torch.device("cpu")) == "bf16"
    assert resolve("fp32", torch.device("cpu")) == "fp32"


def test_auto_reads_the_cpu_flags(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    for flags, expected in (
        ("avx512f avx512_bf16", True),
        ("amx_bf16 amx_tile", True),
        ("avx2 avx512f", False),
    ):
        info.write_text(f"model name : a\nflags : {flags}\n")
        assert cpu_has_bf16(info) is expected
    assert cpu_has_bf16(tmp_path / "not there") is False
