"""Memory that a step gives back and the next one needs again stays with the process."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["keep_memory"]

# of glibc's malloc.h
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4


def keep_memory() -> bool:
    """Have the C library keep the memory that is freed, for this process from now on; whether it does.

    Activations at 224 pixels are blocks of tens of megabytes. glibc maps such blocks anew each time and gives them back
    when they are freed, so every step waits for the system to hand out, and clear, a gigabyte in pages of 4 KiB. The
    process then holds what it needed at most. Results do not change. Other C libraries (musl, macOS) have no mallopt.
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, -1))
