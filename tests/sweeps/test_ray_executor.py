"""Ray keeps the contract of executors, on a cluster of this machine."""

from pathlib import Path

import pytest

from netwright.data import ImageSet
from netwright.errors import PopulationError, RecipeError
from netwright.sweeps import Executor
from netwright.testing import ExecutorContract

pytest.importorskip("ray")
from netwright.sweeps.ray_executor import RayExecutor

# Ray leaves sockets and processes to the collector
quietly = pytest.mark.filterwarnings("ignore")
slowly = pytest.mark.timeout(900)  # a cluster has many processes, on a machine that may have others to run

pytestmark = pytest.mark.usefixtures("ray_leaves_nothing")


@quietly
@slowly
@pytest.mark.slow
class TestRayExecutor(ExecutorContract):
    def make_executor(self, images: Path) -> Executor:
        return RayExecutor(images, address="local", workers=2, threads=1, cpus=0.5)


def test_a_trial_takes_no_less_than_nothing(images: ImageSet) -> None:
    with pytest.raises(RecipeError, match="cpus of a trial is 0 or more, not -1"):
        RayExecutor(images.path, cpus=-1)


def test_a_cluster_that_is_not_there_is_named(images: ImageSet) -> None:
    with RayExecutor(images.path, address="127.0.0.1:1") as executor, pytest.raises(PopulationError) as caught:
        list(executor.run([]))
    assert "no Ray cluster can be joined (127.0.0.1:1)" in str(caught.value)
