"""The processes that train together: one device each, gloo on CPUs, nccl on CUDA, hccl on Ascend."""

from __future__ import annotations

import gc
import os
from collections.abc import Mapping
from datetime import timedelta
from importlib import import_module
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist
from torch import Tensor

from netwright.errors import DistributedError
from netwright.training.device import resolve_device
from netwright.training.launch import Launch, find_launch
from netwright.training.rendezvous import open_store
from netwright.training.watchdog import Watchdog

__all__ = ["Group", "join_group"]

_BACKENDS = {"cpu": "gloo", "cuda": "cpu:gloo,cuda:nccl", "npu": "cpu:gloo,npu:hccl", "xpu": "cpu:gloo,xpu:xccl"}
_START_WITH = "torchrun --nproc_per_node 8 train.py ..., or mpirun -n 8 python train.py ..."


class Group:
    """The processes that train together, maybe only this one; a context manager that ends the group.

    Attributes:
        device: Of this process.
        launch: How it was started; None where it was started alone.
        rank: Of this process.
        world: Number of processes.
        is_primary: Whether this is rank 0, which writes files and messages.
    """

    def __init__(self, device: torch.device, launch: Launch | None = None, watchdog: Watchdog | None = None) -> None:
        self.device, self.launch, self._watchdog = device, launch, watchdog
        self.rank = 0 if launch is None else launch.rank
        self.world = 1 if launch is None else launch.world
        self.is_primary = self.rank == 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.world == 1:
            return
        assert self._watchdog is not None
        if error is None:
            self.barrier()
            self._watchdog.stop()
            dist.destroy_process_group()
            self._watchdog = None  # and with it the store
            # gloo's threads end with the group, which DistributedDataParallel holds in a cycle; threads that outlive
            # the interpreter can abort the process
            gc.collect()
            return
        if isinstance(error, RuntimeError) and not isinstance(error, DistributedError):
            # a collective failed, mostly because another rank is gone; the watchdog knows which one
            self._watchdog.raise_if_lost(error)
        self._watchdog.report_failure(error)

    def heartbeat(self) -> None:
        """Tell the watchdog that this rank makes progress."""
        if self._watchdog is not None:
            self._watchdog.heartbeat()

    def all_reduce_sum(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The sum over the ranks; exact for whole numbers below 2**53."""
        if self.world == 1:
            return values
        tensor = torch.from_numpy(values.astype(np.float64))
        dist.all_reduce(tensor)
        total: npt.NDArray[np.float64] = tensor.numpy()
        return total

    def all_reduce_mean(self, tensors: list[Tensor]) -> None:
        """Replace each tensor by its mean over the ranks."""
        if self.world == 1 or not tensors:
            return
        flat = torch.cat([tensor.detach().reshape(-1).float() for tensor in tensors])
        dist.all_reduce(flat)
        flat /= self.world
        for tensor, part in zip(tensors, torch.split(flat, [tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(part.view(tensor.shape))

    def broadcast(self, value: Any) -> Any:
        """Rank 0's value, on every rank."""
        if self.world == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
        return box[0]

    def gather(self, value: Any) -> list[Any]:
        """The values of all ranks, on rank 0; an empty list on the others."""
        if self.world == 1:
            return [value]
        box: list[Any] | None = [None] * self.world if self.is_primary else None
        dist.gather_object(value, box, dst=0)
        return box or []

    def barrier(self) -> None:
        """Wait until every rank is here."""
        if self.world > 1:
            dist.all_reduce(torch.zeros(1))


def join_group(device: str, *, distribute: bool, timeout: float, environment: Mapping[str, str] | None = None) -> Group:
    """Join the group of this process.

    Args:
        device: Name of the device, or auto.
        distribute: Whether to train together with the processes that were started with this one.
        timeout: Seconds within which all must start, and after which a rank without progress ends the run.
        environment: The environment variables; by default those of this process.

    Raises:
        DistributedError: No processes were started together, or `distribute` contradicts that they were.
    """
    launch = find_launch(os.environ if environment is None else environment)
    if not distribute:
        if launch is not None and launch.world > 1:
            raise DistributedError(
                f"{launch.launcher} started {launch.world} processes, and distribute is False: each would train alone "
                "and write to the same files. Give --distribute True, or start one process."
            )
        return Group(resolve_device(device))
    if launch is None:
        raise DistributedError(
            "distribute is True, and nothing started this process together with others. Type "
            f"{_START_WITH}; or give --distribute False to train on one device."
        )
    if launch.world == 1:
        return Group(resolve_device(device))
    own = _device_of_rank(device, launch)
    store = open_store(launch, timeout)
    if own.type != "cpu":
        torch.accelerator.set_device_index(own.index)
    limit = timedelta(seconds=timeout)
    # DistributedDataParallel would import it while the group exists, and its default arguments would keep the group
    import_module("torch.distributed.nn.functional")
    dist.init_process_group(
        _BACKENDS.get(own.type, "gloo"), store=store, rank=launch.rank, world_size=launch.world, timeout=limit
    )
    watchdog = Watchdog(store.clone() if hasattr(store, "clone") else store, launch.rank, launch.world, timeout)
    watchdog.start()
    return Group(own, launch, watchdog)


def _device_of_rank(device: str, launch: Launch) -> torch.device:
    """The device of this rank, by its number on this machine."""
    wanted = resolve_device(device)
    if wanted.type == "cpu":
        return wanted
    count = torch.accelerator.device_count()
    if launch.local_world > count:
        raise DistributedError(
            f"each process has a device of its own, and {launch.local_world} processes were started on a machine with "
            f"{count}: {wanted.type}. Start {count} of them, or give --device cpu."
        )
    return torch.device(wanted.type, launch.local_rank)
