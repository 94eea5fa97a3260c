"""Processes that train together: who started them, how they find each other, and what they tell each other.

torchrun, mpirun (Open MPI and MPICH) and SLURM say in the environment which of how many a process is. One device each:
gloo on CPUs, nccl on CUDA, hccl on Ascend.
"""

from __future__ import annotations

import gc
import hashlib
import os
import socket
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import Store, TCPStore, rendezvous  # type: ignore[attr-defined]

from netwright.errors import DistributedError
from netwright.system.atomic import write_text
from netwright.training.device import resolve_device
from netwright.training.watch import Watch

__all__ = ["Group", "Launch", "find_launch", "first_host", "is_first", "join"]

_BACKENDS = {"cpu": "gloo", "cuda": "cpu:gloo,cuda:nccl", "npu": "cpu:gloo,npu:hccl", "xpu": "cpu:gloo,xpu:xccl"}
_OLD = 60.0  # seconds by which the processes of one start may be apart
_START_WITH = "torchrun --nproc_per_node 8 train.py ..., or mpirun -n 8 python train.py ..."


@dataclass(frozen=True, slots=True)
class Launch:
    """rank of world processes in all, local_rank of local_world on this machine; started by `launcher`.

    job: what only the processes of this start share. address: host and port of rank 0, where it is known.
    """

    launcher: str
    rank: int
    world: int
    local_rank: int
    local_world: int
    job: str = ""
    address: tuple[str, int] | None = None


# launcher -> names of (rank, world, local rank, local world, job)
_ENVIRONMENTS = {
    "torchrun": ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "TORCHELASTIC_RUN_ID"),
    "Open MPI": (
        "OMPI_COMM_WORLD_RANK",
        "OMPI_COMM_WORLD_SIZE",
        "OMPI_COMM_WORLD_LOCAL_RANK",
        "OMPI_COMM_WORLD_LOCAL_SIZE",
        "PMIX_NAMESPACE",
    ),
    "MPICH": ("PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS", "PMI_JOBID"),
    "SLURM": ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", "SLURM_NTASKS_PER_NODE", "SLURM_JOB_ID"),
}


def find_launch(environment: Mapping[str, str]) -> Launch | None:
    """What the environment says of a common start; None for a process on its own."""
    for launcher, (rank, world, local_rank, local_world, job) in _ENVIRONMENTS.items():
        if rank not in environment or world not in environment:
            continue
        if launcher == "SLURM" and "SLURM_STEP_ID" not in environment:
            continue  # a shell within an allocation, not a task of srun
        try:
            numbers = [int(environment[name]) for name in (rank, world)]
            place = int(environment.get(local_rank, numbers[0]))
            # SLURM writes 4(x2); without a word all processes are on this machine
            beside = int(environment.get(local_world, str(numbers[1])).split("(")[0])
        except ValueError as error:
            raise DistributedError(
                f"{launcher} says in {rank}, {world}, {local_rank} and {local_world} which of how many processes this "
                f"is, in whole numbers, and here: {error}. Unset what is left from elsewhere."
            ) from error
        name = environment.get(job) or environment.get("OMPI_MCA_ess_base_jobid", "")
        # a starter's children share it; a job's name alone may come again
        name = f"{name}-{environment.get('SLURM_STEP_ID', '')}-{os.getppid() if not name else ''}"
        return Launch(launcher, numbers[0], numbers[1], place, beside, name, _address(environment, launcher))
    return None


def _address(environment: Mapping[str, str], launcher: str) -> tuple[str, int] | None:
    if "MASTER_ADDR" in environment:
        return environment["MASTER_ADDR"], int(environment.get("MASTER_PORT", "29500"))
    if launcher == "SLURM" and "SLURM_JOB_NODELIST" in environment:
        job = int(environment.get("SLURM_JOB_ID", "0"))
        return first_host(environment["SLURM_JOB_NODELIST"]), 20000 + job % 20000
    return None


def first_host(nodes: str) -> str:
    """`gpu[03-05,9],cpu1` -> `gpu03`: the first host of a SLURM node list."""
    head, bracket, rest = nodes.partition("[")
    if not bracket or "," in head:
        return nodes.split(",")[0]
    return head + rest.split("]")[0].split(",")[0].split("-")[0]


def is_first(environment: Mapping[str, str] | None = None) -> bool:
    """Whether this process is the one that speaks: rank 0, or alone."""
    launch = find_launch(os.environ if environment is None else environment)
    return launch is None or launch.rank == 0


