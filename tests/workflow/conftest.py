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
from netwright.sweeps import Executor, NullProgress, TrialEvent, TrialSpec
from netwright.workflow import DesignConfig


@dataclass
class Engine:
    """trials: all that were begun. stop_at: begun trials after which Ctrl-C comes. fails: trials that do. kills: trials
    that the machine fails. reports: of designs."""

    trials: list[TrialSpec] = field(default_factory=list)
    stop_at: int | None = None
    fails: Callable[[TrialSpec], bool] = lambda trial: False
    kills: Callable[[TrialSpec], bool] = lambda trial: False
    reports: list[object] = field(default_factory=list)

    def error(self, trial: TrialSpec) -> float:
        """Percent: more flops are better, and a seed's luck is small."""
        arch = Arch.from_dict(trial.arch)
        return 90 - 10 * float(np.log10(complexity(arch).flops[0])) + trial.seed % 100 / 100


class Pretended(Executor):
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._stopped: bool | None = None

    def run(self, trials: Iterable[TrialSpec]) -> Iterator[TrialEvent]:
        for trial in trials:
            if len(self._engine.trials) == self._engine.stop_at:
                raise KeyboardInterrupt
            self._engine.trials.append(trial)
            yield TrialEvent("began", trial.index, {})
            if self._engine.fails(trial):
                yield TrialEvent("failed", trial.index, {"reason": "diverged: so it was told", "curve": []})
                continue
            if self._engine.kills(trial):
                values = {"reason": "out of memory: so it was told", "curve": [], "failure": "machine"}
                yield TrialEvent("failed", trial.index, values)
                continue
            if trial.state:
                Path(trial.state).parent.mkdir(parents=True, exist_ok=True)
                Path(trial.state).write_text(str(trial.index))
            if trial.weights:
                Path(trial.weights).parent.mkdir(parents=True, exist_ok=True)
                save_file({"seed": np.array([trial.seed])}, trial.weights)
            error = self._engine.error(trial)
            epochs = int(trial.recipe["epochs"]) if trial.prunable else 1
            curve = [
                {"epoch": epoch, "error": error + epochs - epoch, "seconds": 0.1} for epoch in range(1, epochs + 1)
            ]
            for at, epoch in enumerate(curve[:-1], 1):
                self._stopped = None
                yield TrialEvent("epoch", trial.index, epoch)
                assert self._stopped is not None, "every epoch but the last is answered"
                if self._stopped:
                    reason = f"pruned after epoch {at} of {epochs}: {curve[at - 1]['error']:.2f}%"
                    yield TrialEvent(
                        "pruned", trial.index, {"reason": reason, "seconds": 0.1 * at, "curve": curve[:at]}
                    )
                    break
            else:
                yield TrialEvent("done", trial.index, {"error": error, "seconds": 0.1, "curve": curve})

    def answer(self, index: int, *, stop: bool) -> None:
        assert index == self._engine.trials[-1].index
        self._stopped = stop

    def retry(self, trial: TrialSpec) -> None:
        raise AssertionError("nothing is lost here")

    def close(self) -> None:
        pass


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """In place of the workers, and of the drawing of the report."""
    made = Engine()

    def report(data: object, folder: Path) -> Path:
        made.reports.append(data)
        return folder / "report.html"

    for home in ("netwright.sweeps.run", "netwright.workflow.prepare"):
        monkeypatch.setattr(sys.modules[home], "LocalExecutor", lambda *_, **__: Pretended(made))
    monkeypatch.setattr("netwright.report.write_report", report)
    return made


@pytest.fixture
def quiet(engine: Engine) -> NullProgress:
    """A progress that shows nothing."""
    return NullProgress()


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., DesignConfig]:
    """A small one on the digits, in tmp_path/d."""

    def make(**changes: object) -> DesignConfig:
        small = {"out": tmp_path / "d", "flops": (0.3e6, 0.6e6), "trials": 12, "confirm_trials": 6, "epochs": 1}
        small |= {"policy": "all", "refine_from": 10, "rungs": "none"}  # so few trials narrow nothing else
        return DesignConfig(**small | changes)

    return make
