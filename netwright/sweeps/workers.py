"""How many trials a machine trains at a time."""

from __future__ import annotations

from netwright.system.machine import processors

__all__ = ["default_workers"]


def default_workers(threads: int, devices: tuple[str, ...]) -> int:
    """As many workers of `threads` threads as there are processors; one for each accelerator."""
    if devices != ("cpu",):
        return len(devices)
    return max(1, processors() // threads)
