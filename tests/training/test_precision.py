from pathlib import Path

import pytest
import torch

from fieldmark.training.precision import cpu_has_bf16, resolve


def test_what_is_asked_for_is_taken() -> None:
    assert resolve("bf16", torch.device("cpu")) == "bf16"
    assert resolve("fp32", torch.device("cpu")) == "fp32"


def test_auto_reads_the_cpu_flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    info = tmp_path / "cpuinfo"
    for flags, expected in (
        ("avx512f avx512_bf16", True),
        ("amx_bf16 amx_tile", True),
        ("avx2 avx512f", False),
    ):
        info.write_text(f"model name : a\nflags : {flags}\n")
        assert cpu_has_bf16(info) is expected
    assert cpu_has_bf16(tmp_path / "not there") is False


def test_a_limit_on_onednn_is_a_processor_without_bf16(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("flags : avx512_bf16\n")
    for limit, expected in (
        ("AVX2", False),
        ("AVX512_CORE_VNNI", False),
        ("AVX512_CORE_BF16", True),
        ("ALL", True),
    ):
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
        assert cpu_has_bf16(info) is expected
