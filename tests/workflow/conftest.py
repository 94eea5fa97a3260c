"""An engine that trains nothing, so that a whole design takes a second, and that fails or stops where it is told."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from netwright.arch import Arch, complexity
from netwright.sweeps import Event, Executor, Job, NullProgress
from netwright.workflow import DesignConfig


@dataclass
class Engine:
    """jobs: all that were begun. stop_at: begun jobs after which Ctrl-C comes. fails: jobs that do. reports: data."""

    jobs: list[Job] = field(default_factory=list)
    stop_at: int | None = None
    fails: Callable[[Job], bool] = lambda job: False
    reports: list[object] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def error(self, job: Job) -> float:
        """Percent: more flops are better, and a seed's luck is small."""
        arch = Arch.from_dict(job.arch)
        return 90 - 10 * float(np.log10(complexity(arch).flops[0])) + job.seed % 100 / 100


class Pretended(Executor):
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def run(self, jobs: Iterable[Job]) -> Iterator[Event]:
        for job in jobs:
            if len(self._engine.jobs) == self._engine.stop_at:
                raise KeyboardInterrupt
            self._engine.jobs.append(job)
            yield Event("began", job.index, {})
            if self._engine.fails(job):
                yield Event("failed", job.index, {"reason": "diverged: so it was told", "curve": []})
                continue
            if job.weights:
                Path(job.weights).parent.mkdir(parents=True, exist_ok=True)
                save_file({"seed": np.array([job.seed])}, job.weights)
            error = self._engine.error(job)
            yield Event("done", job.index, {"error": error, "seconds": 0.1, "curve": [{"epoch": 1, "error": error}]})

    def again(self, job: Job) -> None:
        raise AssertionError("nothing is lost here")

    def close(self) -> None:
        pass


class Heard(NullProgress):
    """Progress that keeps what it is told to say."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def say(self, text: str) -> None:
        self._engine.said.append(text)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """In place of the workers, and of the drawing of the report."""
    made = Engine()

    def report(data: object, folder: Path) -> Path:
        made.reports.append(data)
        return folder / "report.html"

    for home in ("netwright.sweeps.run", "netwright.workflow.job"):
        monkeypatch.setattr(sys.modules[home], "LocalExecutor", lambda *_, **__: Pretended(made))
    monkeypatch.setattr("netwright.report.write_report", report)
    return made


@pytest.fixture
def heard(engine: Engine) -> Heard:
    return Heard(engine)


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., DesignConfig]:
    """A small one on the digits, in tmp_path/d."""

    def make(**changes: object) -> DesignConfig:
        small = {"out": tmp_path / "d", "flops": (0.3e6, 0.6e6), "trials": 12, "confirm_trials": 6, "epochs": 1}
        return DesignConfig(**small | changes)

    return make
