"""Batches from worker processes, or from this one: the same ones, in the same order."""

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

from netwright.errors import DataError, NetwrightError
from netwright.loader.batch import Batch
from netwright.loader.sampler import Key
from netwright.loader.seeds import kept_random_state
from netwright.system.machine import free_shared_memory, processors

__all__ = ["Feed", "usable_workers"]

Read = Callable[[Key], Batch]

_DYING_SECONDS = 2.0
_PREFETCHED = 2  # batches that each worker prepares ahead
# how launchers say how many processes of a training share this machine: torchrun, Open MPI, MPICH, MVAPICH
_LOCAL_WORLD = ("LOCAL_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS", "MV2_COMM_WORLD_LOCAL_SIZE")


def usable_workers(asked: int, world: int, environment: Mapping[str, str] = os.environ) -> int:
    """At most the processors of this machine, divided among the ranks on it; at least one where some are asked for."""
    beside = 1
    if world > 1:
        said = next((environment[name] for name in _LOCAL_WORLD if environment.get(name, "").isdigit()), "")
        # SLURM's launchers do not say it plainly: all ranks here is the careful guess
        beside = max(1, int(said or world))
    return min(asked, max(1, processors() // beside))


class Feed:
    """Reads batches in `workers` processes, which stay for the next epoch; with 0 workers in this process.

    read: must depend on the key alone; it may seed and use the global generators, which stay as they are here.
    """

    def __init__(self, read: Read, workers: int, device: torch.device) -> None:
        self._read = read
        self._keys = _Keys()
        self._loader: DataLoader[Batch] | None = None
        self._device = device
        if workers:
            self._loader = DataLoader(
                _ByKey(read),
                batch_size=None,
                sampler=self._keys,
                num_workers=workers,
                collate_fn=_as_it_is,
                pin_memory=device.type == "cuda",
                worker_init_fn=_begin,
                multiprocessing_context=multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn"),
                generator=torch.Generator(),  # the loader draws a number each epoch; not from the training's stream
                persistent_workers=True,
                prefetch_factor=_PREFETCHED,
            )

    def batches(self, keys: Sequence[Key]) -> Iterator[Batch]:
        """A batch a key. What an iteration left undone does not reach the next one."""
        if self._loader is None:
            yield from map(self._read_here, keys)
            return
        self._keys.keys = keys
        try:
            iterator = self._start()
            while (made := next(iterator, None)) is not None:
                if isinstance(made, NetwrightError):
                    raise made
                yield made
        except (RuntimeError, OSError, EOFError) as error:  # torch's own word, or a broken pipe
            if not self._has_lost_a_worker():
                raise
            self.close()
            raise DataError(
                "a process that reads images was ended from outside, most likely for want of memory"
                f"{_shared_memory()}. Lower --workers or --batch_size."
            ) from error

    def close(self) -> None:
        """End the processes; harmless where there are none."""
        loader, self._loader = self._loader, None
        iterator = getattr(loader, "_iterator", None)
        if iterator is not None:
            iterator._shutdown_workers()

    def _has_lost_a_worker(self) -> bool:
        """Its pipes break a moment before the system has done away with it."""
        workers = getattr(getattr(self._loader, "_iterator", None), "_workers", ())
        until = time.monotonic() + _DYING_SECONDS
        while not (lost := any(not worker.is_alive() for worker in workers)) and time.monotonic() < until:
            time.sleep(0.02)
        return lost

    def _read_here(self, key: Key) -> Batch:
        with kept_random_state(), warnings.catch_warnings():
            _quiet_pillow()
            return self._read(key)

    def _start(self) -> Iterator[Any]:
        """The loader's iterator, made in another thread than the main one.

        There torch installs no handler of SIGCHLD, which would raise wherever the training is when a worker dies.
        """
        assert self._loader is not None
        made: list[Any] = []

        def make() -> None:
            try:
                if self._device.type == "cuda":
                    torch.cuda.set_device(self._device)  # whose memory is pinned
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


class _Keys(Sampler[Key]):
    """What the next iteration reads."""

    def __init__(self) -> None:
        self.keys: Sequence[Key] = ()

    def __iter__(self) -> Iterator[Key]:
        return iter(self.keys)

    def __len__(self) -> int:
        return len(self.keys)


class _ByKey(Dataset[Any]):
    def __init__(self, read: Read) -> None:
        self._read = read

    def __getitem__(self, key: Key) -> Batch | NetwrightError:
        try:
            return self._read(key)
        except NetwrightError as error:  # torch would put a traceback into its message
            return error


def _as_it_is(batch: Any) -> Any:
    return batch


def _begin(worker: int) -> None:
    """Ctrl-C ends the training, and that ends its workers."""
    with suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    _quiet_pillow()


def _quiet_pillow() -> None:
    """Damaged EXIF and the like: the images are read all the same."""
    warnings.filterwarnings("ignore", module=r"PIL\.")


def _shared_memory() -> str:
    """Containers often have little of what workers hand batches over in."""
    free = free_shared_memory()
    if free is None or free >= 2**30:
        return ""
    return f" (/dev/shm has {free / 2**20:,.0f} MiB free: a container may need --shm-size 8g)"
