import pytest

from netwright.errors import DistributedError
from netwright.training.distributed import join_group

OPEN_MPI = {
    "OMPI_COMM_WORLD_RANK": "3",
    "OMPI_COMM_WORLD_SIZE": "8",
    "OMPI_COMM_WORLD_LOCAL_RANK": "1",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
    "PMIX_NAMESPACE": "job-7",
}


def test_several_machines_need_an_address():
    with pytest.raises(DistributedError, match="mpirun -x MASTER_ADDR=host"):
        join_group("cpu", distribute=True, timeout=1, environment=OPEN_MPI)


def test_ranks_that_never_come_are_named():
    alone = {"PMI_RANK": "0", "PMI_SIZE": "3", "MPI_LOCALRANKID": "0", "MPI_LOCALNRANKS": "3", "PMI_JOBID": "alone"}
    with pytest.raises(DistributedError, match=r"all 3 processes must start within 0\.3 s, and rank 1, 2 did not"):
        join_group("cpu", distribute=True, timeout=0.3, environment=alone)
