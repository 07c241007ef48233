"""Which number format training computes in: a rule, not a guess."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch

CPUINFO = Path("/proc/cpuinfo")
LIMITS_WITHOUT_AVX512 = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2")
LIMITS_WITHOUT_BF16 = (*LIMITS_WITHOUT_AVX512, "AVX512_CORE", "AVX512_CORE_VNNI")
"""Values of ONEDNN_MAX_CPU_ISA under which the library that convolves leaves what a processor has unused."""


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


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[object]:
    """The context in which a network computes in `dtype`; none is needed for float32."""
    return nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype)


def cpu_has_bf16(cpuinfo: Path = CPUINFO) -> bool:
    """Whether this CPU multiplies bf16 numbers itself, and oneDNN may use it; False where nobody tells."""
    if os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper() in LIMITS_WITHOUT_BF16:
        return False
    flags = cpu_flags(cpuinfo)
    return "avx512_bf16" in flags or "amx_bf16" in flags


def cpu_has_avx512(cpuinfo: Path = CPUINFO) -> bool:
    """Whether this CPU computes 512 bits at once, and oneDNN may use it; False where nobody tells."""
    if os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper() in LIMITS_WITHOUT_AVX512:
        return False
    return "avx512f" in cpu_flags(cpuinfo)


def cpu_flags(cpuinfo: Path) -> list[str]:
    """What the system says that the processor can do; nothing where it does not tell."""
    try:
        text = cpuinfo.read_text(encoding="ascii", errors="replace")
    except OSError:
        return []
    return next((line for line in text.splitlines() if line.startswith("flags")), "").split()
