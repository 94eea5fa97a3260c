"""How the processes of a training find each other: through a store at the address of rank 0."""

from __future__ import annotations

import hashlib
import os
import socket
import tempfile
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from torch.distributed import Store, TCPStore, rendezvous  # type: ignore[attr-defined]

from netwright.errors import DistributedError
from netwright.system.atomic import write_text
from netwright.training.launch import Launch

__all__ = ["open_store"]

_START_SECONDS = 60.0  # within which the processes of one launch start


def open_store(launch: Launch, timeout: float) -> Store:
    """Open the store that the ranks share, and wait until all of them are there.

    Args:
        launch: Of this process.
        timeout: Seconds to wait.

    Raises:
        DistributedError: A rank does not come, or rank 0 cannot be reached.
    """
    limit = timedelta(seconds=timeout)
    try:
        if launch.launcher == "torchrun":
            store, _, _ = next(rendezvous("env://", timeout=limit))
        elif launch.address is not None:
            host, port = launch.address
            store = TCPStore(host, port, launch.world, launch.rank == 0, limit, wait_for_workers=False)
        elif launch.local_world == launch.world:
            store = _open_by_file(launch, timeout)
        else:
            raise DistributedError(
                f"{launch.launcher} started {launch.world} processes on several machines, and they find each other by "
                "the address of the first: give it with mpirun -x MASTER_ADDR=host -x MASTER_PORT=29500 ..."
            )
        return _wait_for_all(store, launch, timeout)
    except (RuntimeError, ValueError) as error:
        raise DistributedError(
            f"rank {launch.rank} of {launch.world} could not reach the others within {timeout:g} s: "
            f"{str(error).splitlines()[0]}. See whether rank 0 runs and its port is free; --timeout waits longer."
        ) from error


def _wait_for_all(store: Store, launch: Launch, timeout: float) -> Store:
    """Wait for every rank here, so that the error can name a missing one."""
    store.set(f"here/{launch.rank}", socket.gethostname())
    until = time.monotonic() + timeout
    missing = list(range(launch.world))
    while missing := [rank for rank in missing if not store.check([f"here/{rank}"])]:
        if time.monotonic() > until:
            raise DistributedError(
                f"all {launch.world} processes must start within {timeout:g} s, and rank "
                f"{', '.join(map(str, missing))} did not. See its output; --timeout waits longer."
            )
        time.sleep(0.05)
    return store


def _open_by_file(launch: Launch, timeout: float) -> Store:
    """On one machine rank 0 takes any free port, and writes it to a file for the others."""
    owner = os.getuid() if hasattr(os, "getuid") else 0
    key = hashlib.sha256(f"{owner} {launch.job}".encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"netwright-{owner}-{key}"
    limit = timedelta(seconds=timeout)
    if launch.rank == 0:
        store = TCPStore("127.0.0.1", 0, launch.world, True, limit, wait_for_workers=False)
        write_text(path, str(store.port), what="the port of rank 0", elsewhere="another folder with TMPDIR")
        try:
            return _wait_for_all(store, launch, timeout)
        finally:
            with suppress(OSError):
                path.unlink()
    until = time.monotonic() + timeout
    started = time.time() - _START_SECONDS
    while time.monotonic() < until:
        with suppress(OSError, ValueError):
            if path.stat().st_mtime >= started:  # an older file is left from a launch that was killed
                port = int(path.read_text(encoding="ascii"))
                return TCPStore("127.0.0.1", port, launch.world, False, limit)
        time.sleep(0.05)
    raise DistributedError(
        f"rank 0 did not publish its port within {timeout:g} s. See whether it runs; --timeout waits longer."
    )
