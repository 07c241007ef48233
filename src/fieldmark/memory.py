"""Freed memory: kept in the process for who asks next, or given back to the system."""

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


def give_back_freed_memory() -> bool:
    """Hand freed memory back to the system now; whether that is possible here (Linux with glibc).

    Each thread frees into a pool of its own. What a large picture left in one is of no use to the others,
    and four threads would hold four times as much as one of them needs.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):
        return False
    return True
