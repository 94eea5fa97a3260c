"""Ray keeps the contract of executors, on a cluster of this machine and on two nodes of which one dies."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from netwright.data import ImageSet
from netwright.errors import PopulationError, RecipeError
from netwright.population import Population
from netwright.sweeps import Executor, NullProgress, run
from netwright.testing import ExecutorContract

pytest.importorskip("ray")
from netwright.sweeps.ray_executor import RayExecutor

# Ray leaves sockets and processes to the collector
quietly = pytest.mark.filterwarnings("ignore")
slowly = pytest.mark.timeout(900)  # a cluster has many processes, on a machine that may have others to run


@pytest.fixture(scope="module", autouse=True)
def short_paths(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Ray's sockets have paths of at most 107 letters; and it asks nobody for news."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        yield


@quietly
@slowly
@pytest.mark.slow
class TestRayExecutor(ExecutorContract):
    def make_executor(self, images: Path) -> Executor:
        return RayExecutor(images, address="local", workers=2, threads=1, cpus=0.5)


def test_a_trial_takes_no_less_than_nothing(images: ImageSet) -> None:
    with pytest.raises(RecipeError, match="cpus of a trial is 0 or more, not -1"):
        RayExecutor(images.path, cpus=-1)


@quietly
@slowly
@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_named(images: ImageSet) -> None:
    with RayExecutor(images.path, address="127.0.0.1:1") as executor, pytest.raises(PopulationError) as caught:
        list(executor.run([]))
    assert "no Ray cluster can be joined (127.0.0.1:1)" in str(caught.value)


def parent_of(process: int) -> int:
    return int((Path("/proc") / str(process) / "stat").read_text().rpartition(")")[2].split()[1])


def raylet_of(node: "subprocess.Popen[bytes]") -> int | None:
    """Process id of what a node is."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            is_raylet = b"raylet/raylet" in (folder / "cmdline").read_bytes().split(b"\0")[0]
            if is_raylet and parent_of(int(folder.name)) == node.pid:
                return int(folder.name)
        except OSError:
            continue
    return None


@pytest.fixture
def nodes(watch: SimpleNamespace, tmp_path: Path) -> Iterator[SimpleNamespace]:
    """Two nodes of one processor each: the address, and the process of the second one."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = Path(sys.executable).with_name("ray")
    limits = ("--num-cpus=1", "--object-store-memory=80000000", "--block", "--disable-usage-stats")
    head = ("--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir=/tmp/ray-{os.getpid()}")
    started = []

    def start(*words: str) -> "subprocess.Popen[bytes]":
        started.append(subprocess.Popen([command, "start", *words, *limits], stdout=subprocess.DEVNULL))
        assert watch.eventually(lambda: raylet_of(started[-1]), 120)
        return started[-1]

    try:
        start(*head)
        second = start(f"--address=127.0.0.1:{port}")
        yield SimpleNamespace(address=f"127.0.0.1:{port}", second=raylet_of(second))
    finally:
        for each in started:
            each.terminate()  # and it ends what it started
            each.wait(timeout=60)


@quietly
@slowly
@pytest.mark.slow
def test_a_node_is_killed_and_every_trial_is_finished_once_as_without(
    nodes: SimpleNamespace, images: ImageSet, program: SimpleNamespace, crew, watch, tmp_path: Path
) -> None:
    networks, recipe = program.small_networks(6), program.short(6)
    with Population.create(tmp_path / "alone", networks=networks, seed=3, identity={}) as alone:
        run(alone, images, recipe, executor=crew)
        expected = alone.frame()

    class Kills(NullProgress):
        is_over = False

        def update(self, done, finished, failed, best, mean) -> None:
            if finished and not self.is_over:
                self.is_over = True
                os.kill(nodes.second, signal.SIGKILL)

    with (
        Population.create(tmp_path / "ray", networks=networks, seed=3, identity={}) as population,
        RayExecutor(images.path, address=nodes.address, threads=1) as executor,
    ):
        assert watch.eventually(lambda: executor.slots == 2, 60)
        run(population, images, recipe, executor=executor, progress=Kills())
        frame = population.frame()
        assert len(executor.seconds) == 2
    assert frame["state"].tolist() == ["done"] * 6
    assert frame["error"].tolist() == expected["error"].tolist()
    assert set(frame["attempts"]) <= {1, 2}
    for ours, theirs in zip(frame["curve"], expected["curve"], strict=True):
        assert [epoch["loss"] for epoch in ours] == [epoch["loss"] for epoch in theirs]
