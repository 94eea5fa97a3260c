"""Read batches in worker processes or in this one: the same batches, in the same order."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from netwright.data.decode import ignore_pillow_warnings
from netwright.errors import DataError, NetwrightError
from netwright.loader.batch import Batch
from netwright.loader.batch_memory import PREFETCHED
from netwright.loader.sampler import BatchIndex
from netwright.loader.seeds import preserve_rng_state
from netwright.system.machine import free_shared_memory, processors

__all__ = ["WorkerPool", "usable_workers"]

Reader = Callable[[BatchIndex], Batch]

_DYING_SECONDS = 2.0  # longest wait until a killed worker counts as dead
# number of ranks on this machine, as set by torchrun, Open MPI, MPICH and MVAPICH
_LOCAL_WORLD = ("LOCAL_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS", "MV2_COMM_WORLD_LOCAL_SIZE")


def usable_workers(workers: int, world_size: int, environment: Mapping[str, str] = os.environ) -> int:
    """Limit a number of worker processes to this rank's share of the machine's processors.

    Args:
        workers: Number that the user wants; 0 stays 0.
        world_size: Number of ranks of the training, on all machines.
        environment: Environment variables; a launcher sets there how many ranks run on this machine.
    """
    local_ranks = 1
    if world_size > 1:
        local_world = next((environment[name] for name in _LOCAL_WORLD if environment.get(name, "").isdigit()), "")
        # SLURM sets no such number: assume that all ranks run here
        local_ranks = max(1, int(local_world or world_size))
    return min(workers, max(1, processors() // local_ranks))


class WorkerPool:
    """Reads batches in worker processes, which stay for the next epoch.

    Args:
        read: Makes a batch from its index alone. It may seed and use the global generators; those of this process are
            preserved.
        workers: Number of processes; 0 reads in this process.
        device: Where the batches will go; for CUDA their memory is pinned.
    """

    def __init__(self, read: Reader, workers: int, device: torch.device) -> None:
        self._read = read
        self._batch_indices = _BatchIndexSampler()
        self._loader: DataLoader[Batch] | None = None
        self._device = device
        if workers:
            self._loader = DataLoader(
                _BatchDataset(read),
                batch_size=None,
                sampler=self._batch_indices,
                num_workers=workers,
                collate_fn=_identity,
                pin_memory=device.type == "cuda",
                worker_init_fn=_init_worker,
                multiprocessing_context=multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn"),
                generator=torch.Generator(),  # the loader draws from it each epoch, not from the training's generator
                persistent_workers=True,
                prefetch_factor=PREFETCHED,
            )

    def batches(self, batch_indices: Sequence[BatchIndex]) -> Iterator[Batch]:
        """Read a batch for each index; a new call drops what an unfinished one has not read yet.

        The pixels of a batch may be overwritten when the next but one is asked for.

        Raises:
            DataError: No image could be read, or a worker process was killed.
        """
        if self._loader is None:
            yield from map(self._read_here, batch_indices)
            return
        self._batch_indices.batch_indices = batch_indices
        try:
            iterator = self._start()
            while (made := next(iterator, None)) is not None:
                if isinstance(made, NetwrightError):
                    raise made
                yield made
        except (RuntimeError, OSError, EOFError) as error:  # torch's own error, or a broken pipe
            if not self._has_lost_a_worker():
                raise
            ended = self._is_ended()
            self.close()
            if ended:
                raise DataError("a process that reads images was ended by SIGTERM. Start again.") from error
            raise DataError(
                "a process that reads images was killed, most likely because memory ran out"
                f"{_shared_memory()}. Lower --workers or --batch_size."
            ) from error

    def close(self) -> None:
        """End the processes, if any."""
        loader, self._loader = self._loader, None
        iterator = getattr(loader, "_iterator", None)
        if iterator is not None:
            iterator._shutdown_workers()

    def _has_lost_a_worker(self) -> bool:
        """Whether a worker has died; its pipes break a moment before the system reports its end."""
        workers = getattr(getattr(self._loader, "_iterator", None), "_workers", ())
        until = time.monotonic() + _DYING_SECONDS
        while not (lost := any(not worker.is_alive() for worker in workers)) and time.monotonic() < until:
            time.sleep(0.02)
        return lost

    def _is_ended(self) -> bool:
        """Whether somebody asked a worker to end, as a batch system does of all processes of a job."""
        workers = getattr(getattr(self._loader, "_iterator", None), "_workers", ())
        return any(worker.exitcode == -signal.SIGTERM for worker in workers)

    def _read_here(self, batch_index: BatchIndex) -> Batch:
        with preserve_rng_state(), warnings.catch_warnings():
            ignore_pillow_warnings()
            return self._read(batch_index)

    def _start(self) -> Iterator[Any]:
        """Make the loader's iterator in a thread.

        In the main thread torch would install a SIGCHLD handler, which raises anywhere in the training when a worker
        dies.
        """
        assert self._loader is not None
        made: list[Any] = []

        def make() -> None:
            try:
                if self._device.type == "cuda":
                    torch.cuda.set_device(self._device)  # memory is pinned for this device
                made.append(iter(self._loader))  # type: ignore[arg-type]
            except BaseException as error:
                made.append(error)

        thread = threading.Thread(target=make, name="start-readers")
        thread.start()
        thread.join()
        if isinstance(made[0], BaseException):
            raise made[0]
        iterator: Iterator[Any] = made[0]
        return iterator


class _BatchIndexSampler(Sampler[BatchIndex]):
    """Gives the batch indices of the next iteration."""

    def __init__(self) -> None:
        self.batch_indices: Sequence[BatchIndex] = ()

    def __iter__(self) -> Iterator[BatchIndex]:
        return iter(self.batch_indices)

    def __len__(self) -> int:
        return len(self.batch_indices)


class _BatchDataset(Dataset[Any]):
    def __init__(self, read: Reader) -> None:
        self._read = read

    def __getitem__(self, batch_index: BatchIndex) -> Batch | NetwrightError:
        try:
            return self._read(batch_index)
        except NetwrightError as error:  # torch would add a traceback to its message
            return error


def _identity(batch: Any) -> Any:
    return batch


def _init_worker(worker: int) -> None:
    """Ignore Ctrl-C: it ends the training, which ends its workers."""
    with suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    ignore_pillow_warnings()


def _shared_memory() -> str:
    """A hint where shared memory is small, as often in containers: workers pass batches through it."""
    free = free_shared_memory()
    if free is None or free >= 2**30:
        return ""
    return f" (/dev/shm has {free / 2**20:,.0f} MiB free: a container may need --shm-size 8g)"
