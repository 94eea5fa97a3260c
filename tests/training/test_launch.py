from pathlib import Path

import pytest
from fixtures.launchers import MPICH, MSRUN, OPEN_MPI, SLURM, TORCHRUN

from netwright.cli.main import main
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


def test_msrun_starts_ranks():
    found = find_launch(MSRUN)
    assert found is not None
    # all on this machine: they find each other by a file
    assert (found.launcher, found.rank, found.world, found.local_rank, found.local_world) == ("msrun", 3, 8, 3, 8)
    assert found.address is None
    assert not is_primary(MSRUN)
    assert is_primary(MSRUN | {"MS_NODE_ID": "0"})
    assert find_launch(MSRUN | {"MS_SCHED_HOST": "10.0.0.1"}).address == ("10.0.0.1", 8119)
    with pytest.raises(DistributedError, match="--node_rank"):
        find_launch({key: value for key, value in MSRUN.items() if key != "MS_NODE_ID"})


def test_the_scheduler_of_msrun_has_nothing_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    monkeypatch.setenv("MS_ROLE", "MS_SCHED")
    assert main(["train", "--model", "regnet_x_200mf", "--out", str(tmp_path / "out")]) == 0
    assert "without msrun's scheduler" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()