class Group:
    """The processes that train together, perhaps only this one. rank 0 writes files and speaks."""

    def __init__(self, device: torch.device, launch: Launch | None = None, watch: Watch | None = None) -> None:
        self.device, self.launch, self._watch = device, launch, watch
        self.rank = 0 if launch is None else launch.rank
        self.world = 1 if launch is None else launch.world
        self.is_first = self.rank == 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.world == 1:
            return
        assert self._watch is not None
        if error is None:
            self.wait()
            self._watch.stop()
            dist.destroy_process_group()
            self._watch = None  # and with it the store
            # gloo's threads end with the group, which DistributedDataParallel holds in a cycle; those that outlive the
            # interpreter can abort the process
            gc.collect()
            return
        if isinstance(error, RuntimeError) and not isinstance(error, DistributedError):
            # a collective failed: mostly because another rank is gone, and the watch knows which
            self._watch.blame(error)
        self._watch.report(error)

    def beat(self) -> None:
        """This rank makes progress."""
        if self._watch is not None:
            self._watch.beat()

    def add_up(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The sum over the ranks; whole numbers below 2**53 are exact."""
        if self.world == 1:
            return values
        tensor = torch.from_numpy(values.astype(np.float64))
        dist.all_reduce(tensor)
        total: npt.NDArray[np.float64] = tensor.numpy()
        return total

    def average(self, tensors: list[Tensor]) -> None:
        """Each tensor becomes its mean over the ranks."""
        if self.world == 1 or not tensors:
            return
        flat = torch.cat([tensor.detach().reshape(-1).float() for tensor in tensors])
        dist.all_reduce(flat)
        flat /= self.world
        for tensor, part in zip(tensors, torch.split(flat, [tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(part.view(tensor.shape))

    def agree(self, value: Any) -> Any:
        """Rank 0's value, on every rank."""
        if self.world == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
        return box[0]

    def gather(self, value: Any) -> list[Any]:
        """On rank 0 every rank's value; elsewhere empty."""
        if self.world == 1:
            return [value]
        box: list[Any] | None = [None] * self.world if self.is_first else None
        dist.gather_object(value, box, dst=0)
        return box or []

    def wait(self) -> None:
        """Until every rank is here."""
        if self.world > 1:
            dist.all_reduce(torch.zeros(1))


def join(device: str, *, distribute: bool, timeout: float, environment: Mapping[str, str] | None = None) -> Group:
    """This process's group: those that were started with it where `distribute`, else itself.

    timeout: seconds within which all must have come, and after which one without progress ends the run.
    Raises DistributedError where nothing started them together, or `distribute` contradicts what did.
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
    place = _device_of(device, launch)
    store = _meet(launch, timeout)
    if place.type != "cpu":
        torch.accelerator.set_device_index(place.index)
    limit = timedelta(seconds=timeout)
    # imported once the process group is there, by DistributedDataParallel, its default arguments would hold it for ever
    import_module("torch.distributed.nn.functional")
    dist.init_process_group(
        _BACKENDS.get(place.type, "gloo"), store=store, rank=launch.rank, world_size=launch.world, timeout=limit
    )
    watch = Watch(store.clone() if hasattr(store, "clone") else store, launch.rank, launch.world, timeout)
    watch.start()
    return Group(place, launch, watch)


def _device_of(device: str, launch: Launch) -> torch.device:
    """A device a rank, by its place on this machine."""
    wanted = resolve_device(device)
    if wanted.type == "cpu":
        return wanted
    here = torch.accelerator.device_count()
    if launch.local_world > here:
        raise DistributedError(
            f"each process has a device of its own, and {launch.local_world} processes were started on a machine with "
            f"{here}: {wanted.type}. Start {here} of them, or give --device cpu."
        )
    return torch.device(wanted.type, launch.local_rank)


def _meet(launch: Launch, timeout: float) -> Store:
    """The store through which the ranks find each other."""
    limit = timedelta(seconds=timeout)
    try:
        if launch.launcher == "torchrun":
            store, _, _ = next(rendezvous("env://", timeout=limit))
        elif launch.address is not None:
            host, port = launch.address
            store = TCPStore(host, port, launch.world, launch.rank == 0, limit, wait_for_workers=False)
        elif launch.local_world == launch.world:
            store = _meet_by_file(launch, timeout)
        else:
            raise DistributedError(
                f"{launch.launcher} started {launch.world} processes on several machines, and they find each other by "
                "the address of the first: give it with mpirun -x MASTER_ADDR=host -x MASTER_PORT=29500 ..."
            )
        return _all_here(store, launch, timeout)
    except (RuntimeError, ValueError) as error:
        raise DistributedError(
            f"rank {launch.rank} of {launch.world} could not reach the others within {timeout:g} s: "
            f"{str(error).splitlines()[0]}. See whether rank 0 runs and its port is free; --timeout waits longer."
        ) from error


def _all_here(store: Store, launch: Launch, timeout: float) -> Store:
    """Wait for every rank, so that one that never comes has a name."""
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


def _meet_by_file(launch: Launch, timeout: float) -> Store:
    """On one machine rank 0 takes any free port, and says in a file which."""
    owner = os.getuid() if hasattr(os, "getuid") else 0
    key = hashlib.sha256(f"{owner} {launch.job}".encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"netwright-{owner}-{key}"
    limit = timedelta(seconds=timeout)
    if launch.rank == 0:
        store = TCPStore("127.0.0.1", 0, launch.world, True, limit, wait_for_workers=False)
        write_text(path, str(store.port), what="the port of rank 0", elsewhere="another folder with TMPDIR")
        try:
            return _all_here(store, launch, timeout)
        finally:
            with suppress(OSError):
                path.unlink()
    until = time.monotonic() + timeout
    started = time.time() - _OLD
    while time.monotonic() < until:
        with suppress(OSError, ValueError):
            if path.stat().st_mtime >= started:  # not what a killed start of that name left
                port = int(path.read_text(encoding="ascii"))
                return TCPStore("127.0.0.1", port, launch.world, False, limit)
        time.sleep(0.05)
    raise DistributedError(
        f"rank 0 did not say within {timeout:g} s where it listens. See whether it runs; --timeout waits longer."
    )
