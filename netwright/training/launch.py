"""How this process was started: by torchrun, mpirun (Open MPI, MPICH), SLURM or msrun, by environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from netwright.errors import DistributedError

__all__ = ["Launch", "find_launch", "first_host", "is_primary"]


@dataclass(frozen=True, slots=True)
class Launch:
    """The place of this process among those that were started together.

    Attributes:
        launcher: Name of the program that started them.
        rank: Of this process.
        world: Number of processes.
        local_rank: Of this process on this machine.
        local_world: Number of processes on this machine.
        job: A text that only these processes share.
        address: Host and port of rank 0, where the launcher tells them.
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
    "msrun": ("MS_NODE_ID", "MS_WORKER_NUM", "", "", "MS_SCHED_PORT"),
    "SLURM": ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", "SLURM_NTASKS_PER_NODE", "SLURM_JOB_ID"),
}


def find_launch(environment: Mapping[str, str]) -> Launch | None:
    """Read how this process was started.

    Returns:
        The launch; None for a process that was started alone.

    Raises:
        DistributedError: A variable is no whole number.
    """
    if environment.get("MS_ROLE") == "MS_WORKER" and "MS_NODE_ID" not in environment:
        raise DistributedError(
            "msrun numbers its processes on several machines by --node_rank. Give it on each of them."
        )
    for launcher, (rank, world, local_rank, local_world, job) in _ENVIRONMENTS.items():
        if rank not in environment or world not in environment:
            continue
        if launcher == "SLURM" and "SLURM_STEP_ID" not in environment:
            continue  # a shell within an allocation, not a task of srun
        try:
            numbers = [int(environment[name]) for name in (rank, world)]
            own_local = int(environment.get(local_rank, numbers[0]))
            # SLURM writes 4(x2); without the variable all processes are on this machine
            all_local = int(environment.get(local_world, str(numbers[1])).split("(")[0])
        except ValueError as error:
            raise DistributedError(
                f"{launcher} sets {rank}, {world}, {local_rank} and {local_world} to whole numbers, and here: {error}. "
                "Unset what is left from another program."
            ) from error
        name = environment.get(job) or environment.get("OMPI_MCA_ess_base_jobid", "")
        # without a name, the parent process is what they share; the name of a job alone may be used again
        is_shared = name and launcher != "msrun"  # of msrun it is a port, which the next job may have too
        name = f"{name}-{environment.get('SLURM_STEP_ID', '')}-{'' if is_shared else os.getppid()}"
        return Launch(launcher, numbers[0], numbers[1], own_local, all_local, name, _address(environment, launcher))
    return None


def _address(environment: Mapping[str, str], launcher: str) -> tuple[str, int] | None:
    if "MASTER_ADDR" in environment:
        return environment["MASTER_ADDR"], int(environment.get("MASTER_PORT", "29500"))
    host = environment.get("MS_SCHED_HOST", "")
    if launcher == "msrun" and host not in ("", "localhost", "127.0.0.1"):  # MindSpore's scheduler has the port itself
        return host, int(environment.get("MS_SCHED_PORT", "8118")) + 1
    if launcher == "SLURM" and "SLURM_JOB_NODELIST" in environment:
        job = int(environment.get("SLURM_JOB_ID", "0"))
        return first_host(environment["SLURM_JOB_NODELIST"]), 20000 + job % 20000
    return None


def first_host(nodes: str) -> str:
    """The first host of a SLURM node list: `gpu[03-05,9],cpu1` -> `gpu03`."""
    head, bracket, rest = nodes.partition("[")
    if not bracket or "," in head:
        return nodes.split(",")[0]
    return head + rest.split("]")[0].split(",")[0].split("-")[0]


def is_primary(environment: Mapping[str, str] | None = None) -> bool:
    """Whether this process writes files and messages: rank 0, or the only one."""
    launch = find_launch(os.environ if environment is None else environment)
    return launch is None or launch.rank == 0
