"""The program is interrupted and killed in the middle of a sweep; the same command resumes; nothing is lost."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from netwright.data import ImageSet
from netwright.population import FILE, Population
from netwright.sweeps import run

TRIALS, EPOCHS = 8, 16


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """Of this module alone: workers that other tests share have other images."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def images(program, cache) -> ImageSet:
    return program.few_images(cache)


@pytest.fixture(scope="module")
def reference(tmp_path_factory, program, images) -> pd.DataFrame:
    """The same sweep without interruption, by one worker."""
    folder = tmp_path_factory.mktemp("reference")
    recipe = program.short(EPOCHS)
    with Population.create(folder, networks=program.small_networks(TRIALS), seed=3, identity={}) as population:
        run(population, images, recipe, workers=1)
        return population.frame()


@pytest.fixture
def start(program, cache, tmp_path) -> Callable[[], subprocess.Popen]:
    """Begins the program, or begins it again, from a folder with a module that must not be imported."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "queue.py").write_text("raise SystemExit('the wrong queue')")

    def begin() -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, str(program.path), str(tmp_path / "run"), str(cache), str(TRIALS), str(EPOCHS)],
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path / "here",
        )

    return begin


def counts(folder) -> dict[str, int]:
    if not (folder / FILE).exists():
        return {"done": 0}
    with Population.open(folder) as population:
        return population.counts()


@pytest.mark.slow
def test_ctrl_c_then_kill_then_the_same_command(start, reference, images, tmp_path, watch):
    folder = tmp_path / "run"
    others = set(watch.workers_of(images.path))  # of executors that tests share

    def workers() -> set[int]:
        return set(watch.workers_of(images.path)) - others

    first = start()
    assert watch.eventually(lambda: counts(folder)["done"] >= 2)
    first.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in first.communicate(timeout=20)[1]
    assert first.returncode != 0
    assert workers() == set()
    with Population.open(folder) as population:
        after_ctrl_c = population.frame()
    assert set(after_ctrl_c["state"]) == {"done", "waiting"}
    assert after_ctrl_c["attempts"].tolist() == [int(state == "done") for state in after_ctrl_c["state"]]

    second = start()
    more = after_ctrl_c["state"].eq("done").sum() + 2
    assert watch.eventually(lambda: counts(folder)["done"] >= more)
    assert workers()
    second.kill()
    complaints = second.communicate(timeout=20)[1]
    assert "trials were finished before; continuing" in complaints
    assert watch.eventually(lambda: not workers(), 10)
    with Population.open(folder) as population:
        after_kill = population.frame()
    assert (after_kill["state"] == "done").sum() >= more
    kept = after_ctrl_c["state"] == "done"
    assert after_kill[kept].equals(after_ctrl_c[kept])

    third = start()
    lines = third.communicate(timeout=60)[1].splitlines()
    assert third.returncode == 0
    with Population.open(folder) as population:
        final = population.frame()
    kept = after_kill["state"] == "done"
    assert final[kept].equals(after_kill[kept])
    assert final["attempts"].tolist() == [1] * TRIALS
    assert final["state"].tolist() == ["done"] * TRIALS
    assert lines[-1].startswith(f"program: {TRIALS}/{TRIALS} trials  best ")
    # two workers and three programs, or one of each: the same to the last bit
    assert final["error"].tolist() == reference["error"].tolist()
    assert final["seed"].tolist() == reference["seed"].tolist()
    for ours, theirs in zip(final["curve"], reference["curve"], strict=True):
        assert [epoch["loss"] for epoch in ours] == [epoch["loss"] for epoch in theirs]
