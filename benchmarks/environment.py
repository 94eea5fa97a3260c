"""What each benchmark prints about the machine, so that its numbers can be judged later."""

from __future__ import annotations

import os
import subprocess
from importlib import metadata

from netwright.system.machine import hardware, versions

__all__ = ["as_line", "environment"]

_BUSY = 0.5  # load above which another program disturbs the measurements


def environment(*packages: str) -> dict[str, str]:
    """Describe hardware, versions, git commit and the load before the benchmark.

    Args:
        packages: Installed packages whose versions matter too: those of the rivals.
    """
    found = hardware() | versions() | {package: metadata.version(package) for package in packages}
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    if commit.returncode == 0:
        found["commit"] = commit.stdout.strip()
    if hasattr(os, "getloadavg"):
        load = os.getloadavg()[0]
        # threads wait for each other at every layer: the slowest one decides
        warning = ": another program is running, so the figures are only indications" if load > _BUSY else ""
        found["load before"] = f"{load:.1f}{warning}"
    return found


def as_line(environment: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in environment.items())
