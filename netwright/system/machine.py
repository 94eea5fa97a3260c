"""Where a result comes from: versions and hardware, in words, without importing torch."""

from __future__ import annotations

import os
import platform
import time
from importlib import metadata
from pathlib import Path

from netwright.version import __version__

__all__ = ["Others", "hardware", "processors", "versions"]

_PACKAGES = ("torch", "numpy", "scipy", "scikit-learn")


def versions() -> dict[str, str]:
    """Name -> version, of this package, Python and what the numbers depend on."""
    return {"netwright": __version__, "python": platform.python_version()} | {
        name: metadata.version(name) for name in _PACKAGES
    }


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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


def hardware() -> dict[str, str]:
    """Processor, how many of it, memory, system."""
    known = {"processor": _processor(), "processors": str(processors()), "system": platform.system()}
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        known["memory"] = f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    return known


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
