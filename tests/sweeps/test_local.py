"""What is special about local workers: processes, and how they die."""

import os
import sys
import time
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
def test_a_trial_that_has_no_memory_beside_others_is_tried_again_alone(images, trials, caplog):
    with LocalExecutor(images.path, workers=2, threads=1) as executor:
        events = list(executor.run([trials.good(0, epochs=40), trials.too_large(1), trials.good(2)]))
        assert len(executor.pids()) == 2  # the network is too large, so the others were not too many
    ends = [(event.index, event.kind) for event in events if event.kind in ("done", "failed")]
    assert ends == [(0, "done"), (1, "failed"), (2, "done")]
    assert [event.index for event in events if event.kind == "began"].count(1) == 2
    assert [event.values["failure"] for event in events if event.kind == "failed"] == ["machine"]
    assert "trial 1 ran out of memory beside others on cpu: it is trained again alone" in caplog.text


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


CROWDED = """
import json, pathlib
here = pathlib.Path(FOLDER)
print('{"kind": "ready", "index": -1, "values": {}}', flush=True)
for line in sys.stdin:
    index, mine = json.loads(line)["index"], here / str(os.getpid())
    mine.touch()
    if len(list(here.iterdir())) > 1:
        kind, values = "failed", {"reason": "out of memory: beside another", "curve": [], "failure": "machine"}
    else:
        kind, values = "done", {"error": 1.0, "seconds": 1.0, "curve": []}
        time.sleep(0.7)
    mine.unlink()
    print(json.dumps({"kind": kind, "index": index, "values": values}), flush=True)
"""


@pytest.mark.slow
def test_fewer_share_a_device_once_a_trial_succeeded_alone(pretender, images, trials, tmp_path, caplog):
    (tmp_path / "busy").mkdir()
    pretender(CROWDED.replace("FOLDER", repr(str(tmp_path / "busy"))))
    with LocalExecutor(images.path, workers=2, threads=1) as executor:
        events = list(executor.run([trials.good(i) for i in range(4)]))
        assert len(executor.pids()) == 1
    assert sorted(event.index for event in events if event.kind == "done") == [0, 1, 2, 3]
    assert not [event for event in events if event.kind == "failed"]
    assert "1 at a time train on cpu from now on" in caplog.text


@pytest.mark.slow
def test_a_trial_that_sleeps_is_ended_with_what_it_told_so_far(pretender, images, trials):
    epoch = '{"kind": "epoch", "index": 0, "values": {"epoch": 1}}'
    pretender(READY + f"print('{epoch}', flush=True); time.sleep(600)")
    with LocalExecutor(images.path, workers=1, threads=1) as executor:
        events = list(executor.run([trials.good(0, timeout=1.0)]))
        assert executor.pids() == []
    assert [event.kind for event in events] == ["began", "epoch", "failed"]
    assert events[-1].values == {
        "reason": "no result within 1 s (--trial_timeout)",
        "curve": [{"epoch": 1}],
        "failure": "machine",
    }


@pytest.mark.slow
def test_a_result_that_waited_for_the_program_is_no_late_one(pretender, images, trials):
    done = '{"kind": "done", "index": 0, "values": {}}'
    pretender(READY + f"print('{done}', flush=True); time.sleep(600)")
    with LocalExecutor(images.path, workers=1, threads=1) as executor:
        events = executor.run([trials.good(0, timeout=0.5)])
        kinds = [next(events).kind]
        time.sleep(1.5)  # as where the disk is full
        kinds += [event.kind for event in events]
    assert kinds == ["began", "done"]


@pytest.mark.slow
def test_a_worker_that_never_gets_ready_stops_no_sweep(pretender, images, trials, monkeypatch):
    monkeypatch.setattr(module, "_START_SECONDS", 0.3)
    pretender("time.sleep(600)")
    with (
        LocalExecutor(images.path, workers=1, threads=1) as executor,
        pytest.raises(PopulationError, match="no worker could be started: 3 in a row died before they were ready"),
    ):
        list(executor.run([trials.good(0)]))


@pytest.mark.slow
def test_a_trial_that_is_silent_for_long_is_named_once(pretender, images, trials, monkeypatch, caplog):
    monkeypatch.setattr(module, "_SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(module, "_SILENCE_EPOCHS", 0.1)
    epoch = '{"kind": "epoch", "index": 0, "values": {"epoch": 1}}'
    pretender(READY + f"print('{epoch}', flush=True); time.sleep(1.5); os._exit(0)")
    with LocalExecutor(images.path, workers=1, threads=1) as executor:
        assert [event.kind for event in executor.run([trials.good(0)])] == ["began", "epoch", "lost"]
    [line] = caplog.messages
    assert line.startswith("trial 0 has sent nothing for 0 s (process ")
    assert "--trial_timeout" in line


@pytest.mark.slow
def test_a_trial_that_is_silent_from_its_beginning_is_named_too(pretender, images, trials, monkeypatch, caplog):
    monkeypatch.setattr(module, "_FIRST_EPOCH_SECONDS", 0.3)
    pretender(READY + "time.sleep(1.5); os._exit(0)")
    with LocalExecutor(images.path, workers=1, threads=1) as executor:
        assert [event.kind for event in executor.run([trials.good(0)])] == ["began", "lost"]
    [line] = caplog.messages
    assert "no epoch is over so far" in line


@pytest.mark.slow
def test_a_device_that_breaks_down_ends_its_worker_and_not_the_trials_after_it(pretender, images, trials):
    """After an error of CUDA nothing more can be computed in that process."""
    pretender(
        "import torch\n"
        "from netwright.sweeps import worker\n"
        "def broken(*_):\n"
        "    raise torch.AcceleratorError('CUDA error: an illegal memory access\\nCompile with TORCH_USE_CUDA_DSA')\n"
        "worker.train_trial = broken\n"
        "worker.main(sys.argv[-3:])\n"
    )
    with LocalExecutor(images.path, workers=1, threads=1) as executor:
        events = list(executor.run([trials.good(0)]))
    assert [event.kind for event in events] == ["began", "lost"]
    reason = "the worker ended with code 1: AcceleratorError: CUDA error: an illegal memory access"
    assert events[-1].values["reason"] == reason


def test_every_processor_has_a_worker(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(machine, "_quota", lambda: None)
    assert default_workers(1, ("cpu",)) == 8
    assert default_workers(3, ("cpu",)) == 2
    assert default_workers(16, ("cpu",)) == 1
    assert default_workers(1, ("cuda:0", "cuda:1")) == 2
