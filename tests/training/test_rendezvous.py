import pytest
from fixtures.launchers import OPEN_MPI

from netwright.errors import DistributedError
from netwright.training.distributed import join_group


def test_several_machines_need_an_address():
    with pytest.raises(DistributedError, match="mpirun -x MASTER_ADDR=host"):
        join_group("cpu", distribute=True, timeout=1, environment=OPEN_MPI)


def test_ranks_that_never_come_are_named():
    alone = {"PMI_RANK": "0", "PMI_SIZE": "3", "MPI_LOCALRANKID": "0", "MPI_LOCALNRANKS": "3", "PMI_JOBID": "alone"}
    with pytest.raises(DistributedError, match=r"all 3 processes must start within 0\.3 s, and rank 1, 2 did not"):
        join_group("cpu", distribute=True, timeout=0.3, environment=alone)
