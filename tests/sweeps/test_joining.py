"""Processes that train one sweep from one folder, and are killed at random."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from netwright.data import ImageSet
from netwright.errors import PopulationError
from netwright.population import Population
from netwright.sweeps import control, join_sweep, run, share
from netwright.sweeps.shared import SharedSweep

TRIALS = 8
PROGRAM = Path(__file__).with_name("join_program.py")


def test_one_process_trains_all_as_a_sweep_alone_does(
    tmp_path: Path, program: SimpleNamespace, images: ImageSet, crew
) -> None:
    networks, recipe = program.small_networks(3), program.short(1)
    with Population.create(tmp_path / "alone", networks=networks, seed=3, identity={}) as alone:
        run(alone, images, recipe, executor=crew)
        expected = alone.frame()
    with Population.create(tmp_path / "shared", networks=networks, seed=3, identity={}) as shared:
        share(shared, images, recipe)
        counts = join_sweep(tmp_path / "shared", executor=crew, device="cpu")
        assert counts == {"waiting": 0, "running": 0, "done": 3, "failed": 0}
        found = shared.frame()
    assert found["error"].tolist() == expected["error"].tolist()
    assert found["attempts"].tolist() == [1, 1, 1]
    with pytest.raises(PopulationError, match=r"all trials of .* are finished"):
        join_sweep(tmp_path / "shared", device="cpu")


def test_a_sweep_that_nobody_shared_says_how_to(tmp_path: Path, program: SimpleNamespace) -> None:
    notes = {"command": "netwright sweep regnetx --out x"}
    Population.create(tmp_path, networks=program.small_networks(2), seed=3, identity={}, notes=notes).close()
    with pytest.raises(PopulationError, match=r"Share its 2 trials: netwright sweep regnetx --out x --shared"):
        join_sweep(tmp_path)


def test_a_shared_sweep_is_joined_and_not_run(tmp_path: Path, program: SimpleNamespace, images: ImageSet) -> None:
    with Population.create(tmp_path, networks=program.small_networks(2), seed=3, identity={}) as population:
        share(population, images, program.short(1))
        with pytest.raises(PopulationError, match="netwright sweep --join"):
            run(population, images, program.short(1))
        control(tmp_path, "stopped")
        with pytest.raises(PopulationError, match="netwright sweep --resume"):
            join_sweep(tmp_path)


def start(folder: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, str(PROGRAM), str(folder)], stderr=subprocess.DEVNULL)


@pytest.mark.slow
@pytest.mark.parametrize(("processes", "kills"), [(2, 2), (4, 4)])
def test_processes_that_are_killed_lose_no_trial_and_train_none_twice(
    processes: int, kills: int, tmp_path: Path, program: SimpleNamespace, images: ImageSet, crew, watch
) -> None:
    networks, recipe = program.small_networks(TRIALS), program.short(24)
    with Population.create(tmp_path / "alone", networks=networks, seed=3, identity={}) as alone:
        run(alone, images, recipe, executor=crew)
        expected = alone.frame()
    folder = tmp_path / "shared"
    with Population.create(folder, networks=networks, seed=3, identity={}) as population:
        share(population, images, recipe, lease=4.0)
    chance, files = random.Random(processes), SharedSweep(folder)
    members = [start(folder) for _ in range(processes)]
    try:
        for number in range(kills):
            assert watch.eventually(lambda n=number: len(files.claims()) > n or not files.is_there, 120)
            time.sleep(chance.uniform(0, 0.5))
            victim = chance.randrange(processes)
            # the last one is stopped for longer than its lease, and then goes on
            if number == kills - 1 and members[victim].poll() is None:
                os.kill(members[victim].pid, signal.SIGSTOP)
                time.sleep(6.0)
                os.kill(members[victim].pid, signal.SIGCONT)
            else:
                members[victim].kill()
                members[victim].wait()
                members[victim] = start(folder)
        for member in members:
            member.wait(timeout=240)
    finally:
        for member in members:
            member.kill()
    with Population.open(folder) as population:
        frame = population.frame()
    assert frame["state"].tolist() == ["done"] * TRIALS
    assert frame["error"].tolist() == expected["error"].tolist()
    for ours, theirs in zip(frame["curve"], expected["curve"], strict=True):
        assert [epoch["loss"] for epoch in ours] == [epoch["loss"] for epoch in theirs]
    assert not files.is_there
