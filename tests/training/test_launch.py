import pytest
from fixtures.launchers import MPICH, OPEN_MPI, SLURM, TORCHRUN

from netwright.errors import DistributedError
from netwright.training.launch import find_launch, first_host, is_primary


@pytest.mark.parametrize(
    ("environment", "launcher"),
    [(OPEN_MPI, "Open MPI"), (TORCHRUN, "torchrun"), (MPICH, "MPICH"), (SLURM, "SLURM")],
)
def test_who_started_this_process(environment, launcher):
    found = find_launch(environment)
    assert found is not None
    assert (found.launcher, found.rank, found.world, found.local_rank, found.local_world) == (launcher, 3, 8, 1, 2)
    assert not is_primary(environment)


def test_a_process_on_its_own():
    assert find_launch({}) is None
    assert is_primary({})
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


def test_numbers_that_are_none():
    with pytest.raises(DistributedError, match="Open MPI sets OMPI_COMM_WORLD_RANK"):
        find_launch(OPEN_MPI | {"OMPI_COMM_WORLD_RANK": "first"})
