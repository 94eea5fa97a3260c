"""What is special about local workers: processes, and how they die."""

import os
import sys
from pathlib import Path

import pytest

from netwright.errors import PopulationError
from netwright.sweeps import LocalExecutor, default_workers
from netwright.sweeps import local as module
from netwright.system import machine


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.mark.slow
def test_a_worker_that_is_replaced_leaves_its_number_and_device(images, trials):
    endless = [trials.good(0, epochs=100_000), trials.good(1, epochs=100_000)]
    began = []
    with LocalExecutor(images.path, workers=2, threads=1, devices=("cpu:0", "cpu:0")) as executor:
        events = executor.run(endless)
        while len(began) < 3:
            event = next(events)
            if event.kind == "began":
                began.append((event.values["worker"], event.values["pid"]))
                if len(began) == 2:
                    os.kill(began[0][1], 9)
            if event.kind == "lost":
                executor.retry(endless[event.index])
        assert sorted(number for number, _ in began[:2]) == [0, 1]
        assert began[2][0] == began[0][0]
        pids = executor.pids()
        assert len(pids) == 2
        assert all(is_alive(pid) for pid in pids)
    assert not any(is_alive(pid) for pid in pids)  # ended, and no zombies either
    assert executor.pids() == []


@pytest.mark.slow
def test_a_worker_that_cannot_start_is_told_with_its_own_words(tmp_path, trials):
    with (
        LocalExecutor(tmp_path / "images-absent.json", workers=2, threads=1) as executor,
        pytest.raises(PopulationError) as caught,
    ):
        list(executor.run([trials.good(0), trials.good(1)]))
    assert "no worker could be started: 3 in a row died before they were ready" in str(caught.value)
    assert "DataError: the saved images" in str(caught.value)
    assert "images-absent.json" in str(caught.value)


@pytest.fixture
def pretender(tmp_path, monkeypatch):
    """A function that puts a program in the place of the workers' Python."""

    def put(source: str) -> None:
        path = tmp_path / "python"
        path.write_text(f"#!{sys.executable}\nimport os, sys, time\n{source}")
        path.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(path))

    return put


READY = 'print(\'{"kind": "ready", "index": -1, "values": {}}\', flush=True)\ninput()\n'


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (READY + 'sys.stdout.write(\'{"kind": "do\'); sys.stdout.flush(); os.kill(os.getpid(), 9)', "signal 9"),
        (READY + "os.close(1); time.sleep(600)", "signal 9"),
        (READY + "sys.stderr.write('x' * 100_000 + '\\nthe end\\n'); os._exit(3)", "ended with code 3: the end"),
        (READY + "os.abort()", "died of SIGABRT"),
        ("print('a library says hello', flush=True)\n" + READY + "os._exit(0)", "ended with code 0: no message"),
    ],
    ids=["half-a-line", "closes-its-pipe", "last-words", "abort", "chatter"],
)
def test_no_death_of_a_worker_stops_the_sweep(source, reason, pretender, images, trials, monkeypatch):
    monkeypatch.setattr(module, "_EXIT_SECONDS", 0.3)
    pretender(source)
    with LocalExecutor(images.path, workers=1, threads=1) as executor:
        events = list(executor.run([trials.good(0)]))
    assert [event.kind for event in events] == ["began", "lost"]
    assert reason in events[-1].values["reason"]


def test_every_processor_has_a_worker(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(machine, "_quota", lambda: None)
    assert default_workers(1, ("cpu",)) == 8
    assert default_workers(3, ("cpu",)) == 2
    assert default_workers(16, ("cpu",)) == 1
    assert default_workers(1, ("cuda:0", "cuda:1")) == 2
