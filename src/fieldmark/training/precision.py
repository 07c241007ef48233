"""Which number format training computes in: a rule, not a guess."""

from __future__ import annotations

from pathlib import Path

import torch


def resolve(precision: str, device: torch.device) -> str:
    """ "fp32" or "bf16" for a recipe's precision; "auto" is the rule below.

    bf16 if the CPU has avx512_bf16 or amx, or the GPU is sm_80 or later; else fp32. Weights, their averages
    and the optimiser's state stay float32 either way; bf16 is for the maps and matrix products between them.

    >>> resolve("fp32", torch.device("cpu"))
    'fp32'
    """
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "bf16" if torch.cuda.get_device_capability(device) >= (8, 0) else "fp32"
    return "bf16" if device.type == "cpu" and cpu_has_bf16() else "fp32"


def cpu_has_bf16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this CPU multiplies bf16 numbers itself; False where the system does not tell."""
    try:
        text = cpuinfo.read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "").split()
    return "avx512_bf16" in flags or "amx_bf16" in flags
