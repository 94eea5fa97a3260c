"""This machine: versions, hardware, processors and memory, without importing torch."""

from __future__ import annotations

import ctypes
import math
import os
import platform
import shutil
import sys
import time
from importlib import metadata
from pathlib import Path

from netwright.version import __version__

__all__ = [
    "Others",
    "available_memory",
    "default_threads",
    "free_shared_memory",
    "hardware",
    "keep_memory",
    "processors",
    "release_memory",
    "resident_memory",
    "share_memory",
    "total_memory",
    "versions",
]

_CGROUP = "/sys/fs/cgroup"
_OWN_GROUPS = "/proc/self/cgroup"
# of glibc's malloc.h
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_MMAP_MAX = -4
_M_ARENA_MAX = -8
_LARGE_BLOCK, _TORCHS_LARGE_BLOCK = 1 << 20, 16 << 20  # bytes
_FEW_HEAPS = 2
_PACKAGES = ("torch", "numpy", "scipy", "scikit-learn")


def versions() -> dict[str, str]:
    """Name -> version, of this package, Python and what the numbers depend on."""
    return {"netwright": __version__, "python": platform.python_version()} | {
        name: metadata.version(name) for name in _PACKAGES
    }


def processors() -> int:
    """Processors that this process may use: those of its affinity, and at most the quota of its container."""
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota()
    return mine if quota is None else max(1, min(mine, math.ceil(quota)))


def default_threads(sharing: int = 1) -> int:
    """Threads that each of `sharing` processes computes with where nobody said it to us.

    OMP_NUM_THREADS where it is set, else the processors divided. torchrun sets it to 1 where nobody did, however many
    processors there are, so a 1 under torchrun says nothing.
    """
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    is_torchruns = asked == "1" and sharing > 1 and "TORCHELASTIC_RUN_ID" in os.environ
    if asked.isdecimal() and int(asked) > 0 and not is_torchruns:
        return int(asked)
    return max(1, processors() // sharing)


def _quota() -> float | None:
    """Processors that a container may use on average, which `docker run --cpus` and Kubernetes' limits set.

    The smallest of this process's group and those around it: systemd limits groups below the root.
    """
    found = []
    for line in _lines(_OWN_GROUPS) or ["0::/", "0:cpu:/"]:
        parts = line.split(":", 2)
        if len(parts) != 3 or (parts[1] and "cpu" not in parts[1].split(",")):
            continue
        root = f"{_CGROUP}/cpu" if parts[1] else _CGROUP
        names = parts[2].strip("/").split("/")
        for depth in range(len(names) + 1):
            folder = "/".join([root, *names[:depth]]).rstrip("/")
            words = [word for text in _lines(f"{folder}/cpu.max") for word in text.split()]
            if not words:  # of the first version of cgroups
                words = [text for name in ("quota", "period") for text in _lines(f"{folder}/cpu.cfs_{name}_us")]
            if len(words) == 2 and words[0].isdigit() and words[1].isdigit() and int(words[1]):
                found.append(int(words[0]) / int(words[1]))  # otherwise "max" or -1: no quota
    return min(found, default=None)


def available_memory() -> int | None:
    """Bytes that can be taken without swapping, within a container's limit; None where the system does not say."""
    found = []
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemAvailable:"):
            found.append(int(line.split()[1]) * 1024)
    limit, used = _lines(f"{_CGROUP}/memory.max"), _lines(f"{_CGROUP}/memory.current")
    if limit and used and limit[0].isdigit():
        found.append(int(limit[0]) - int(used[0]))
    return max(min(found), 0) if found else None


def total_memory() -> int | None:
    """Bytes of this machine's memory; None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def free_shared_memory() -> int | None:
    """Bytes in which processes can hand arrays over, often few in a container; None where the system does not say."""
    try:
        return shutil.disk_usage("/dev/shm").free
    except OSError:
        return None


def keep_memory() -> bool:
    """Have the C library keep the memory that is freed, for this process from now on; whether it does.

    Activations at 224 pixels are blocks of tens of megabytes. glibc maps such blocks anew each time and returns them
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


def share_memory() -> bool:
    """Have the C library return large blocks to the system as soon as they are freed, and share its heaps among all
    threads, for this process from now on; whether it does.

    By itself glibc keeps what is freed for the next block, and in a heap for each thread: a server whose threads take
    one large body or image after another then holds twice what it needs. Large is 1 MiB; 16 MiB where torch is
    imported, whose activations are such blocks: to have them anew each time makes it slower by an eighth.
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    large = _TORCHS_LARGE_BLOCK if "torch" in sys.modules else _LARGE_BLOCK
    return bool(mallopt(_M_MMAP_THRESHOLD, large)) and bool(mallopt(_M_ARENA_MAX, _FEW_HEAPS))


def release_memory() -> bool:
    """Have the C library return what is freed to the system, for all threads; whether it did. It takes tens of
    milliseconds where much was freed, in which other threads wait as soon as they need memory.

    Each thread's heap keeps the large blocks that it once had; only glibc can be told.
    """
    try:
        return bool(ctypes.CDLL(None).malloc_trim(0))
    except (OSError, AttributeError, TypeError):  # another C library; Windows takes no None
        return False


class Others:
    """How much other programs compute meanwhile: started when it is made."""

    def __init__(self) -> None:
        self._began, self._own, self._all = time.perf_counter(), time.process_time(), _busy_seconds()

    def processors(self) -> float | None:
        """Processors that others used, on average; None where the system (Linux does) does not tell."""
        now = _busy_seconds()
        if now is None or self._all is None:
            return None
        passed = max(1e-9, time.perf_counter() - self._began)
        return max(0.0, (now - self._all - (time.process_time() - self._own)) / passed)


def _busy_seconds() -> float | None:
    """Processor seconds that all programs used since the start, on the processors of this process."""
    try:
        lines = [line.split() for line in Path("/proc/stat").read_text().splitlines() if line.startswith("cpu")]
        mine = {f"cpu{each}" for each in os.sched_getaffinity(0)}
        # user, nice, system, idle, iowait, irq, softirq, ...
        ticks = sum(int(words[i]) for words in lines if words[0] in mine for i in (1, 2, 3, 6, 7))
        return ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return None


def resident_memory() -> int:
    """Bytes of memory that this process holds now; its peak where no more is told, 0 where nothing is."""
    words = " ".join(_lines("/proc/self/statm")).split()
    if len(words) > 1:
        return int(words[1]) * os.sysconf("SC_PAGE_SIZE")
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def hardware() -> dict[str, str]:
    """Processor, how many of it, memory, system."""
    known = {"processor": _processor(), "processors": str(processors()), "system": platform.system()}
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        known["memory"] = f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    return known


def _processor() -> str:
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:  # another system, or hidden
        return []
