"""A Ray cluster in place of this machine's workers, by what flags and configurations say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netwright.sweeps.ray_executor import RayExecutor

__all__ = ["ray_executor"]


def ray_executor(
    manifest: Path,
    *,
    workers: int | None,
    threads: int,
    devices: tuple[str, ...],
    address: str | None,
    cpus: float | None,
    gpus: float | None,
) -> RayExecutor:
    """An executor on a cluster; its caller closes it.

    Args:
        manifest: As for `RayExecutor`, like all but `devices`.
        workers: Likewise.
        threads: Likewise.
        devices: Of this machine: where they are accelerators, a trial has one by default.
        address: Likewise.
        cpus: Likewise.
        gpus: Likewise.

    Raises:
        ServeError: Ray is not installed.
    """
    from netwright.sweeps.ray_executor import RayExecutor

    if gpus is None:
        gpus = 0.0 if devices == ("cpu",) else 1.0
    return RayExecutor(manifest, address=address, workers=workers, threads=threads, cpus=cpus, gpus=gpus)
