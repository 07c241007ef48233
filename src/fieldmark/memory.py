"""Keeping freed memory in the process, so that who asks next finds pages that are there."""

from __future__ import annotations

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
LARGEST = 2**30  # bytes; larger blocks still go back to the system one by one
_kept = 0


def keep_freed_memory(largest: int = LARGEST) -> bool:
    """Tell glibc's malloc not to hand freed memory back to the system; whether it listened.

    largest: bytes of the largest block that is kept; at most twice that stays with the process. A later
    call with less changes nothing. A training step frees and takes the same tens of megabytes again and
    again, and so does a Fourier transform. Left to itself glibc returns them to the kernel in some runs
    and keeps them in others, as the first sizes happen to fall: the digit network then meets 6,240 page
    faults a step, or none (27.7 against 20.4 ms). Only Linux with glibc knows this setting; elsewhere
    nothing happens.
    """
    global _kept
    if largest <= _kept:
        return True
    if platform.libc_ver()[0] != "glibc":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    _kept = largest
    return bool(mallopt(M_MMAP_THRESHOLD, largest)) and bool(mallopt(M_TRIM_THRESHOLD, 2 * largest - 1))
