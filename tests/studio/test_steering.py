"""Sweeps that somebody else started are told to pause, to go on and to stop by what the command line writes."""

import json
import os
import shlex
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from fixtures.populations import made_population

from netwright.population import Population
from netwright.studies.promises import PROMISES_FILE
from netwright.sweeps.pausing import CONTROL_FILE, state_of

Start = Callable[..., AbstractContextManager[Any]]


def line_of(studio: Any, id: str) -> dict[str, Any]:
    return next(dict(each) for each in studio.get("overview")["populations"] if each["id"] == id)


def test_a_sweep_of_another_program_is_paused_resumed_and_stopped(start: Start, tmp_path: Path) -> None:
    folder = made_population(tmp_path / "runs" / "a", "anynetx_e", 12, done=0.5)
    with start(tmp_path / "runs") as studio:
        answer = studio.client.post("/api/job", json={"id": "a", "wish": "pause"})
        assert (answer.status_code, "does not run" in answer.text) == (409, True)
        assert not (folder / CONTROL_FILE).exists()
        with Population.open(folder) as population, population.lock():
            for wish, flag, state in (
                ("pause", "--pause", "paused"),
                ("run", "--resume", "running"),
                ("stop", "--stop", "stopped"),
            ):
                found = studio.post("job", {"id": "a", "wish": wish})
                assert found["command"] == f"netwright sweep {flag} {shlex.quote(str(folder))}"
                assert state_of(folder) == state
                line = line_of(studio, "a")
                assert (line["told"], bool(line["process"])) == (state, True)


def test_a_paused_sweep_whose_program_is_gone_is_told_to_go_on_when_it_continues(start: Start, tmp_path: Path) -> None:
    command = f"netwright sweep anynetx_e --trials 12 --out {tmp_path}/runs/a"
    folder = made_population(tmp_path / "runs" / "a", "anynetx_e", 12, done=0.5, command=command)
    (folder / CONTROL_FILE).write_text(json.dumps({"state": "paused"}), encoding="utf-8")
    with start(tmp_path / "runs") as studio:
        first, second = studio.post("extend", {"p": "a"})["command"].splitlines()
        assert first.startswith("netwright sweep --resume ")
        assert second == command.replace(f" --out {folder}", "") + f" --out {folder}"
        assert state_of(folder) == "paused"  # nothing was started


def test_a_running_sweep_is_given_more_trials_by_a_second_program(start: Start, tmp_path: Path) -> None:
    command = f"netwright sweep anynetx_e --trials 12 --out {tmp_path}/runs/a"
    folder = made_population(tmp_path / "runs" / "a", "anynetx_e", 12, done=0.5, command=command)
    with start(tmp_path / "runs") as studio, Population.open(folder) as population, population.lock():
        found = studio.post("extend", {"p": "a", "trials": 30})
        assert (found["adds"], found["command"].endswith("--trials 30")) == (True, True)
        retry = studio.post("extend", {"p": "a", "retry_failed": True})["command"]
        assert retry.endswith("--retry_failed")


def test_a_population_of_a_study_is_steered_with_its_study(start: Start, tmp_path: Path) -> None:
    study = tmp_path / "runs" / "study"
    folder = made_population(study / "arm", "anynetx_e", 12, done=0.5)
    (study / PROMISES_FILE).write_text("{}", encoding="utf-8")
    with start(tmp_path / "runs") as studio, Population.open(folder) as population, population.lock():
        command = studio.post("job", {"id": "study/arm", "wish": "pause"})["command"]
        assert command.endswith(str(study))
        assert (state_of(study), state_of(folder)) == ("paused", "running")
        assert line_of(studio, "study/arm")["told"] == "paused"


def test_a_shared_sweep_shows_its_workers_and_can_be_joined(start: Start, tmp_path: Path) -> None:
    folder = made_population(tmp_path / "runs" / "a", "anynetx_e", 12, done=0.5)
    (folder / "join" / "workers").mkdir(parents=True)
    facts = {"format": 1, "lease": 60.0, "title": "a"}
    (folder / "join" / "sweep.json").write_text(json.dumps(facts), encoding="utf-8")
    with start(tmp_path / "runs") as studio:
        assert (line_of(studio, "a")["is_shared"], line_of(studio, "a")["workers"]) == (True, 0)
        for name, silence in (("far-1", 5.0), ("gone-2", 600.0)):
            worker = folder / "join" / "workers" / name
            worker.write_text("1", encoding="utf-8")
            os.utime(worker, (time.time() - silence, time.time() - silence))
        assert line_of(studio, "a")["workers"] == 1
        assert studio.post("join", {"p": "a"})["command"] == f"netwright sweep --join {folder}"
        studio.post("job", {"id": "a", "wish": "pause"})
        assert state_of(folder) == "paused"
