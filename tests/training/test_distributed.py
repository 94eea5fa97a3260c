import pytest
import torch

from netwright.errors import DistributedError
from netwright.training.distributed import find_launch, first_host, is_first, join

OPEN_MPI = {
    "OMPI_COMM_WORLD_RANK": "3",
    "OMPI_COMM_WORLD_SIZE": "8",
    "OMPI_COMM_WORLD_LOCAL_RANK": "1",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
    "PMIX_NAMESPACE": "job-7",
}
TORCHRUN = {
    "RANK": "3",
    "WORLD_SIZE": "8",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "host",
    "MASTER_PORT": "1234",
}
MPICH = {"PMI_RANK": "3", "PMI_SIZE": "8", "MPI_LOCALRANKID": "1", "MPI_LOCALNRANKS": "2"}
SLURM = {
    "SLURM_PROCID": "3",
    "SLURM_NTASKS": "8",
    "SLURM_LOCALID": "1",
    "SLURM_NTASKS_PER_NODE": "2(x4)",
    "SLURM_JOB_ID": "1234567",
    "SLURM_STEP_ID": "0",
    "SLURM_JOB_NODELIST": "gpu[03-05,9],cpu1",
}


@pytest.mark.parametrize(
    ("environment", "launcher"),
    [(OPEN_MPI, "Open MPI"), (TORCHRUN, "torchrun"), (MPICH, "MPICH"), (SLURM, "SLURM")],
)
def test_who_started_this_process(environment, launcher):
    found = find_launch(environment)
    assert found is not None
    assert (found.launcher, found.rank, found.world, found.local_rank, found.local_world) == (launcher, 3, 8, 1, 2)
    assert not is_first(environment)


def test_a_process_on_its_own():
    assert find_launch({}) is None
    assert is_first({})
    # a shell in an allocation of SLURM is no task of it
    assert find_launch({key: value for key, value in SLURM.items() if key != "SLURM_STEP_ID"}) is None


def test_torchrun_within_mpirun_or_slurm_is_torchrun():
    found = find_launch(SLURM | OPEN_MPI | TORCHRUN)
    assert found is not None
    assert found.launcher == "torchrun"


def test_addresses():
    assert find_launch(TORCHRUN).address == ("host", 1234)
    assert find_launch(OPEN_MPI).address is None
    assert find_launch(OPEN_MPI | {"MASTER_ADDR": "10.0.0.1"}).address == ("10.0.0.1", 29500)
    assert find_launch(SLURM).address == ("gpu03", 20000 + 1234567 % 20000)


@pytest.mark.parametrize(
    ("nodes", "host"), [("a", "a"), ("a,b", "a"), ("n[1,3]", "n1"), ("n[007-120]", "n007"), ("a,n[1-2]", "a")]
)
def test_the_first_host_of_a_list(nodes, host):
    assert first_host(nodes) == host


def test_distribute_without_a_start_names_the_command():
    with pytest.raises(DistributedError, match=r"torchrun --nproc_per_node 8 train.py .*mpirun -n 8 python train.py"):
        join("cpu", distribute=True, timeout=1, environment={})


def test_several_processes_that_are_not_to_train_together():
    with pytest.raises(DistributedError, match="Open MPI started 8 processes, and distribute is False"):
        join("cpu", distribute=False, timeout=1, environment=OPEN_MPI)


def test_several_machines_need_an_address():
    with pytest.raises(DistributedError, match="mpirun -x MASTER_ADDR=host"):
        join("cpu", distribute=True, timeout=1, environment=OPEN_MPI)


def test_numbers_that_are_none():
    with pytest.raises(DistributedError, match="Open MPI says in OMPI_COMM_WORLD_RANK"):
        find_launch(OPEN_MPI | {"OMPI_COMM_WORLD_RANK": "first"})


def test_ranks_that_never_come_are_named():
    alone = {"PMI_RANK": "0", "PMI_SIZE": "3", "MPI_LOCALRANKID": "0", "MPI_LOCALNRANKS": "3", "PMI_JOBID": "alone"}
    with pytest.raises(DistributedError, match=r"all 3 processes must start within 0\.3 s, and rank 1, 2 did not"):
        join("cpu", distribute=True, timeout=0.3, environment=alone)


@pytest.mark.parametrize("distribute", [False, True])
def test_a_group_of_one(distribute):
    alone = {"RANK": "0", "WORLD_SIZE": "1"}
    with join("cpu", distribute=distribute, timeout=1, environment=alone) as group:
        assert (group.rank, group.world, group.is_first, group.device) == (0, 1, True, torch.device("cpu"))
        assert group.gather(5) == [5]
        assert group.agree("x") == "x"
