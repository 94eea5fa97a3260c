import pytest
import torch
from fixtures.launchers import OPEN_MPI

from netwright.errors import DistributedError
from netwright.training.distributed import join_group


def test_distribute_without_a_start_names_the_command():
    with pytest.raises(DistributedError, match=r"torchrun --nproc_per_node 8 train.py .*mpirun -n 8 python train.py"):
        join_group("cpu", distribute=True, timeout=1, environment={})


def test_several_processes_that_are_not_to_train_together():
    with pytest.raises(DistributedError, match="Open MPI started 8 processes, and distribute is False"):
        join_group("cpu", distribute=False, timeout=1, environment=OPEN_MPI)


@pytest.mark.parametrize("distribute", [False, True])
def test_a_group_of_one(distribute):
    alone = {"RANK": "0", "WORLD_SIZE": "1"}
    with join_group("cpu", distribute=distribute, timeout=1, environment=alone) as group:
        assert (group.rank, group.world, group.is_primary, group.device) == (0, 1, True, torch.device("cpu"))
        assert group.gather(5) == [5]
        assert group.broadcast("x") == "x"
