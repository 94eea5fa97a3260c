"""`netwright merge`, and what `netwright sweep` says about sweeps of many machines."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netwright.arch import Arch, Stage, Stem
from netwright.population import Population

Run = Callable[..., Any]


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    networks = [Arch((Stage(1, 8 * (1 + i)),), stem=Stem("cifar", 8), resolution=8, num_classes=10) for i in range(3)]
    for number, name in enumerate("ab"):
        with Population.create(tmp_path / name, networks=networks, seed=1, identity={}) as population:
            population.begin(number)
            population.finish(number, error=10.0 + number, seconds=1.0, curve=[])
    return [tmp_path / "a", tmp_path / "b"]


def test_parts_are_merged(netwright: Run, runs: list[Path], tmp_path: Path) -> None:
    done = netwright("merge", *runs, "--out", tmp_path / "all")
    assert (done.status, done.err) == (0, "")
    assert done.out == f"1 waiting, 2 done: {tmp_path / 'all'}\nnetwright analyze {tmp_path / 'all'}\n"
    answer = json.loads(netwright("merge", *runs, "--out", tmp_path / "again", "--json").out)
    assert answer["counts"] == {"waiting": 1, "running": 0, "done": 2, "failed": 0}
    taken = netwright("merge", *runs, "--out", tmp_path / "all")
    assert taken.status == 1
    assert "holds a population already" in taken.err


def test_a_sweep_is_told_what_to_do(netwright: Run, runs: list[Path], tmp_path: Path) -> None:
    assert netwright("sweep", "--pause", runs[0]).out == f"the sweep of {runs[0]} begins no more trials\n"
    assert netwright("sweep", "--resume", runs[0]).out == f"the sweep of {runs[0]} goes on\n"
    assert netwright("sweep", "--stop", runs[0]).out == f"the sweep of {runs[0]} ends\n"
    assert netwright("sweep", "--pause", tmp_path).status == 1


@pytest.mark.parametrize("words", [("regnetx", "--join", "x"), ("--pause", "x", "--stop", "x")])
def test_one_thing_is_told_at_a_time(netwright: Run, words: tuple[str, ...]) -> None:
    done = netwright("sweep", *words)
    assert done.status == 2
    assert "stand alone" in done.err


def test_who_joins_what_nobody_shared_is_told_how_to_share(netwright: Run, runs: list[Path]) -> None:
    done = netwright("sweep", "--join", runs[0])
    assert done.status == 1
    assert "is not shared, so nobody can join. Share its 2 trials:" in done.err


def test_a_sweep_needs_a_space_and_a_folder(netwright: Run) -> None:
    done = netwright("sweep")
    assert done.status == 2
    assert done.err == "netwright sweep: the following arguments are required: NAME|FILE, --out\n"


@pytest.mark.slow
def test_a_sweep_within_a_time_says_what_fits_and_leaves_the_others_waiting(netwright: Run, tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ("sweep", "regnetx", "--flops=0.3M:0.6M", "--epochs=1", "--train_images=200", f"--out={out}", "--workers=1")
    told = netwright(*words, "--trials=3", "--estimate")
    assert told.status == 0
    assert "3 trials take about " in told.err
    assert "band within 0.7" in told.err
    short = netwright(*words, "--trials=3", "--budget=0.01s")
    assert short.out == f"0 trials done, 0 failed, 3 wait: {out}\n"
    assert "In 0 s about 0 of them" in short.err
    assert "no more trials begin" in short.err
    refused = netwright(*words, "--trials=3", "--budget=1h", "--shared")
    assert "a budget of time is for one program" in refused.err
    assert netwright(*words, "--trials=3", "--budget=1h").out.startswith("3 trials done, 0 failed: ")


@pytest.mark.slow
def test_a_sweep_is_shared_joined_and_extended(netwright: Run, tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ("sweep", "regnetx", "--flops=0.3M:0.6M", "--epochs=1", "--train_images=200", f"--out={out}", "--shared")
    first = netwright(*words, "--trials=1")
    assert (first.status, first.out) == (0, f"1 trial waits. On every machine:\nnetwright sweep --join {out}\n")
    assert netwright(*words, "--trials=2").out.startswith("2 trials wait.")
    joined = netwright("sweep", "--join", out, "--workers=1", "--device=cpu")
    assert (joined.status, joined.out) == (0, f"2 trials done, 0 failed: {out}\nnetwright analyze {out}\n")
    refused = netwright(*words, "--trials=4", "--repeats=2")
    assert refused.status == 1
    assert "repeats cannot be shared" in refused.err
